"""The parts of config.yaml about watching the fleet: its log and its metrics."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

_HIGHEST_PORT = 65_535


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class LogConfig(_Part):
    """日志"""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="记多细：debug 连每一条发出的消息都记，info 只记值得看的，warning、error 更少"
    )
    file: Literal["json", "console"] = Field(
        default="json", description="data/wxfleet.log 的格式：json 一行一个对象，console 给人看的文字"
    )
    screen: Literal["json", "console"] = Field(
        default="console", description="run --verbose 时屏幕上的格式：console 或 json（容器里收日志用）"
    )
    megabytes: int = Field(default=10, ge=1, le=1000, description="一个日志文件最多多少 MB，满了换新的")
    kept: int = Field(default=5, ge=1, le=100, description="旧日志文件留几个")


class MetricsConfig(_Part):
    """Prometheus 指标"""

    listen: str = Field(
        pattern=r"^(\[[0-9A-Fa-f:]+\]|[^\s:/@]+):[0-9]{1,5}$",
        description="在哪里提供指标，写成 主机:端口，例如 127.0.0.1:9464，端口 0 由系统挑；没有密码，不要对外网开放",
    )

    @field_validator("listen")
    @classmethod
    def _port_exists(cls, value: str) -> str:
        if int(value.rpartition(":")[2]) > _HIGHEST_PORT:
            raise PydanticCustomError("settings.no_such_port", "a port is at most 65535")
        return value

    @property
    def address(self) -> tuple[str, int]:
        """Host (without the brackets of IPv6) and port."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)

    @property
    def next_listen(self) -> str:
        """The same host and another port, for a process beside this one."""
        host, _, port = self.listen.rpartition(":")
        return f"{host}:{int(port) + 1 if int(port) < _HIGHEST_PORT else 9464}"
