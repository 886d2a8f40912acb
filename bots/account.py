"""One personal account as config.yaml describes it."""

from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationInfo
from pydantic_core import PydanticCustomError

from bots.limits_given import LimitsGiven
from rules.roles import Role

Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=40)]
"""What people type: small letters, digits and hyphens."""


def _written_date(value: object) -> object:
    # Pydantic would take a bare 20240301 for seconds since 1970.
    if isinstance(value, int | float):
        raise PydanticCustomError("date_type", "a date like 2024-03-01")
    return value


WrittenDate = Annotated[date, BeforeValidator(_written_date)]


def _at_home(value: str, info: ValidationInfo) -> str:
    """A certificate's file, like every path, is relative to the folder of config.yaml."""
    home = (info.context or {}).get("home")
    return value if home is None or value in ("off", "system") else str(home / value)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class SimulatorGateway(_Part):
    """模拟微信，不连真号"""

    kind: Literal["simulator"] = Field(description="模拟器，不需要微信号")


class WechatyGateway(_Part):
    """真实微信号，经由 Wechaty 网关"""

    kind: Literal["wechaty"] = Field(description="Wechaty 网关，一个网关一个号")
    endpoint: str = Field(
        pattern=r"^(\[[0-9A-Fa-f:]+\]|[^\s:/@]+):[0-9]{1,5}$",
        description="网关地址，写成 主机:端口，例如 127.0.0.1:19001",
    )
    token: SecretStr = Field(
        min_length=1, description="网关令牌；不要直接写，写 ${WXFLEET_TOKEN_…}，真值放在 .env 或环境变量里"
    )
    tls: Annotated[str, AfterValidator(_at_home)] = Field(
        default="system", min_length=1, description="加密：off 不加密，system 系统证书，或 CA 证书文件的路径"
    )
    tls_name: str | None = Field(default=None, description="证书里应有的名字；npm 网关自带的证书写 insecure")


GatewayConfig = Annotated[SimulatorGateway | WechatyGateway, Field(discriminator="kind")]


class AssistedPublisher(_Part):
    """由拿手机的人发"""

    kind: Literal["assisted"] = Field(description="备好图文发给拿手机的人，由人来发，发完回 /完成")


class WebhookPublisher(_Part):
    """交给你自己的发布服务"""

    kind: Literal["webhook"] = Field(description="把要发的朋友圈交给你自己的发布服务")
    url: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s]+$",
        description="发布服务的网址；模拟器的号可以不写，由模拟器接收",
    )
    secret: SecretStr | None = Field(default=None, description="签名密钥，写 ${NAME}；有 url 就必须有它")


PublisherConfig = Annotated[AssistedPublisher | WebhookPublisher, Field(discriminator="kind")]


class AccountConfig(_Part):
    """一个个人号"""

    id: Id = Field(description="这个号的编号，全店唯一：小写字母、数字和连字符，例如 lin-1")
    persona: str = Field(min_length=1, description="人设编号，即 personas/ 里某个文件的 id")
    role: Role = Field(description="功能定位：acquisition 引流，sales 销售，training 培训；一个号只有一种")
    main: bool = Field(default=False, description="是不是主号")
    position: str | None = Field(
        default=None, max_length=20, description="身份（设计师、主理人……），写了就以它为准，盖过人设里的"
    )
    holder: str | None = Field(default=None, description="手机在谁手里：staff 里的 id；朋友圈等人工任务发给这个人")
    opened: WrittenDate | None = Field(
        default=None, description="开号日期，例如 2024-03-01；号龄决定每天能加多少人，不写按新号算"
    )
    time_zone: str | None = Field(default=None, description="这个号所在的时区，不写就用店铺的")
    wechat_id: str | None = Field(
        default=None, pattern=r"^[A-Za-z][A-Za-z0-9_-]{5,19}$", description="微信号（别人搜得到的那个），写进短信和卡片"
    )
    qr: str | None = Field(
        default=None,
        min_length=8,
        max_length=300,
        pattern=r"^[!-~]+$",
        description="这个号的加好友二维码里的内容（用手机扫出来的那行字）；网关读得到就不用写",
    )
    armed: bool = Field(default=False, description="是否放行：mode 为 live 且这里为 true，真号才会真的发出去")
    limits: LimitsGiven = Field(default_factory=LimitsGiven, description="这个号自己的限额，只写要改的")
    gateway: GatewayConfig = Field(description="用什么连微信")
    publisher: PublisherConfig = Field(
        default=AssistedPublisher(kind="assisted"), description="朋友圈怎么发：assisted 人来发，webhook 发布服务"
    )

    @property
    def simulated(self) -> bool:
        """Does it live in the simulator?"""
        return isinstance(self.gateway, SimulatorGateway)
