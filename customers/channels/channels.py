"""Channels (渠道): how people come to an account, and how their greeting says so."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from pydantic import BaseModel, ConfigDict, Field


class ChannelConfig(BaseModel):
    """一个渠道"""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    code: str = Field(
        pattern=r"^[a-z0-9][a-z0-9-]*$",
        max_length=40,
        description="渠道编号，命令和短信里用，写在申请里也认，例如 parcel-card",
    )
    name: str = Field(min_length=1, max_length=20, description="渠道的名字，印在卡片上，写在申请里就认，例如 包裹卡")
    words: list[str] = Field(default_factory=list, description="申请里出现这些词，也算这个渠道，例如 小卡片")
    accounts: list[str] = Field(min_length=1, description="从这个渠道来的人加哪些号；谁有位置就显示谁的二维码")
    reserved: bool = Field(default=False, description="能不能用预留的位置（老客、转介绍）")
    personas: list[str] = Field(
        default_factory=list, description="这个渠道来的人更适合哪些人设：有位置时先显示它们的号，不写就不挑"
    )
    benefit: str = Field(
        default="", max_length=24, description="加好友送什么，印在卡片上、写进短信，例如 加我领 10 元新人券"
    )
    link: str = Field(
        default="", max_length=40, pattern=r"^[!-~]*$", description="写进短信的短链接；不写就用那个号的微信号 wechat_id"
    )
    cost_yuan: float | None = Field(default=None, ge=0, description="这个渠道每来一个人大约花多少钱（元），报表用")


def channel_of(greeting: str, channels: Iterable[ChannelConfig]) -> str | None:
    """The code of the channel a greeting speaks of, or None.

    A code counts as a word of its own; then names and words count anywhere. The longest match wins, so that
    `sms-vip` is not taken for `sms`.
    """
    listed = list(channels)
    text = _plain(greeting)
    return _longest(text, {channel.code: [channel.code] for channel in listed}, whole=True) or _longest(
        text, {channel.code: [channel.name, *channel.words] for channel in listed}, whole=False
    )


def word_of(channel: ChannelConfig, channels: Iterable[ChannelConfig]) -> str:
    """What somebody who scans its card should write: its name, which is in their language; else its code."""
    return channel.name if channel_of(channel.name, channels) == channel.code else channel.code


def _longest(text: str, spellings: Mapping[str, Sequence[str]], *, whole: bool) -> str | None:
    found = [
        (-len(word), order, code)
        for order, (code, words) in enumerate(spellings.items())
        for word in map(_plain, words)
        if word and (_stands_alone(word, text) if whole else word in text)
    ]
    return min(found)[2] if found else None


def _stands_alone(word: str, text: str) -> bool:
    return re.search(rf"(?<![a-z0-9-]){re.escape(word)}(?![a-z0-9-])", text) is not None


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip()
