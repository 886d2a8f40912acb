"""Who may command, as config.yaml describes them."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class StaffRole(StrEnum):
    OWNER = "owner"
    OPERATOR = "operator"
    SERVICE = "service"
    VIEWER = "viewer"


Shift = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$")]
"""Working hours like 09:00-18:00; may cross midnight."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StaffConfig(_Part):
    """一位员工"""

    id: str = Field(
        pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=40, description="员工编号：小写字母、数字和连字符，例如 boss"
    )
    name: str = Field(min_length=1, max_length=30, description="大家怎么叫这位员工")
    wechat: list[str] = Field(
        default_factory=list,
        description="这位员工的微信 id，可以有几个；不知道就留空，用 wxfleet staff invite 编号 生成邀请码",
    )
    role: StaffRole = Field(description="权限：owner 老板，operator 运营，service 客服，viewer 只看")
    shift: Shift | None = Field(default=None, description="上班时间，例如 09:00-18:00；不写就是随时")
    accounts: list[str] = Field(default_factory=list, description="负责哪些号；不写就是全部")


class StaffRoomConfig(_Part):
    """员工群"""

    id: str | None = Field(default=None, min_length=1, description="群 id；不知道就留空，在群里发 /设为员工群 邀请码")
    desk: str = Field(description="值班号：只有它在员工群里听命令、说话")
