"""What must agree within config.yaml, and between it and the personas.

Works on the plain data, not on the model: a file with one wrong value still hears of all its other mistakes.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from bots.limits_given import LimitsGiven, limits_of
from personas.book import Book
from rules.limits import PLATFORM_FRIEND_CAP
from rules.roles import PersonaKind
from texts.catalogue import say
from texts.errors import Mistake, Severity
from texts.nearest import nearest
from texts.yaml_reader import Document

Step = str | int


@dataclass(frozen=True, slots=True)
class Draft:
    """config.yaml as it was written, whatever is wrong with it."""

    document: Document[Any]
    book: Book

    def at(self, *loc: Step) -> Any:
        """What stands at `loc`, or None."""
        value = self.document.data
        for step in loc:
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                return None
        return value

    def text(self, *loc: Step) -> str:
        """The text at `loc`, '' when there is none."""
        value = self.at(*loc)
        return value if isinstance(value, str) else ""

    def numbers(self, *loc: Step) -> range:
        """The indices of the list at `loc`."""
        value = self.at(*loc)
        return range(len(value)) if isinstance(value, list) else range(0)

    def ids(self, section: str, key: str = "id") -> list[str]:
        """The ids of a section, '' for an entry without one."""
        return [self.text(section, n, key) for n in self.numbers(section)]

    def mistake(self, loc: tuple[Step, ...], code: str, *, meant: str = "", **values: Any) -> Mistake:
        """An error at the value of `loc`, in the words behind `settings.`; {written} is what stands there.

        As written, not as resolved: it may be a secret in the wrong place.
        """
        reason = say(f"settings.{code}", written=self.document.written(loc), **values)
        return self.document.mistake(loc, reason, suggestion=meant)

    def warning(self, loc: tuple[Step, ...], code: str, **values: Any) -> Mistake:
        """A warning at the value of `loc`, in the words behind `settings.`."""
        return self.document.mistake(loc, say(f"settings.{code}", **values), severity=Severity.WARNING)


def cross_check(document: Document[Any], book: Book) -> list[Mistake]:
    """Every disagreement, with its place. Raises nothing."""
    if not isinstance(document.data, dict):
        return []
    draft = Draft(document, book)
    return [mistake for check in _CHECKS for mistake in check(draft)]


def _ids_are_used_once(draft: Draft) -> Iterator[Mistake]:
    for section, key in (("accounts", "id"), ("staff", "id"), ("channels", "code")):
        places = (((section, n, key), id_) for n, id_ in enumerate(draft.ids(section, key)))
        yield from _repeated(draft, places, "id_twice")


def _gateways_are_not_shared(draft: Draft) -> Iterator[Mistake]:
    for key, code in (("token", "token_twice"), ("endpoint", "endpoint_twice")):
        places = (
            (loc, draft.text(*loc)) for n in draft.numbers("accounts") if (loc := ("accounts", n, "gateway", key))
        )
        yield from _repeated(draft, places, code)


def _repeated(draft: Draft, places: Iterable[tuple[tuple[Step, ...], str]], code: str) -> Iterator[Mistake]:
    """A mistake for each value that stands before. It names the other entry, never the value: it may be secret."""
    first: dict[str, tuple[Step, ...]] = {}
    for loc, value in places:
        plain = value.strip().casefold() if code == "endpoint_twice" else value
        if plain and plain in first:
            section, number = first[plain][0], first[plain][1]
            assert isinstance(number, int)  # noqa: S101  # sections are lists
            other = draft.text(section, number, "id") or f"{section}[{number + 1}]"
            yield draft.mistake(loc, code, other=other)
        elif plain:
            first[plain] = loc


def _personas_exist_and_play_their_role(draft: Draft) -> Iterator[Mistake]:
    known = {persona.id: persona for persona in draft.book.all()}
    for n in draft.numbers("accounts"):
        written = draft.text("accounts", n, "persona")
        if not written:
            continue
        persona = known.get(written)
        if persona is None:
            yield draft.mistake(("accounts", n, "persona"), "no_persona", meant=nearest(written, known))
            continue
        role = draft.text("accounts", n, "role")
        playable = sorted(persona.playable)
        if playable and role in ("acquisition", "sales", "training") and role not in playable:
            listed = say("texts.comma").join(playable)
            yield draft.mistake(("accounts", n, "role"), "role_not_playable", id=written, roles=listed)


def _mirrors_follow_one_account(draft: Draft) -> Iterator[Mistake]:
    players: dict[str, list[int]] = {}
    for n in draft.numbers("accounts"):
        players.setdefault(draft.text("accounts", n, "persona"), []).append(n)
    mirrors = [p for p in draft.book.all() if p.kind is PersonaKind.MIRROR and p.mirror_of and p.id in players]
    for source in dict.fromkeys(mirror.mirror_of or "" for mirror in mirrors):
        for n in players.get(source, [])[1:]:
            first = draft.text("accounts", players[source][0], "id")
            yield draft.mistake(("accounts", n, "persona"), "source_played_twice", id=source, other=first)
    for mirror in mirrors:
        for n in players[mirror.id]:
            yield from _mirror_matches(draft, n, players.get(mirror.mirror_of or "", []), mirror.mirror_of or "")


def _mirror_matches(draft: Draft, n: int, sources: list[int], source: str) -> Iterator[Mistake]:
    if not sources:
        if source in draft.book:
            yield draft.mistake(("accounts", n, "persona"), "source_not_played", id=source)
        return
    theirs, mine = draft.text("accounts", sources[0], "role"), draft.text("accounts", n, "role")
    if theirs and mine and theirs != mine:
        other = draft.text("accounts", sources[0], "id")
        yield draft.mistake(("accounts", n, "role"), "mirror_other_role", other=other, role=theirs, meant=theirs)


def _named_accounts_exist(draft: Draft) -> Iterator[Mistake]:
    known = [id_ for id_ in draft.ids("accounts") if id_]
    places: list[tuple[Step, ...]] = [
        (section, n, "accounts", m)
        for section in ("staff", "channels")
        for n in draft.numbers(section)
        for m in draft.numbers(section, n, "accounts")
    ]
    for loc in [*places, ("staff_room", "desk")]:
        written = draft.text(*loc)
        if written and written not in known:
            yield draft.mistake(loc, "no_account", meant=nearest(written, known))


def _preferred_personas_exist(draft: Draft) -> Iterator[Mistake]:
    known = [persona.id for persona in draft.book.all()]
    for n in draft.numbers("channels"):
        for m in draft.numbers("channels", n, "personas"):
            written = draft.text("channels", n, "personas", m)
            if written and written not in known:
                yield draft.mistake(("channels", n, "personas", m), "no_persona", meant=nearest(written, known))


def _named_staff_exist(draft: Draft) -> Iterator[Mistake]:
    known = [id_ for id_ in draft.ids("staff") if id_]
    for n in draft.numbers("accounts"):
        holder = draft.text("accounts", n, "holder")
        if holder and holder not in known:
            yield draft.mistake(("accounts", n, "holder"), "no_staff", meant=nearest(holder, known))
    contacts = (
        ((("staff", n, "wechat", m)), draft.text("staff", n, "wechat", m))
        for n in draft.numbers("staff")
        for m in draft.numbers("staff", n, "wechat")
    )
    yield from _repeated(draft, contacts, "wechat_twice")


def _zones_exist(draft: Draft) -> Iterator[Mistake]:
    places: list[tuple[Step, ...]] = [("accounts", n, "time_zone") for n in draft.numbers("accounts")]
    for loc in [("shop", "time_zone"), *places]:
        written = draft.text(*loc)
        if written and not _is_zone(written):
            yield draft.mistake(loc, "no_zone", meant=nearest(written, _COMMON_ZONES))


_COMMON_ZONES = ("Asia/Shanghai", "Asia/Hong_Kong", "Asia/Taipei", "Asia/Urumqi", "Asia/Singapore", "Asia/Tokyo", "UTC")


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def _limits_agree(draft: Draft) -> Iterator[Mistake]:
    fleet = _given(draft.at("limits"))
    places: list[tuple[Step, ...]] = [("accounts", n, "limits") for n in draft.numbers("accounts")]
    for loc in [("limits",), *places]:
        friends = draft.at(*loc, "friends")
        if isinstance(friends, int) and friends > PLATFORM_FRIEND_CAP:
            yield draft.warning((*loc, "friends"), "friends_above_platform", cap=PLATFORM_FRIEND_CAP)
        own = _given(draft.at(*loc))
        if fleet is None or own is None or not own.model_fields_set:
            continue
        try:
            limits_of(fleet, own)
        except ValidationError as error:
            code = str(error.errors()[0].get("ctx", {}).get("error", ""))
            yield draft.document.mistake(loc, say(f"texts.rule.{code}", key="limits"), at_key=True)


def _given(written: Any) -> LimitsGiven | None:
    """The limits as written; None when they have mistakes of their own."""
    try:
        return LimitsGiven.model_validate(written or {})
    except ValidationError:
        return None


def _publishers_can_publish(draft: Draft) -> Iterator[Mistake]:
    for n in draft.numbers("accounts"):
        loc = ("accounts", n, "publisher")
        if draft.text(*loc, "kind") != "webhook":
            continue
        if not draft.text(*loc, "url") and draft.text("accounts", n, "gateway", "kind") == "wechaty":
            yield draft.mistake(loc, "webhook_without_url")
        if draft.text(*loc, "url") and not draft.text(*loc, "secret"):
            yield draft.mistake(loc, "webhook_without_secret")


def _live_is_meant(draft: Draft) -> Iterator[Mistake]:
    if draft.text("mode") != "live":
        return
    real = [n for n in draft.numbers("accounts") if draft.text("accounts", n, "gateway", "kind") == "wechaty"]
    if real and not any(draft.text("staff", n, "role") == "owner" for n in draft.numbers("staff")):
        yield draft.mistake(("mode",), "live_without_owner")
    if real and not any(draft.at("accounts", n, "armed") is True for n in draft.numbers("accounts")):
        yield draft.warning(("mode",), "live_but_none_armed")


_CHECKS: tuple[Callable[[Draft], Iterator[Mistake]], ...] = (
    _ids_are_used_once,
    _gateways_are_not_shared,
    _personas_exist_and_play_their_role,
    _mirrors_follow_one_account,
    _named_accounts_exist,
    _preferred_personas_exist,
    _named_staff_exist,
    _zones_exist,
    _limits_agree,
    _publishers_can_publish,
    _live_is_meant,
)
