"""What a campaign gives away, as people write it under `benefits`."""

from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from scheduler.written import Ident, PoolName


class Benefit(BaseModel):
    """One thing that is given, with its stock."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Ident = Field(description="名字（英文小写），奖品和命令里用它")
    title: str = Field(min_length=1, max_length=60, description="是什么，说给客户听，例如 缎面发夹")
    units: int | None = Field(default=None, ge=1, le=1_000_000, description="一共多少份；不写就不限")
    per_person: int = Field(default=1, ge=1, le=1000, description="每人最多几份")
    value_yuan: Decimal | None = Field(
        default=None, ge=0, le=1_000_000, decimal_places=2, description="一份值多少元，记账用"
    )
    coupons: PoolName | None = Field(default=None, description="送的是优惠码：从哪个码池里取，每份一个")

    @model_validator(mode="after")
    def _fits(self) -> "Benefit":
        if self.coupons is not None and self.per_person > 1:
            raise ValueError("scheduler.benefit.one_code")
        return self

    @property
    def value_fen(self) -> int | None:
        """Of one unit."""
        return None if self.value_yuan is None else int(self.value_yuan * 100)
