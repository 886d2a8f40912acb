"""What new arrivals say in their campaign's file: the styles to vote on, and the days they come back."""

from collections.abc import Mapping
from datetime import date, time
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from rules.limits import TimeOfDay
from rules.post_media import MOST_PICTURES
from scheduler.written import Days, not_empty

_Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20)]
_Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Style(_Part):
    """One style that people vote on."""

    name: _Name = Field(description="款式的叫法，客户回它或它的序号就是投它")
    picture: str | None = Field(default=None, min_length=1, max_length=200, description="图片文件名（media/ 里）")
    item: _Title | None = Field(default=None, description="宝贝标题里的词，报表按它算几天破零；不写就用 name")
    on: date | None = Field(default=None, description="只在这一天的那一期，例如 2027-01-08；不写就每期都有")

    @property
    def title(self) -> str:
        """The word by which orders name it."""
        return self.item or self.name


class Arrivals(_Part):
    """Styles, and the days on which they are shown again."""

    styles: Annotated[tuple[Style, ...], AfterValidator(not_empty)] = Field(
        description="选款的款式，每期 2 到 9 款，按先后编号"
    )
    every: Days = Field(default=(), description="每逢哪天上新：周五、每月15日……；不写就只办一次")
    except_: Days = Field(default=(), alias="except", description="哪些天不上新，写法和 every 一样")
    start: TimeOfDay = Field(default=time(9), description="那天几点启动；活动的 from 从这一刻算起")

    @model_validator(mode="after")
    def _fits(self) -> "Arrivals":
        if len({style.name for style in self.styles}) < len(self.styles):
            raise ValueError("scheduler.arrivals.style_twice")
        days = {style.on for style in self.styles}
        if not self.every and days != {None}:
            raise ValueError("scheduler.arrivals.dated")
        if any(not 2 <= len(self.on(day)) <= MOST_PICTURES for day in days if day is not None or len(days) == 1):
            raise ValueError("scheduler.arrivals.how_many")
        return self

    def on(self, day: date | None) -> tuple[Style, ...]:
        """What is voted on that day: those of the day, behind those of every day."""
        return tuple(style for style in self.styles if style.on in (None, day))


def with_styles(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """A campaign's plain data, its `items` and `join.choices` taken from its styles where they are not written."""
    part = data.get("arrivals")
    styles = part.get("styles") if isinstance(part, Mapping) else None
    if not isinstance(styles, list) or not all(isinstance(style, Mapping) and style.get("name") for style in styles):
        return data
    names = [str(style["name"]) for style in styles]
    titles = [str(style.get("item") or style["name"]) for style in styles]
    join = data.get("join")
    if isinstance(join, Mapping) and not join.get("choices"):
        data = {**data, "join": {**join, "choices": names}}
    return data if data.get("items") else {**data, "items": list(dict.fromkeys(titles))}
