"""Ready campaigns as commented files. What only the shop knows is marked, and a mistake until it is filled in."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path
from string import Template

from scheduler.campaign_files.campaign_reading import TO_FILL
from texts.os_words import os_reason
from wxfleet.errors import CampaignInTheWay, FolderUnusable

_NOTE = re.compile(r"(?P<body>.*?)\s*#zh (?P<zh>.*?) #en (?P<en>.*)$")
_FILL = re.compile(r"\$fill\(([^|)]*)\|([^)]*)\)")
_DAYS_AHEAD = 10


@dataclass(frozen=True, slots=True)
class Ready:
    """One ready campaign: its template, what it is called, and the day it is usually held on (month, day)."""

    template: str
    name: str
    title: str
    day: tuple[int, int] | None = None
    opening: str = ""
    limited: bool = False
    days: int = 1


READY: Mapping[str, Ready] = {
    "double_eleven": Ready(
        "promotion", "double-eleven", "双十一", (11, 11), "双十一的攻略我看了三页，看困了。", days=2
    ),
    "618": Ready("promotion", "mid-year-618", "618", (6, 18), "618 的规则又长了一截，我替大家读完了。", days=3),
    "flash_sale": Ready(
        "promotion", "flash-sale", "淘抢购", opening="淘抢购排上了，名额比想象的少。", limited=True
    ),
    "group_sale": Ready(
        "promotion", "group-sale", "聚划算", opening="聚划算报上了，这次的量我跟仓库磨了半天。", limited=True, days=3
    ),
    "new_arrivals": Ready("new_arrivals", "new-arrivals", "周五上新"),
    "giveaway": Ready("giveaway", "giveaway", "断码赠送"),
    "contest": Ready("contest", "contest", "照片征集"),
    "precise_task": Ready("precise_task", "precise-task", "精准任务"),
    "wake_up": Ready("wake_up", "wake-up", "好久不见"),
}  # fmt: skip
_ALSO = {
    "promotion": "double_eleven", "双十一": "double_eleven", "双11": "double_eleven", "大促": "double_eleven",
    "六一八": "618", "淘抢购": "flash_sale", "聚划算": "group_sale", "上新": "new_arrivals", "arrivals": "new_arrivals",
    "赠送": "giveaway", "断码": "giveaway", "征集": "contest", "精准任务": "precise_task", "唤醒": "wake_up",
}  # fmt: skip


def ready_named(word: str) -> Ready | None:
    """The one that people mean by `word`, Chinese or English; None for none of them."""
    plain = word.strip().casefold().replace("-", "_")
    return READY.get(_ALSO.get(plain, plain))


def write_new(folder: Path, ready: Ready, name: str, levels: Sequence[str], today: date, lang: str) -> Path:
    """Write `name`.yaml below `folder`, made when missing; returns its path.

    Raises CampaignInTheWay, having written nothing, when it is there; FolderUnusable.
    """
    path = folder / f"{name}.yaml"
    text = rendered(ready, name, levels, today, lang)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise CampaignInTheWay(path) from error
    except OSError as error:
        raise FolderUnusable(folder, os_reason(error)) from error
    return path


def rendered(ready: Ready, name: str, levels: Sequence[str], today: date, lang: str) -> str:
    """The text of the file, its notes in that language; what customers read is the shop's language in any case."""
    written = (files("wxfleet") / "templates" / "campaigns" / f"{ready.template}.yaml").read_text("utf-8")
    noted = "\n".join(
        _in_language(line, lang) for line in written.splitlines() if ready.limited or not line.startswith("$stock")
    )
    filled = _FILL.sub(lambda found: f'"{TO_FILL}{found[1] if lang == "zh" else found[2]}"', noted)
    days = {f"d{number}": (today + timedelta(days=number)).isoformat() for number in range(1, 15)}
    return Template(filled).substitute(
        **days, **_times(ready, today), name=name, title=ready.title, levels=", ".join(levels), opening=ready.opening,
        short=ready.title,
    ) + "\n"  # fmt: skip


def _in_language(line: str, lang: str) -> str:
    found = _NOTE.match(line)
    if found is None:
        return line
    return f"{found['body']}  # {found[lang]}" if found["body"].strip() else f"# {found[lang]}"


def _times(ready: Ready, today: date) -> dict[str, str]:
    """A festival's next day; else a day soon."""
    first = today + timedelta(days=_DAYS_AHEAD)
    if ready.day is not None:
        first = next(day for year in (0, 1, 2) if (day := date(today.year + year, *ready.day)) >= first)
    last = first + timedelta(days=ready.days - 1)
    stock = "stock: {units: 200, per_person: 5, yes_rate: 0.3}" if ready.limited else ""
    return {
        "from": f"{first} 00:00", "until": f"{last} 23:59", "warm": "-3d 20:30", "push": "-1d 10:30", "stock": stock,
        "remind": "+0d 09:30", "thanks": f"+{ready.days}d 11:00",
    }  # fmt: skip
