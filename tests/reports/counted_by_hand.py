"""What each report must say of a plain shop: counted slowly, one thing after another, by its definition in words."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable

from customers.standing.ladder import STANDARD
from reports.period import Period
from tests.reports.plain_shop import LEVELS, Bought, Moved, PlainShop

DAY_MS = 86_400_000
Rows = list[dict[str, object]]
Found = tuple[Rows, dict[str, object]]


def part(count: float, whole: float, cases: int) -> float | None:
    return round(count / whole, 4) if cases >= 30 and whole > 0 else None


def inside(moment: int, period: Period) -> bool:
    return period.start_ms <= moment < period.end_ms


def net(orders: Iterable[Bought]) -> int:
    return sum(one.left_fen for one in orders)


def share(shop: PlainShop, period: Period, now_ms: int) -> Found:
    found: dict[str, list[Bought]] = defaultdict(list)
    for one in shop.purchases:
        if inside(one.moment, period):
            found[_source(shop, one)].append(one)
    every = [one for orders in found.values() for one in orders]
    names = ("direct", "indirect", "first", "before", "stranger", "unmatched")
    rows: Rows = [
        {"source": name, "orders": len(found[name]), "net_fen": net(found[name]),
         "net_share": part(net(found[name]), net(every), len(every))}
        for name in names
    ]  # fmt: skip
    matrix = [*found["direct"], *found["indirect"]]
    return rows, {
        "orders": len(every), "net_fen": net(every), "matrix_net_fen": net(matrix),
        "matrix_share": part(net(matrix), net(every), len(every)),
        "direct_share": part(net(found["direct"]), net(every), len(every)),
        "indirect_share": part(net(found["indirect"]), net(every), len(every)),
        "unmatched_share": part(net(found["unmatched"]), net(every), len(every)), "strong_share": 0.38,
    }  # fmt: skip


def _source(shop: PlainShop, one: Bought) -> str:
    if one.person is None:
        return "unmatched"
    since_ms = shop.since_ms(one.person)
    if since_ms is None:
        return "stranger"
    if one.created_ms < since_ms:
        return "before"
    if one.moment == shop.first_ms(one.person):
        return "first"
    earliest = one.created_ms - 7 * DAY_MS
    spoken = [
        sent.sent_ms
        for sent in shop.sent
        if sent.person == one.person and sent.state == "accepted" and sent.kind in ("push", "reply")
    ]
    spoken += [known.last_in_ms or 0 for known in shop.friendships if known.person == one.person]
    return "direct" if any(earliest <= at_ms <= one.created_ms for at_ms in spoken) else "indirect"


def items(shop: PlainShop, period: Period, now_ms: int) -> Found:
    places: Counter[object] = Counter()
    found: dict[int, list[int]] = {1: [], 2: [], 3: [], 4: []}
    for one in shop.purchases:
        places[one.buyer] += 1
        if inside(one.moment, period):
            found[min(4, places[one.buyer])].append(one.pieces)

    def basket(pieces: list[int]) -> dict[str, object]:
        mean = round(sum(pieces) / len(pieces), 2) if pieces else None
        return {"orders": len(pieces), "items": sum(pieces), "items_per_order": mean}

    healthy = {1: 1.1, 2: 1.6, 3: 2.5, 4: 4.0}
    rows: Rows = [
        {"purchase": "4+" if n == 4 else str(n), **basket(found[n]), "healthy_items_per_order": healthy[n]}
        for n in found
    ]
    return rows, basket([piece for pieces in found.values() for piece in pieces])


def _by_buyer(shop: PlainShop) -> dict[object, list[Bought]]:
    found = defaultdict(list)
    for one in shop.purchases:
        found[one.buyer].append(one)
    return found


def repurchase(shop: PlainShop, period: Period, now_ms: int) -> Found:
    def is_friend(person: int | None) -> bool:
        since_ms = shop.since_ms(person)
        return since_ms is not None and since_ms < period.end_ms

    def counted(belongs: Callable[[int | None], bool]) -> dict[str, object]:
        histories = [own for own in _by_buyer(shop).values() if belongs(own[0].person)]
        came = [own for own in histories if any(inside(one.moment, period) for one in own)]
        repeat = [own for own in came if any(own[0].moment < one.moment < period.end_ms for one in own)]
        row: dict[str, object] = {
            "buyers": len(came), "repeat_buyers": len(repeat), "repeat_share": part(len(repeat), len(came), len(came))
        }  # fmt: skip
        for days in (30, 90, 365):
            first = [
                own for own in histories
                if inside(own[0].moment, period) and own[0].moment + days * DAY_MS <= now_ms
            ]  # fmt: skip
            again = [
                own for own in first
                if any(own[0].moment < one.moment <= own[0].moment + days * DAY_MS for one in own)
            ]  # fmt: skip
            row |= {f"new_{days}": len(first), f"again_{days}": len(again)}
            row[f"again_{days}_share"] = part(len(again), len(first), len(first))
        paid = [
            one for one in shop.orders
            if belongs(one.person) and one.status != "unpaid" and one.paid_fen > 0 and inside(one.moment, period)
        ]  # fmt: skip
        paid_fen, refund_fen = sum(one.paid_fen for one in paid), sum(one.refund_fen for one in paid)
        return {
            **row,
            "paid_fen": paid_fen,
            "refund_fen": refund_fen,
            "refund_share": part(refund_fen, paid_fen, len(paid)),
        }

    rows: Rows = [
        {"group": "friend", **counted(is_friend)},
        {"group": "other", **counted(lambda person: not is_friend(person))},
    ]
    return rows, counted(lambda person: True)


def breadth(shop: PlainShop, period: Period, now_ms: int) -> Found:
    kinds = []
    for own in _by_buyer(shop).values():
        until = [one for one in own if one.moment < period.end_ms]
        if until and until[-1].moment >= max(period.start_ms, until[0].moment + 1):
            kinds.append(len({title for one in until for title in one.titles}))
    kinds = [number for number in kinds if number]
    rows: Rows = []
    for number in range(1, 6):
        people = sum(min(5, each) == number for each in kinds)
        rows.append({
            "distinct_items": "5+" if number == 5 else str(number), "buyers": people,
            "buyers_share": part(people, len(kinds), len(kinds)),
        })  # fmt: skip
    return rows, {
        "repeat_buyers": len(kinds), "one_item_buyers": kinds.count(1),
        "one_item_share": part(kinds.count(1), len(kinds), len(kinds)),
        "distinct_items_per_buyer": round(sum(kinds) / len(kinds), 2) if kinds else None,
    }  # fmt: skip


def arrivals(shop: PlainShop, period: Period, now_ms: int) -> Found:
    rows: Rows = []
    for title in {title for one in shop.purchases for title in one.titles}:
        own = [one for one in shop.purchases if title in one.titles]
        first_ms = own[0].moment
        if not inside(first_ms, period):
            continue
        early = [one for one in own if one.moment < first_ms + 7 * DAY_MS]
        friends = [one for one in early if (shop.since_ms(one.person) or one.created_ms + 1) <= one.created_ms]
        shown = [p.due_ms for p in shop.posts if p.kind == "product" and p.title == title and p.due_ms <= now_ms]
        days = round((first_ms - min(shown)) / DAY_MS, 2) if shown and min(shown) <= first_ms else None
        rows.append({
            "title": title, "first_ms": first_ms, "announced_ms": min(shown, default=None), "to_first_days": days,
            "orders": len(early), "friend_orders": len(friends),
            "friend_share": part(len(friends), len(early), len(early)),
        })  # fmt: skip
    rows.sort(key=lambda row: (-int(str(row["first_ms"])), str(row["title"])))
    waited = [float(str(row["to_first_days"])) for row in rows if row["to_first_days"] is not None]
    orders, friends_in_all = (sum(int(str(row[name])) for row in rows) for name in ("orders", "friend_orders"))
    return rows, {
        "new_items": len(rows), "announced_items": len(waited),
        "to_first_days": round(sum(waited) / len(waited), 2) if waited else None, "orders": orders,
        "friend_orders": friends_in_all, "friend_share": part(friends_in_all, orders, orders),
    }  # fmt: skip


def ladder(shop: PlainShop, period: Period, now_ms: int) -> Found:
    order = ["friend", "VIP1", "VIP2"]
    standing = Counter(LEVELS[id % len(LEVELS)] for id in range(1, shop.people + 1))
    paid: Counter[str] = Counter()
    for one in shop.purchases:
        if one.person is not None:
            paid[LEVELS[one.person % len(LEVELS)]] += one.left_fen
    moves = [move for move in shop.moves if inside(move.at_ms, period) and move.before != move.after]

    def height(level: str) -> int:
        return order.index(level) if level in order else -1

    def is_up(move: Moved) -> bool:
        return height(move.after) > height(move.before)

    discounts = {level.id: float(level.discount) for level in STANDARD.levels}
    rows: Rows = [
        {
            "level": level, "people": standing[level], "net_fen": paid[level],
            "came_up": sum(move.after == level and is_up(move) for move in moves),
            "went_up": sum(move.before == level and is_up(move) for move in moves),
            "came_down": sum(move.after == level and not is_up(move) for move in moves),
            "went_down": sum(move.before == level and not is_up(move) for move in moves),
            "discount": discounts.get(level),
        }
        for level in [*order, "gone"]
        if level in order or standing[level] or any("gone" in (move.before, move.after) for move in moves)
    ]  # fmt: skip
    return rows, {
        "people": shop.people, "net_fen": sum(paid.values()), "moves_up": sum(map(is_up, moves)),
        "moves_down": sum(not is_up(move) for move in moves),
    }  # fmt: skip


def snowball(shop: PlainShop, period: Period, now_ms: int) -> Found:
    new = [own for own in _by_buyer(shop).values() if inside(own[0].moment, period)]
    people = {own[0].person for own in new} - {None}
    brought = [who for who, by in shop.referrals.items() if by in people]
    counts = {
        "new": len(new), "friends": sum(shop.since_ms(person) is not None for person in people),
        "repeat": sum(own[-1].moment > own[0].moment for own in new),
        "referrers": len(people & set(shop.referrals.values())),
        "brought": len(brought), "brought_bought": sum(shop.first_ms(who) is not None for who in brought),
    }  # fmt: skip
    rows: Rows = [
        {"stage": name, "people": count, "of_new_share": part(count, len(new), len(new))}
        for name, count in counts.items()
    ]
    return rows, {
        **counts, "repeat_share": part(counts["repeat"], len(new), len(new)),
        "growth": part(counts["brought_bought"], len(new), len(new)),
    }  # fmt: skip
