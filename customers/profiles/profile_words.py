"""The page about one customer in words, and as the document that scripts read."""

from collections.abc import Iterator, Sequence
from typing import Any

from customers.consent import Wish
from customers.profiles.birthday_words import Birthday, stored_birthday
from customers.profiles.profile import Past
from customers.profiles.profile_fields import FIELDS, Profile, one_line, shown_name, shown_value
from customers.profiles.profile_view import KnownBy, LastOrder, ProfileView, Standing
from customers.referrals.referrals import ReferralState
from rules.quiet_hours import local
from texts.catalogue import say
from texts.masking import masked_name, masked_phone

_SOURCES = frozenset({"staff", "import", "inbox", "undo", "learnt"})
_CALLED = 30
"""Characters of a nickname or a title of goods: a page is for looking, not for reading."""


def page(view: ProfileView, zone: str, *, whole: bool = False) -> str:
    """For people, a line for each thing that is known. `whole`: phones and receivers unmasked. `zone`: the shop's."""
    if view.erased:
        return say("profile.erased", id=view.row.id, at=_day(view.row.erased_ms, zone))
    return "\n".join(
        [
            *_who(view, zone, whole),
            *(_friendship_line(known, zone) for known in view.friendships),
            *view.company.lines(zone),
            *_purchases(view, zone, whole),
            *_fields(view),
            *_words(view, zone),
            *(_wish_line(wish, zone) for wish in view.wishes),
            *_referral_lines(view),
            *_history_lines(view.history, zone),
        ]
    )


def document(view: ProfileView, *, whole: bool = False) -> dict[str, Any]:
    """For scripts, besides what a list of people says of each. Amounts in yuan, times in epoch ms."""
    row = view.row
    born = _birthday(view)
    return {
        "erased_ms": row.erased_ms,
        "member_names": list(view.member_names),
        "phone": row.phone if whole else masked_phone(row.phone) or None,
        "birthday": {"date": born.date, "lunar": born.lunar} if born else None,
        "profile": view.profile.model_dump(exclude_none=True),
        "preferred_persona": row.preferred_persona,
        "core": row.core,
        "standing": _standing_json(view.standing),
        "distinct_items": row.distinct_items,
        "first_order_ms": row.first_order_ms,
        "last_order_ms": row.last_order_ms,
        "last_order": _order_json(view.last_order, whole),
        "known_by": [_friendship_json(known) for known in view.friendships],
        "tags": list(view.tags),
        "notes": [{"text": note.text, "by": note.by, "at_ms": note.at_ms} for note in view.notes],
        "muted_until_ms": row.muted_until_ms,
        "wishes": [
            {"what": w.what.value, "at_ms": w.at_ms, "source": w.source, "words": w.words, "until_ms": w.until_ms}
            for w in view.wishes
        ],
        "likings": [one.as_json() for one in view.company.likings],
        "moves": [move.as_json() for move in view.company.moves],
        "brought_by": view.brought_by.referrer if view.brought_by else None,
        "brought": [{"person": tie.person, "state": tie.state.value} for tie in view.brought],
        "referred_net": row.referred_net_fen / 100,
        "kept_promises": row.kept_promises,
        "broken_promises": row.broken_promises,
        "unanswered": row.unanswered,
        "history": [
            {"field": past.field, "before": _seen(past, past.before, whole), "after": _seen(past, past.after, whole),
             "by": past.by, "at_ms": past.at_ms}
            for past in view.history
        ],
    }  # fmt: skip


def said_by(source: str) -> str:
    """Who says so, for people: `staff:owner` is 员工 owner."""
    kind, colon, which = source.partition(":")
    return say(f"profile.by.{kind}", which=which) if colon and kind in _SOURCES else source


def _who(view: ProfileView, zone: str, whole: bool) -> Iterator[str]:
    row = view.row
    if row.kind != "customer":
        yield say(f"profile.kind.{row.kind}")
    if row.opted_out_ms is not None:
        source, _, words = one_line(row.opted_out_by or "—").partition(": ")
        by = say("texts.comma").join(filter(None, (said_by(source.rstrip(": ")), words)))
        yield say("profile.opted_out", at=_day(row.opted_out_ms, zone), by=by)
    names = say("texts.comma").join(one_line(name) for name in view.member_names)
    if len(view.member_names) > 1:
        yield say("profile.members", members=names)
    if row.phone:
        yield say("profile.phone", phone=row.phone if whole else masked_phone(row.phone))


def _purchases(view: ProfileView, zone: str, whole: bool) -> Iterator[str]:
    row, standing = view.row, view.standing
    name = standing.name if standing.name == standing.level else f"{standing.level} {standing.name}"
    by = said_by(standing.given_by or "")
    yield say(f"profile.level.{_why(view)}", level=name, by=by, next=_next(standing))
    tier = say(f"cli.segments.tier.{row.tier}") if row.tier else "—"
    core = say("profile.core") if row.core else ""
    yield say("profile.worth", tier=tier, core=core, orders=row.orders, paid=_yuan(row.net_paid_fen),
              items=row.distinct_items)  # fmt: skip
    last = view.last_order
    if last is not None:
        receiver = last.receiver if whole else masked_name(last.receiver)
        phone = last.phone if whole else masked_phone(last.phone)
        to = say("profile.last_order.to", receiver=one_line(receiver) or "—", phone=phone or "—")
        yield say(
            "profile.last_order", number=last.number, at=_day(last.at_ms, zone), paid=_yuan(last.net_fen),
            status=say(f"profile.order.{last.status}"), items=_short(last.items) or "—",
            to=to if receiver or phone else "",
        )  # fmt: skip
    if row.kept_promises or row.broken_promises:
        yield say("profile.promises", kept=row.kept_promises, broken=row.broken_promises)
    if row.unanswered:
        yield say("profile.unanswered", times=row.unanswered)


def _why(view: ProfileView) -> str:
    if view.standing.given_by is not None:
        return "given"
    return "earned" if view.row.orders else "entry"


def _next(standing: Standing) -> str:
    if standing.next is None:
        return say("profile.level.highest")
    name = standing.next.name or standing.next.id
    if standing.missing_fen:
        return say("profile.level.missing", level=name, yuan=_yuan(standing.missing_fen))
    return say("profile.level.any_purchase", level=name)


def _fields(view: ProfileView) -> Iterator[str]:
    held: dict[str, Any] = {name: getattr(view.profile, name) for name in Profile.model_fields}
    born = _birthday(view)
    held |= {"call_me": view.row.call_me, "preferred_persona": view.row.preferred_persona}
    held["birthday"] = born.stored if born else None
    known = [f"{shown_name(key)} {shown_value(key, held[key])}" for key in FIELDS if held[key] is not None]
    if known:
        yield say("profile.fields", fields=" · ".join(known))


def _words(view: ProfileView, zone: str) -> Iterator[str]:
    if view.tags:
        yield say("profile.tags", tags=say("texts.comma").join(one_line(tag) for tag in view.tags))
    for note in view.notes:
        yield say("profile.note", at=_day(note.at_ms, zone), by=said_by(note.by), text=one_line(note.text))


def _friendship_line(known: KnownBy, zone: str) -> str:
    called = [f"「{_short(name)}」" for name in dict.fromkeys((known.alias, known.nickname)) if one_line(name)]
    parts = [say("profile.known.before" if known.before_us else "profile.known.since", at=_day(known.since_ms, zone))]
    if known.state == "friend":
        parts.append(say(f"profile.bond.{known.bond}"))
        parts.append(say("profile.known.sees" if known.sees_moments else "profile.known.may_not_see"))
    else:
        parts.append(say(f"profile.known.{known.state}"))
    if known.serves:
        parts.append(say("profile.known.serves"))
    if known.channel:
        parts.append(say("profile.known.channel", channel=known.channel))
    if known.last_in_ms:
        parts.append(say("profile.known.spoke", at=_day(known.last_in_ms, zone)))
    return say("profile.known", account=known.account, called="".join(called), more=say("texts.comma").join(parts))


def _wish_line(wish: Wish, zone: str) -> str:
    until = _day(wish.until_ms, zone) if wish.until_ms else ""
    words = say("profile.wish.words", words=one_line(wish.words)) if wish.words else ""
    what = say(f"privacy.wish.{wish.what.value}", until=until)
    return say("profile.wish", at=_day(wish.at_ms, zone), what=what, source=said_by(wish.source), words=words)


def _referral_lines(view: ProfileView) -> Iterator[str]:
    if view.brought_by is not None:
        tie = view.brought_by
        yield say("profile.brought_by", who=f"{_short(tie.referrer_name)} #{tie.referrer}")
    if view.brought:
        due = sum(tie.state is ReferralState.DUE for tie in view.brought)
        done = sum(tie.state is ReferralState.DELIVERED for tie in view.brought)
        paid = _yuan(view.row.referred_net_fen)
        yield say("profile.brought", people=len(view.brought), due=due, delivered=done, paid=paid)


def _history_lines(history: Sequence[Past], zone: str) -> Iterator[str]:
    if history:
        yield say("profile.history")
    for past in history:
        before, after = (_seen(past, value, False) for value in (past.before, past.after))
        yield say(
            "profile.past", at=_day(past.at_ms, zone), by=said_by(past.by), field=shown_name(past.field),
            before=shown_value(past.field, before), after=shown_value(past.field, after),
        )  # fmt: skip


def _seen(past: Past, value: Any, whole: bool) -> Any:
    return masked_phone(value) if past.field == "phone" and value and not whole else value


def _birthday(view: ProfileView) -> Birthday | None:
    row = view.row
    return stored_birthday(f"lunar:{row.birthday}" if row.birthday_lunar else row.birthday) if row.birthday else None


def _standing_json(standing: Standing) -> dict[str, Any]:
    return {
        "level": standing.level, "given_by": standing.given_by, "next": standing.next.id if standing.next else None,
        "missing": standing.missing_fen / 100,
    }  # fmt: skip


def _order_json(last: LastOrder | None, whole: bool) -> dict[str, Any] | None:
    if last is None:
        return None
    return {
        "number": last.number, "at_ms": last.at_ms, "status": last.status, "net": last.net_fen / 100,
        "items": last.items, "receiver": last.receiver if whole else masked_name(last.receiver),
        "phone": last.phone if whole else masked_phone(last.phone),
    }  # fmt: skip


def _friendship_json(known: KnownBy) -> dict[str, Any]:
    return {
        "account": known.account, "contact": known.contact, "nickname": known.nickname, "alias": known.alias,
        "state": known.state, "since_ms": known.since_ms, "before_us": known.before_us, "bond": known.bond,
        "channel": known.channel, "last_in_ms": known.last_in_ms, "sees_moments": known.sees_moments,
        "serves": known.serves,
    }  # fmt: skip


def _short(text: str) -> str:
    plain = one_line(text)
    return plain if len(plain) <= _CALLED else plain[: _CALLED - 1] + "…"


def _day(at_ms: int, zone: str) -> str:
    return f"{local(at_ms, zone):%Y-%m-%d}"


def _yuan(fen: int) -> str:
    return f"{fen / 100:.2f}"
