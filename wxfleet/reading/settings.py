"""config.yaml: the rooms' own models put together, read with every mistake at once."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr, SecretStr, ValidationInfo
from pydantic_core import PydanticCustomError
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from bots.account import AccountConfig, WebhookPublisher, WechatyGateway
from bots.limits_given import LimitsGiven, limits_of
from conversations.language_model import LanguageModelConfig
from conversations.waiting_watch import HandoverConfig
from customers.channels.channels import ChannelConfig
from customers.own_data.retention import PrivacyConfig
from customers.standing.ladder import Ladder
from customers.standing.tiers import TierRules
from operations.staff import StaffConfig, StaffRoomConfig
from personas.book import Book
from personas.model import Shop
from rules.limits import Limits
from scheduler.benefits.gifts import GiftsConfig
from scheduler.moments.likes import LikesConfig
from texts.errors import ConfigurationInvalid, Mistake, Severity
from texts.overrides import Override, shown_value
from texts.yaml_reader import Document, read_document
from texts.yaml_tree import Node
from wxfleet.errors import NoConfig
from wxfleet.reading.cross_checks import cross_check
from wxfleet.reading.environment import overrides_in, read_environment
from wxfleet.reading.files import Files, read_files
from wxfleet.reading.files_of_rooms import READERS
from wxfleet.reading.observation import LogConfig, MetricsConfig

_SQLITE = "sqlite:///"
_POSTGRESQL = "postgresql://"


def _at_home(value: Path, info: ValidationInfo) -> Path:
    home = (info.context or {}).get("home")
    return home / value if home else value


def _database_at_home(value: SecretStr, info: ValidationInfo) -> SecretStr:
    home = (info.context or {}).get("home")
    url = value.get_secret_value()
    if not url.removeprefix(_SQLITE) or not url.startswith((_SQLITE, _POSTGRESQL)):
        raise PydanticCustomError("settings.database_scheme", "sqlite:///… or postgresql://…")
    if url.startswith(_POSTGRESQL):
        _must_be_readable(url)
    if home is None or not url.startswith(_SQLITE):
        return value
    return SecretStr(_SQLITE + str(home / url.removeprefix(_SQLITE)))


def _must_be_readable(url: str) -> None:
    try:
        make_url(url)
    except (ArgumentError, ValueError) as error:  # a port that is no number; the message may show the password
        raise PydanticCustomError("settings.database_address", "postgresql://user:password@host:5432/name") from error


HomePath = Annotated[Path, AfterValidator(_at_home)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class SimulatorConfig(_Part):
    """模拟器"""

    speed: float = Field(default=60, gt=0, le=3600, description="模拟世界走得多快：60 表示现实一分钟等于店里一小时")
    seed: int = Field(default=7, ge=0, description="随机种子；同一个种子，模拟的人和事一样")


class WorkerConfig(_Part):
    """多个进程（wxfleet worker）"""

    heartbeat_timeout_s: float = Field(
        default=30, ge=2, le=600,
        description="一个进程多久没动静就算死了，由别的进程接管它的号；太短容易误判，太长接管慢",
    )  # fmt: skip


class Settings(_Part):
    """The whole of config.yaml. Paths are absolute once it was loaded."""

    shop: Shop = Field(description="店铺：名字、品牌、联系方式、时区、目标和风格")
    mode: Literal["dry_run", "live"] = Field(
        default="dry_run", description="dry_run 只记录会发什么、不真的发；live 真的发（真号还要 armed: true）"
    )
    database: Annotated[SecretStr, AfterValidator(_database_at_home)] = Field(
        default=SecretStr("sqlite:///data/wxfleet.db"),
        description="数据库：sqlite:///文件，或 postgresql://用户:密码@主机/库",
        validate_default=True,
        json_schema_extra={"default": "sqlite:///data/wxfleet.db"},
    )
    personas: HomePath = Field(default=Path("personas/"), validate_default=True, description="人设文件夹")
    ladder: HomePath = Field(default=Path("ladder.yaml"), validate_default=True, description="升级制度文件")
    segments: HomePath = Field(default=Path("segments/"), validate_default=True, description="分层文件夹")
    pushes: HomePath = Field(default=Path("pushes/"), validate_default=True, description="推送文件夹")
    campaigns: HomePath = Field(default=Path("campaigns/"), validate_default=True, description="活动文件夹")
    moments: HomePath = Field(default=Path("moments/"), validate_default=True, description="朋友圈日历文件夹")
    care: HomePath = Field(
        default=Path("care.yaml"), validate_default=True, description="关怀文件：生日、节日、购后；没有就不发"
    )
    products: HomePath = Field(
        default=Path("products.yaml"),
        validate_default=True,
        description="宝贝资料文件：客户问到哪件就照它答；没有就不写",
    )
    lessons: HomePath = Field(default=Path("lessons/"), validate_default=True, description="合伙人课程文件夹")
    ponds: HomePath = Field(default=Path("ponds/"), validate_default=True, description="群（鱼塘）文件夹")
    media: HomePath = Field(default=Path("media/"), validate_default=True, description="图片和视频文件夹")
    staff: list[StaffConfig] = Field(default_factory=list, description="员工")
    staff_room: StaffRoomConfig | None = Field(default=None, description="员工群；没有就不写")
    limits: LimitsGiven = Field(default_factory=LimitsGiven, description="全店的限额，只写要改的；单个号里写的优先")
    simulator: SimulatorConfig = Field(
        default_factory=SimulatorConfig, description="模拟世界的快慢和种子；有真号时只影响模拟的号"
    )
    worker: WorkerConfig = Field(
        default_factory=WorkerConfig, description="PostgreSQL 上一个或多个进程怎么接替；一般不用写"
    )
    confirm_to_send: Literal["as_written", "always"] = Field(
        default="as_written",
        description="推送和活动要不要到点先问一句、有人 /继续 了才发第一条："
        "as_written 看每个推送自己的 confirm；always 一律先问",
    )
    second_person_above: int = Field(
        default=500, ge=0,
        description="推送和活动发给超过多少人，要另一位也能推送的同事来确认；店里没有这样的同事就不用",
    )  # fmt: skip
    likes: LikesConfig = Field(default_factory=LikesConfig, description="每天给哪些客户点赞（员工在手机上点）")
    gifts: GiftsConfig = Field(default_factory=GiftsConfig, description="红包和礼物的预算（员工在手机上发）")
    handover: HandoverConfig = Field(
        default_factory=HandoverConfig, description="转人工：客户等人回复，几分钟没人回就提醒、再换人"
    )
    privacy: PrivacyConfig = Field(default_factory=PrivacyConfig, description="个人信息：聊天内容保留多久")
    log: LogConfig = Field(default_factory=LogConfig, description="日志记多细、什么格式、留多少")
    metrics: MetricsConfig | None = Field(default=None, description="Prometheus 指标；不写就不提供，也不开端口")
    language_model: LanguageModelConfig | None = Field(
        default=None, description="大模型（可选）：没准备过的问题先请它试答；不写就不用，一个字也不会发出去"
    )
    accounts: list[AccountConfig] = Field(min_length=1, description="所有个人号")
    tiers: TierRules = Field(default_factory=TierRules, description="客户分层的界线，只写要改的")
    channels: list[ChannelConfig] = Field(default_factory=list, description="渠道：客户从哪里来")
    _home: Path = PrivateAttr(default_factory=Path)

    def model_post_init(self, context: Any, /) -> None:
        self._home = (context or {}).get("home") or Path()

    @property
    def home(self) -> Path:
        """What relative paths are relative to: the folder of config.yaml, or `--home`."""
        return self._home

    @property
    def database_url(self) -> str:
        """The database's URL, the password in it. Not for messages."""
        return self.database.get_secret_value()

    @property
    def all_simulated(self) -> bool:
        """Is there no real account at all?"""
        return all(account.simulated for account in self.accounts)

    @property
    def always_ask(self) -> bool:
        """Does every push wait for a person's word at its hour?"""
        return self.confirm_to_send == "always"

    def secrets(self) -> tuple[str, ...]:
        """Every secret of the file, for the log's mask."""
        found = [account.gateway.token for account in self.accounts if isinstance(account.gateway, WechatyGateway)]
        found += [
            account.publisher.secret
            for account in self.accounts
            if isinstance(account.publisher, WebhookPublisher) and account.publisher.secret is not None
        ]
        found += [self.language_model.key] if self.language_model else []
        password = make_url(self.database_url).password
        return (*(secret.get_secret_value() for secret in found), *([str(password)] if password else []))

    def limits_of(self, account: AccountConfig) -> Limits:
        """What binds this account: the defaults, the fleet's limits over them, its own over those."""
        return limits_of(self.limits, account.limits)

    def time_zone_of(self, account: AccountConfig) -> str:
        """The account's own zone, else the shop's."""
        return account.time_zone or self.shop.time_zone


@dataclass(frozen=True, slots=True)
class Overridden:
    """A value of config.yaml that comes from the environment. `value` is for people: a secret is blotted out."""

    key: str
    value: str
    source: str


@dataclass(frozen=True, slots=True)
class Examination:
    """Everything people wrote, as read, and all that is wrong with it."""

    settings: Settings | None
    book: Book
    ladder: Ladder | None
    mistakes: list[Mistake]
    files: Files
    """Where everything lies, as far as config.yaml could be read."""
    overridden: tuple[Overridden, ...] = ()

    @property
    def valid(self) -> bool:
        """Are there no errors? Warnings do not count."""
        return self.settings is not None and not any(m.severity is Severity.ERROR for m in self.mistakes)


def load(path: Path, home: Path | None = None, strict: bool = True) -> Settings:
    """config.yaml at `path`, its relative paths taken from `home` or else from its own folder.

    `strict` also demands that personas, ladder, calendar and pushes have no errors, as a run needs. Raises
    NoConfig; ConfigurationInvalid with every mistake.
    """
    require_config(path)
    if not strict:
        document = read_config(path, home)
        if document.value is None:
            raise ConfigurationInvalid(document.mistakes)
        return document.value
    settings = examine_strictly(path, home).settings
    assert settings is not None  # noqa: S101  # examine_strictly raises otherwise
    return settings


def require_config(path: Path) -> None:
    """Raises NoConfig when there is nothing at `path`."""
    try:
        there = path.exists()
    except OSError:
        there = True  # in a folder that can't be looked into: whoever reads it says so
    if not there:
        raise NoConfig(path)


def examine_strictly(path: Path, home: Path | None = None) -> Examination:
    """Everything a run needs. Raises NoConfig; ConfigurationInvalid with every mistake when there is an error."""
    require_config(path)
    examination = examine(path, home)
    if examination.settings is None or examination.ladder is None or not examination.valid:
        raise ConfigurationInvalid(examination.mistakes)
    return examination


def examine(path: Path, home: Path | None = None, *, environment: Mapping[str, str] | None = None) -> Examination:
    """Read config.yaml and every file it leads to. Raises nothing: what is wrong is in `mistakes`, by place.

    `${NAME}` comes from `environment`, the process's own unless given, and from `.env` beside the file.
    """
    document = read_config(path, home, environment=environment)
    files, mistakes = read_files(Files.of(document.data, _home(path, home)), READERS)
    mistakes += document.mistakes
    mistakes += cross_check(document, files.book)
    overridden = tuple(
        Overridden(override.key, shown_value(document.root, override), override.source)
        for override in document.overrides
    )
    return Examination(document.value, files.book, files.ladder, sorted(set(mistakes)), files, overridden)


def read_config(
    path: Path, home: Path | None = None, *, environment: Mapping[str, str] | None = None
) -> Document[Settings]:
    """config.yaml alone, with the places of all its values; what the environment says over them is in it."""
    environment = os.environ if environment is None else environment
    secrets, mistakes = read_environment(path.parent / ".env", environment)

    def overrides(root: Node) -> list[Override]:
        found, unknown = overrides_in(secrets, environment, root, Settings.model_fields)
        mistakes.extend(unknown)
        return found

    context = {"home": _home(path, home)}
    document = read_document(path, Settings, context=context, secrets=secrets, overrides=overrides)
    document.mistakes += mistakes
    return document


def _home(path: Path, home: Path | None) -> Path:
    return (home or path.parent).absolute()
