"""What the shop sells: a few things always, and something new every second Wednesday or so."""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from random import Random

from simulator.seeds import dice

_DAY_MS = 86_400_000
_ALWAYS = (
    ("法式茶歇碎花连衣裙", 25900), ("羊毛双面呢大衣 中长款", 89900), ("针织开衫 慵懒风", 16900),
    ("高腰直筒牛仔裤", 15900),
    ("真丝衬衫 雾霾蓝", 32900), ("小香风短外套", 29900), ("灯芯绒半身裙", 13900), ("纯棉打底衫 三色", 6900),
    ("羊绒围巾", 19900), ("西装外套 松弛感", 27900), ("阔腿裤 垂感", 12900), ("吊带内搭", 4900),
)  # fmt: skip
_CUTS = ("方领", "泡泡袖", "一字肩", "廓形", "收腰", "系带", "开叉", "不规则", "复古", "落肩")
_GARMENTS = (
    ("连衣裙", 239), ("衬衫", 169), ("半身裙", 149), ("针织衫", 159), ("风衣", 399), ("马甲", 119), ("牛仔裤", 169),
    ("短外套", 279), ("T恤", 79), ("发带", 29),
)  # fmt: skip
_COLOURS = ("奶油白", "雾霾蓝", "焦糖", "墨绿", "藕粉", "燕麦", "酒红", "黑")

_EVERY_DAYS = 14
_AT_ONCE = 3
_YEARS_DAYS = 3 * 365
_FRESH_DAYS = 60
_TAKES_NEW = 0.4


@dataclass(frozen=True, slots=True)
class Ware:
    """One thing on the shelf since `since_ms` (epoch ms). Price in fen."""

    title: str
    price_fen: int
    since_ms: int


class Wares:
    """The shelf of the three years before `start_ms`, from a seed."""

    def __init__(self, seed: int, start_ms: int) -> None:
        roll = dice(seed, "wares")
        self.always = tuple(Ware(title, fen, 0) for title, fen in _ALWAYS)
        rounds = _YEARS_DAYS // _EVERY_DAYS
        kinds = roll.sample(range(len(_CUTS) * len(_GARMENTS) * len(_COLOURS)), rounds * _AT_ONCE)
        self.new = tuple(
            _ware(kind, start_ms - (_YEARS_DAYS - place // _AT_ONCE * _EVERY_DAYS) * _DAY_MS)
            for place, kind in enumerate(kinds)
        )
        self._since = [ware.since_ms for ware in self.new]

    def pick(self, roll: Random, at_ms: int) -> Ware:
        """What somebody takes at that moment: often something new, else one of the things that are always there."""
        chance = roll.random()
        if chance < _TAKES_NEW:
            low = bisect_left(self._since, at_ms - _FRESH_DAYS * _DAY_MS)
            high = bisect_right(self._since, at_ms)
            if low < high:
                return self.new[low + int(chance / _TAKES_NEW * (high - low))]
        return self.always[int(roll.random() * len(self.always))]


def _ware(kind: int, since_ms: int) -> Ware:
    rest, colour = divmod(kind, len(_COLOURS))
    garment, cut = divmod(rest, len(_CUTS))
    name, yuan = _GARMENTS[garment]
    return Ware(f"{_CUTS[cut]}{name} {_COLOURS[colour]}", yuan * 100 + cut * 1000, since_ms)
