"""Who gets a push, from which account, and why the others do not: one statement over everybody."""

from sqlalchemy import (
    ColumnElement,
    Select,
    Subquery,
    and_,
    case,
    false,
    func,
    not_,
    or_,
    select,
)

from customers.segments.segment_query import View, members
from customers.standing.tiers import Tier
from rules.gates import WEEK_MS
from rules.kinds import Kind, gate_of
from rules.overbooking import CHRONIC_BROKEN
from rules.pacing import DAY_MS
from rules.quiet_hours import local
from scheduler.chance import ALL, among_few, turn_of
from scheduler.errors import PushRefused
from scheduler.look import Look
from scheduler.our_contacts import ours
from scheduler.pushes.best_friendship import best_friendship
from scheduler.pushes.follow_ups import told_enough, told_of_a_place
from scheduler.pushes.push_file import PushFile
from scheduler.pushes.push_variables import column_of
from storage.campaign_tables import Participant
from storage.order_tables import Claim
from storage.outbox import DeliveryState
from storage.tables import Delivery, Person

REASONS = (
    "not_vip",
    "not_in_segment",
    "not_joined",
    "told_enough",
    "told_of_a_place",
    "asked_before",
    "bought_lately",
    "other_tier",
    "left_in_peace",
    "own_or_staff",
    "no_friendship",
    "opted_out",
    "muted",
    "weekly_cap",
    "already_planned",
    "trust_first",
    "no_value",
    "beyond_limit",
    "control_group",
)
"""Why somebody is left out; the first that holds is the one that is said."""
_WEEKLY = tuple(kind.value for kind in Kind if gate_of(kind).weekly)
MOST_WAKE_UPS = 2
"""After so many in a row without an answer or a purchase somebody is left in peace. Source: the shop's house rules."""


def audience(push: PushFile, look: Look) -> Subquery:
    """Everybody, with `reason` (NULL for who gets it) and the friendship they would get it through.

    Columns: person, level, reason, held_back (of the control group, where there is one), turn, account, contact, zone,
    member_name, and `own_NAME` for each variable that everybody has their own of.
    """
    best = best_friendship(push, look)
    gate = gate_of(push.kind)
    own = {name: column_of(variable, look.now_ms) for name, variable in push.of_each().items()}
    turn = turn_of(push.seed, "invited", after=_by_promises())
    weekly = gate.weekly and not look.overrides_weekly
    conditions: list[tuple[ColumnElement[bool], str]] = [
        (Person.level.not_in(push.who.levels), "not_vip"),
        (_outside_segment(push, look), "not_in_segment"),
        (_not_joined(push), "not_joined"),
        *_told_before(push, look),
        (_asked_before(push, look), "asked_before"),
        (_awake(push, look), "bought_lately"),
        (func.coalesce(Person.tier, "").not_in(push.who.tiers) if push.who.tiers else false(), "other_tier"),
        (Person.unanswered >= MOST_WAKE_UPS if push.kind is Kind.WAKE_UP else false(), "left_in_peace"),
        (or_(Person.kind != "customer", best.c.contact.in_(ours())), "own_or_staff"),
        (best.c.account.is_(None), "no_friendship"),
        (Person.opted_out_ms.is_not(None), "opted_out"),
        (Person.muted_until_ms > look.now_ms, "muted"),
        (Person.last_push_ms > look.now_ms - WEEK_MS if weekly else false(), "weekly_cap"),
        (Person.id.in_(_with_another_push(look)) if weekly else false(), "already_planned"),
        (or_(best.c.trusted == 0, _never_conversed(best, look)) if gate.keeps_trust else false(), "trust_first"),
        (or_(false(), *(own[name].is_(None) for name in push.excludes())), "no_value"),
        (false() if look.cut is None else turn > look.cut, "beyond_limit"),
    ]
    reason = case(*((condition, word) for condition, word in conditions if condition is not false()), else_=None)
    return (
        select(
            Person.id.label("person"),
            Person.level,
            Person.member_name,
            reason.label("reason"),
            _held_back(push).label("held_back"),
            turn.label("turn"),
            best.c.account,
            best.c.contact,
            best.c.zone,
            *(column.label(f"own_{name}") for name, column in own.items()),
        )
        .outerjoin(best, best.c.person == Person.id)
        .where(Person.merged_into.is_(None), look.covers(Person.id))
        .subquery("audience")
    )


def _held_back(push: PushFile) -> ColumnElement[bool]:
    """Never gold ones: what is learned from them is not worth what they would miss."""
    few = among_few(round(push.control.share * ALL), push.seed, "control")
    return and_(func.coalesce(Person.tier, "") != Tier.GOLD.value, few)


def _by_promises() -> ColumnElement[int]:
    """Who keeps their word first, chronic no-shows (`rules.overbooking.is_chronic`) last."""
    chronic = and_(Person.broken_promises >= CHRONIC_BROKEN, Person.broken_promises > Person.kept_promises)
    return case((chronic, 2), (Person.kept_promises > 0, 0), else_=1)


def _not_joined(push: PushFile) -> ColumnElement[bool]:
    """Where it is only for people of a campaign: those who are not, or do not stand so there."""
    joined = push.who.joined
    if joined is None:
        return false()
    of_it = select(Participant.person).where(
        Participant.campaign == joined.campaign, Participant.state.in_(joined.standings)
    )
    return Person.id.not_in(of_it)


def _told_before(push: PushFile, look: Look) -> list[tuple[ColumnElement[bool], str]]:
    """Nobody who joined gets a third message of the campaign; a free place that they were told of is a reminder."""
    joined = push.who.joined
    if joined is None:
        return []
    enough = Person.id.in_(told_enough(joined.campaign, beside=look.campaign))
    found: list[tuple[ColumnElement[bool], str]] = [(enough, "told_enough")]
    if push.kind is Kind.REMINDER:
        found.append((Person.id.in_(told_of_a_place(joined.campaign)), "told_of_a_place"))
    return found


def _asked_before(push: PushFile, look: Look) -> ColumnElement[bool]:
    """Where it is only for people whom a campaign has not asked yet: those it has."""
    if push.who.new_to is None:
        return false()
    asked = select(Participant.person).where(Participant.campaign == push.who.new_to, look.covers(Participant.person))
    return Person.id.in_(asked)


def _awake(push: PushFile, look: Look) -> ColumnElement[bool]:
    """Where it is only for people who have not bought for so many days: those who have."""
    if push.who.asleep_days is None:
        return false()
    return func.coalesce(Person.last_order_ms, look.now_ms) > look.now_ms - push.who.asleep_days * DAY_MS


def _outside_segment(push: PushFile, look: Look) -> ColumnElement[bool]:
    belongs = of_segment(push, look) if look.belongs is None else look.belongs
    return false() if belongs is None else and_(Person.kind == "customer", not_(func.coalesce(belongs, false())))


def of_segment(push: PushFile, look: Look) -> ColumnElement[bool] | None:
    """Who belongs to the push's segment; None where it has none. Raises PushRefused for one that was never read."""
    segment = push.who.segment
    if segment is None:
        return None
    if isinstance(segment, str):
        raise PushRefused("no_segment", name=segment)
    # Who opted out is left out with that reason, not with this one.
    wanted = segment.model_copy(update={"opted_out": True})
    return members(wanted, View(look.now_ms, local(look.now_ms, look.shop_zone).date()))


def _with_another_push(look: Look) -> Select[int | None]:
    query = select(Delivery.person).where(
        Delivery.state == DeliveryState.PENDING.value,
        Delivery.kind.in_(_WEEKLY),
        Delivery.person.is_not(None),
        look.covers(Delivery.person),
    )
    if look.campaign is not None:
        query = query.where(or_(Delivery.campaign.is_(None), Delivery.campaign != look.campaign))
    return query


def _never_conversed(best: Subquery, look: Look) -> ColumnElement[bool]:
    claimed = select(Claim.person).where(look.covers(Claim.person))
    return and_(Person.orders == 0, best.c.last_in_ms.is_(None), Person.id.not_in(claimed))
