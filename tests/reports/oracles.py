"""The reports once more, slowly and plainly: loops over lists, as one would count by hand."""

from math import ceil

from reports.report import Row
from tests.reports.small_world import ACCOUNTS, DAY_MS, LIMITS, NOW_MS, PERIOD, START_MS, Plain, World

BEGIN_MS, END_MS = START_MS + PERIOD.start * DAY_MS, START_MS + PERIOD.stop * DAY_MS
WEEK_MS = 7 * DAY_MS
SAID = {
    "push": ("push",), "care": ("care",), "conversation": ("reply", "welcome", "staff_message"),
}  # fmt: skip


def inside(at_ms: int | None) -> bool:
    return at_ms is not None and BEGIN_MS <= at_ms < END_MS


def customers(world: World) -> set[int]:
    return {p["id"] for p in world.people if p["kind"] == "customer"}


def friends(world: World) -> set[int]:
    return {f["person"] for f in world.friendships if f["state"] == "friend"} & customers(world)


def channels(world: World) -> dict[str, Row]:
    """Channel → its counts."""
    found: dict[str, Row] = {}
    for id in sorted(customers(world)):
        known = [f for f in world.friendships if f["person"] == id and f["state"] != "stranger"]
        if not known:
            continue
        first = min(known, key=lambda f: (f["since_ms"], f["id"]))
        if first["origin"] == "listed" or not inside(first["since_ms"]):
            continue
        own = sorted((o["paid_ms"], o["created_ms"]) for o in world.bought if o["person"] == id)
        row = found.setdefault(
            first["channel"] or "", dict.fromkeys(("added", "replied", "claimed", "bought", "again"), 0)
        )
        row["added"] += 1  # type: ignore[operator]
        row["replied"] += any(f["replies"] for f in world.friendships if f["person"] == id)  # type: ignore[operator]
        row["claimed"] += any(c["person"] == id for c in world.claims)  # type: ignore[operator]
        row["bought"] += bool(own)  # type: ignore[operator]
        row["again"] += any(  # type: ignore[operator]
            paid > own[0][0] and created >= first["since_ms"] for paid, created in own
        )
    for cost in world.costs:
        if BEGIN_MS <= START_MS + (int(cost["day"][-2:]) - 22) * DAY_MS < END_MS:
            row = found.setdefault(cost["channel"], {})
            row["shown"] = row.get("shown", 0) + cost["shown"]  # type: ignore[operator]
            row["cost"] = row.get("cost", 0) + cost["cost_fen"]  # type: ignore[operator]
    return found


def bought_after(world: World, person: int | None, at_ms: int) -> list[Plain]:
    return [o for o in world.bought if o["person"] == person and at_ms <= o["created_ms"] <= at_ms + WEEK_MS]


def campaign(world: World, id: int) -> Row:
    rows = [d for d in world.outbox if d["campaign"] == id]
    got = [d for d in rows if d["state"] == "accepted"]
    orders = {o["number"]: o for d in got for o in bought_after(world, d["person"], d["sent_ms"])}
    wrote = {
        d["person"] for d in got for f in world.friendships
        if f["person"] == d["person"] and f["last_in_ms"] is not None and f["last_in_ms"] > d["sent_ms"]
    }  # fmt: skip
    control = [d for d in rows if d["reason"] == "control_group"]
    return {
        "invited": len({d["person"] for d in rows}),
        "got": len({d["person"] for d in got}),
        "wrote": len(wrote),
        "after_buyers": len({o["person"] for o in orders.values()}),
        "after_orders": len(orders),
        "after_net_fen": sum(o["paid_fen"] - o["refund_fen"] for o in orders.values()),
        "left_out": sum(d["reason"] == "muted" for d in rows),
        "failed": sum(d["state"] == "failed" for d in rows),
        "in_doubt": sum(d["state"] == "in_doubt" for d in rows),
        "pending": sum(d["state"] == "pending" for d in rows),
        "control": len(control),
        "control_bought": sum(bool(bought_after(world, d["person"], d["settled_ms"])) for d in control),
    }


def reach(world: World) -> dict[str, tuple[int, int]]:
    """Way → people and touches; '' → friends in people and those whom no message reached."""
    base = friends(world)
    sent = [d for d in world.outbox if d["state"] == "accepted" and inside(d["settled_ms"]) and d["person"] in base]
    found = {way: [d["person"] for d in sent if d["kind"] in kinds] for way, kinds in SAID.items()}
    touched = {person for people in found.values() for person in people}
    return {"": (len(base), len(base - touched)), **{way: (len(set(p)), len(p)) for way, p in found.items()}}


def moments(world: World) -> tuple[float, float]:
    posts = {a: sum(d["kind"] == "moment" and d["account"] == a and inside(d["settled_ms"]) for d in world.outbox)
             for a in ACCOUNTS}  # fmt: skip
    count = {a: sum(f["account"] == a and f["state"] == "friend" for f in world.friendships) for a in ACCOUNTS}
    part = {a: 1 if count[a] <= LIMITS.visible else round(2 / 3, 4) for a in ACCOUNTS}
    seen = views = 0.0
    for person in friends(world):
        known = {f["account"] for f in world.friendships if f["person"] == person and f["state"] == "friend"}
        showing = [a for a in known if posts[a]]
        seen += max((part[a] for a in showing), default=0)
        views += sum(posts[a] * part[a] for a in showing)
    return seen, views


def capacity(world: World) -> dict[str, tuple[int, int, int, float]]:
    """Account → friends, open places, places of the reserve, new friends a day."""
    found = {}
    for account in ACCOUNTS:
        own = [f for f in world.friendships if f["account"] == account and f["state"] == "friend"]
        came = sum(f["origin"] != "listed" and inside(f["since_ms"]) for f in own)
        visible, open_below = LIMITS.visible, LIMITS.visible - int(LIMITS.visible * LIMITS.reserve)
        free, below = max(0, open_below - len(own)), max(0, visible - len(own))
        days = (min(END_MS, NOW_MS) - BEGIN_MS) / DAY_MS
        found[account] = len(own), free, below - free, round(came / days, 2)
    return found


def referrals(world: World) -> dict[int, tuple[int, int, int, int, int]]:
    """Member → brought, of whom bought, brought on, net, thanks due."""
    edges = [r for r in world.referrals if inside(r["at_ms"])]
    person = {p["id"]: p for p in world.people}
    found = {}
    for member in {r["referrer"] for r in edges}:
        own = [r for r in edges if r["referrer"] == member]
        new = {r["person"] for r in own}
        found[member] = (
            len(own),
            sum(person[id]["orders"] > 0 for id in new),
            sum(r["referrer"] in new for r in edges),
            sum(person[id]["net_paid_fen"] for id in new),
            sum(r["state"] == "due" for r in own),
        )
    return found


def deepest(world: World) -> int:
    above = {r["person"]: r["referrer"] for r in world.referrals if inside(r["at_ms"])}

    def depth(person: int) -> int:
        return 1 + depth(above[person]) if person in above else 0

    return max((depth(person) for person in above), default=0)


def service(world: World) -> dict[str, tuple[int, list[int], list[int]]]:
    """Account → messages, waits for the first answer (ms), waits for a person (ms); '' → all."""
    found: dict[str, tuple[int, list[int], list[int]]] = {a: (0, [], []) for a in ("", *ACCOUNTS)}
    for came in world.inbox:
        if came["outcome"] == "command" or not inside(came["handled_ms"]):
            continue
        begin_ms = came["received_ms"]
        answers = [d for d in world.outbox if d["kind"] == "reply" and d["source"].split(":")[1:2] == [str(came["id"])]]
        first = [d["sent_ms"] - begin_ms for d in answers]
        person = [
            d["sent_ms"] - begin_ms for d in world.outbox
            if d["kind"] == "staff_message" and (d["account"], d["to"]) == (came["account"], came["payload"]["talker"])
            and begin_ms <= d["sent_ms"] <= begin_ms + 2 * DAY_MS and d["settled_ms"] < END_MS + 2 * DAY_MS
        ] if came["outcome"] == "handed_over" else []  # fmt: skip
        for key in ("", came["account"]):
            number, waits, people = found[key]
            found[key] = (
                number + 1,
                waits + ([min(first + person)] if first + person else []),
                people + ([min(person)] if person else []),
            )
    return found


def nearest_rank(values: list[int], percent: int) -> int | None:
    """In whole seconds."""
    return sorted(values)[ceil(len(values) * percent / 100) - 1] // 1000 if values else None
