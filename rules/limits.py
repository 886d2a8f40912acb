"""Every number that binds an account, with where it comes from."""

from datetime import time
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

Source = Literal["official", "vendor", "folklore", "ours"]

PLATFORM_FRIEND_CAP = 5000
"""Friends of a personal account; official until the platform moved it for some. More than this is a warning."""


def _limit(default: Any, source: Source, reason: str, description: str, **bounds: Any) -> Any:
    return Field(
        default=default,
        description=description,
        json_schema_extra={"source": source, "reason": reason},
        **bounds,
    )


def _as_time(value: object) -> object:
    if isinstance(value, str):
        hours, _, minutes = value.strip().partition(":")
        if hours.isdigit() and minutes.isdigit() and int(hours) < 24 and int(minutes) < 60:
            return time(int(hours), int(minutes))
        raise ValueError("time_of_day")
    return value


TimeOfDay = Annotated[
    time,
    BeforeValidator(_as_time),
    PlainSerializer(lambda value: value.strftime("%H:%M"), return_type=str),
]


class Limits(BaseModel):
    """The caps of one account. Days and minutes are rolling; times are in the account's own zone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    friends: int = _limit(
        5000,
        "official",
        "微信个人号好友上限；平台调整过，可按账号改",
        "好友硬上限，绝不超过",
        ge=1,
        le=50_000,
    )
    visible: int = _limit(
        3000, "folklore", "超过后约三分之一好友看不到朋友圈", "朋友圈可见阈值（好友数）", ge=1, le=50_000
    )
    reserve: float = _limit(
        0.1,
        "ours",
        "给老客、转介绍和店员留的位置",
        "阈值下预留的比例，只给指定渠道、老带新和店员",
        ge=0,
        lt=1,
    )
    accepts_per_day: int = _limit(
        100,
        "folklore",
        "老号一天通过太多会被限制",
        "满 30 天的号，24 小时内最多通过的好友申请",
        ge=0,
        le=1000,
    )
    accepts_first_day: int = _limit(
        10, "folklore", "新号要慢慢来", "开号第一天最多通过的好友申请，之后逐日升到上面的数", ge=0, le=1000
    )
    requests_per_day: int = _limit(
        15, "folklore", "主动加人最容易被限制", "满 30 天的号，24 小时内最多主动发出的好友申请", ge=0, le=100
    )
    gap_min_s: float = _limit(3, "folklore", "像人一样慢", "两条消息之间最短间隔（秒）", ge=0, le=3600)
    gap_max_s: float = _limit(8, "folklore", "像人一样慢", "两条消息之间最长间隔（秒）", ge=0, le=3600)
    people_per_minute: int = _limit(10, "folklore", "短时间联系太多人像群发", "一分钟内最多联系的人数", ge=1)
    messages_per_minute: int = _limit(20, "folklore", "短时间消息太密像程序", "一分钟内最多发出的消息数", ge=1)
    messages_per_day: int = _limit(600, "folklore", "一天总量", "24 小时内最多发出的消息数（含店员发的）", ge=1)
    pushes_per_day: int = _limit(300, "ours", "给客户的主动消息要少", "其中主动推送最多", ge=0)
    replies_kept_per_day: int = _limit(200, "ours", "客户来问，永远要能回", "其中永远留给回复的条数", ge=0)
    quiet_from: TimeOfDay = _limit(time(21, 30), "ours", "夜里不打扰", "免打扰开始")
    quiet_until: TimeOfDay = _limit(time(8, 30), "ours", "夜里不打扰", "免打扰结束")
    posts_per_day: int = _limit(5, "folklore", "发太多会被屏蔽", "24 小时内最多发的朋友圈", ge=0, le=50)
    posts_first_day: int = _limit(
        1, "folklore", "新号先像个人，再像个店", "开号第一天最多发的朋友圈，30 天里逐日升到上面的数", ge=0, le=50
    )
    post_gap_min: float = _limit(60, "ours", "不刷屏", "两条朋友圈之间最短间隔（分钟）", ge=0)
    posts_from: TimeOfDay = _limit(time(7, 30), "ours", "大家看手机的时间", "朋友圈最早时间")
    posts_until: TimeOfDay = _limit(time(23, 0), "ours", "晚上看的人多", "朋友圈最晚时间")
    accept_gap_min_s: float = _limit(20, "ours", "像人一样慢", "两次通过好友申请之间最短间隔（秒）", ge=0)
    accept_gap_max_s: float = _limit(60, "ours", "像人一样慢", "两次通过好友申请之间最长间隔（秒）", ge=0)
    trust_days: float = _limit(7, "ours", "先交朋友再做生意", "加好友满几天才推送（trust_first）", ge=0)

    @model_validator(mode="after")
    def _consistent(self) -> "Limits":
        if self.gap_min_s > self.gap_max_s:
            raise ValueError("gap_order")
        if self.accept_gap_min_s > self.accept_gap_max_s:
            raise ValueError("accept_gap_order")
        if self.visible > self.friends:
            raise ValueError("visible_above_friends")
        if self.replies_kept_per_day > self.messages_per_day:
            raise ValueError("kept_above_messages")
        return self

    @property
    def open_below(self) -> int:
        """Friends up to here anybody may bring; from here to `visible` only who may use the reserve."""
        return self.visible - int(self.visible * self.reserve)
