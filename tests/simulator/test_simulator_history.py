"""A shop's history of any size has the distributions of the trade, and is the same wherever one looks at it."""

from collections import Counter, defaultdict
from itertools import islice
from pathlib import Path
from statistics import mean

from simulator.history import History, Sale, Status
from simulator.order_export import main
from tests.virtual_time import START

START_MS = round(START.timestamp() * 1000)
HISTORY = History(7, START_MS)
BUYERS = 6000
SALES = [sale for number in range(BUYERS) for sale in HISTORY.sales_of(HISTORY.buyer(number))]


def kept(sale: Sale) -> bool:
    return sale.status not in (Status.UNPAID, Status.CLOSED) and sale.paid_fen > sale.refund_fen


def test_baskets_grow_with_each_purchase() -> None:
    places: Counter[int] = Counter()
    sizes = defaultdict(list)
    for sale in filter(kept, SALES):
        places[sale.buyer] += 1
        sizes[min(places[sale.buyer], 4)].append(len(sale.items))
    for nth, wanted in {1: 1.1, 2: 1.6, 3: 2.5, 4: 4.05}.items():
        assert abs(mean(sizes[nth]) - wanted) < 0.12, nth


def test_friends_come_back_more_often_than_others_and_some_money_is_given_back() -> None:
    counts = Counter(sale.buyer for sale in SALES if kept(sale))
    friends = {number for number in counts if HISTORY.buyer(number).since_ms is not None}
    share_of_friends = mean(counts[number] > 1 for number in friends)
    share_of_others = mean(counts[number] > 1 for number in counts.keys() - friends)
    assert 0.15 < share_of_others < share_of_friends < 0.4
    refunded = sum(sale.refund_fen for sale in SALES) / sum(sale.paid_fen for sale in SALES)
    assert 0.01 < refunded < 0.08


def test_friends_come_by_every_channel_and_who_brought_them_came_before() -> None:
    buyers = [HISTORY.buyer(number) for number in range(BUYERS)]
    channels = Counter(buyer.channel for buyer in buyers if buyer.since_ms is not None)
    assert len(channels) == 7
    assert channels.most_common(1)[0][0] == "parcel-card"
    assert all(buyer.referred_by < buyer.number for buyer in buyers if buyer.referred_by is not None)
    assert all(buyer.first_ms < (buyer.since_ms or START_MS) <= START_MS for buyer in buyers)


def test_nothing_is_bought_before_it_is_on_the_shelf_and_there_is_always_something_new() -> None:
    since = {ware.title: ware.since_ms for ware in (*HISTORY.wares.always, *HISTORY.wares.new)}
    assert len(since) == len(HISTORY.wares.always) + len(HISTORY.wares.new)
    assert all(since[title] <= sale.created_ms for sale in SALES for title in sale.items)
    fresh = sum(sale.created_ms - since[title] < 60 * 86_400_000 for sale in SALES for title in sale.titles)
    assert fresh > len(SALES) / 10


def test_a_small_shop_is_the_beginning_of_a_large_one() -> None:
    assert list(islice(History(7, START_MS).sales(), 200)) == SALES[:200]
    assert len({sale.number for sale in SALES}) == len(SALES)


def test_a_long_export_is_written_newest_first_and_the_same_again(tmp_path: Path) -> None:
    for name in ("1.csv", "2.csv"):
        main([str(tmp_path / name), "--orders", "3000", "--encoding", "utf-8-sig"])
    first = (tmp_path / "1.csv").read_bytes()
    assert first == (tmp_path / "2.csv").read_bytes()
    rows = first.decode("utf-8-sig").splitlines()
    assert len(rows) == 3001
    made = [row.split(",'1", 1)[1].split(",")[1] for row in rows[1:]]
    assert made == sorted(made, reverse=True)
