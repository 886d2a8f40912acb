"""What a persona says on an occasion: the right template, the right names in it."""

from collections.abc import Mapping

from personas.model import Occasion, Persona, Shop
from personas.voice import call_me, render
from texts.catalogue import say


def address(persona: Persona, nickname: str) -> str:
    """How this persona addresses somebody with this nickname (or cleaned name); never empty."""
    name = call_me(nickname, "")
    return render(persona.voice.address, {"call_me": name}) if name else persona.voice.stranger


def names(persona: Persona, shop: Shop, nickname: str = "", *, position: str | None = None) -> dict[str, str]:
    """The values every template of this persona may use; `position` is the account's own, where it has one."""
    values = {
        "call_me": address(persona, nickname),
        "me": persona.name,
        "position": position or persona.position,
        "shop": shop.name,
        "brand": shop.brand or shop.name,
        "contact": shop.contact,
        "search": shop.search_words,
    }
    values["disclosure"] = render(persona.disclosure, values)
    return values


def welcome(persona: Persona, values: Mapping[str, object], *, seed: int = 0) -> str:
    """The first message to a new friend. `values` come from `names`; equal seeds give equal words."""
    return render(variant(persona.welcome, seed), values)


def speak(persona: Persona, occasion: Occasion, values: Mapping[str, object], *, seed: int = 0) -> str:
    """What this persona says on an occasion, in plain words of the house where its file has none.

    `values` come from `names`, plus `level` (CLAIMED, LEVEL_UP) or `sibling` (INTRODUCE). Raises ValueMissing.
    """
    own = persona.templates.get(occasion, ())
    # Customers of the shop read Chinese, whatever language the operator's screen speaks.
    return render(variant(own, seed) if own else say(f"personas.default.{occasion}", lang="zh"), values)


def variant(variants: tuple[str, ...], seed: int) -> str:
    """One of several wordings; consecutive seeds give different ones."""
    return variants[seed % len(variants)]
