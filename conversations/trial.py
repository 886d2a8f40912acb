"""What a persona would answer, tried without anybody writing: `wxfleet personas try`."""

from dataclasses import dataclass

from conversations.knowledge import PRODUCT_FACTS
from conversations.meanings import Meaning, meaning_of
from conversations.own_words import own_words
from conversations.products import Products
from personas.model import About, Occasion, Persona, Shop, Stage
from personas.replies import Match, answer, find
from personas.speech import names, speak

_UNANSWERED = frozenset({Meaning.OPT_OUT, Meaning.UNCLEAR, Meaning.OPT_IN, Meaning.AUTO_REPLY})
_TO_A_PERSON = frozenset({Meaning.ABUSE, Meaning.COMPLAINT, Meaning.AFTER_SALE, Meaning.PERSON})


@dataclass(frozen=True, slots=True)
class Trial:
    """`answer` None: nothing was prepared. `product`: the goods they mean, '' for none. `looks_up`: what would be
    looked up for a real person first.
    """

    meaning: Meaning
    answer: str | None
    entry: str | None
    hand_over: bool
    product: str
    looks_up: About | None
    match: Match


def try_out(persona: Persona, shop: Shop, products: Products, text: str, *, stage: Stage | None, now_ms: int) -> Trial:
    """What `persona` says to `text` from somebody nameless at `stage`. Nobody's orders or campaigns are known."""
    words = own_words(text)
    meaning = meaning_of(text, now_ms=now_ms, zone=shop.time_zone)
    match = find(persona, words.text, stage=stage)
    product = products.titled(words.shared) if words.shared else products.named_in(words.text)
    named = product.name if product else ""
    if meaning in _UNANSWERED:
        return Trial(meaning, None, None, meaning is Meaning.UNCLEAR, named, None, match)
    values = names(persona, shop)
    if meaning is Meaning.SHARED:
        said = speak(persona, Occasion.SHARED, {**values, "product": named}) if named else None
        return Trial(meaning, said, None, said is None, named, None, match)
    if meaning is Meaning.ORDER_STATUS:
        return _found(persona, shop, words.text, stage, meaning, named, About.ORDER, match)
    about = match.chosen.entry.about if match.chosen else None
    fact = product.fact(about) if product and about in PRODUCT_FACTS else None
    if fact is None or meaning in _TO_A_PERSON or match.chosen is None:
        lookup = about if about in (About.ORDER, About.CAMPAIGN) and meaning not in _TO_A_PERSON else None
        return _found(persona, shop, words.text, stage, meaning, named, lookup, match)
    said = speak(persona, Occasion.PRODUCT, {**values, "product": named, "fact": fact})
    return Trial(meaning, said, match.chosen.entry.name, False, named, about, match)


def _found(
    persona: Persona,
    shop: Shop,
    text: str,
    stage: Stage | None,
    meaning: Meaning,
    product: str,
    looks_up: About | None,
    match: Match,
) -> Trial:
    found = answer(persona, text, stage=stage, shop=shop)
    if meaning in _TO_A_PERSON and (found is None or not found.hand_over):
        said = speak(persona, Occasion.HAND_OVER, names(persona, shop))
        return Trial(meaning, said, None, True, product, looks_up, match)
    if found is None:
        return Trial(meaning, None, None, True, product, looks_up, match)
    return Trial(meaning, found.text, found.entry, found.hand_over, product, looks_up, match)
