"""What a push may say of each recipient beyond their name: from the profile or the orders, inside the database."""

from collections.abc import Callable, Collection, Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from sqlalchemy import JSON, ColumnElement, Text, case, cast, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.standing.purchases import is_purchase
from rules.pacing import DAY_MS
from storage.order_tables import Order
from storage.outbox import Content
from storage.tables import Person


class Of(StrEnum):
    """Where a value comes from."""

    SIZE = "size"
    PANTS_SIZE = "pants_size"
    SHOE_SIZE = "shoe_size"
    CITY = "city"
    TASTE = "taste"
    LAST_ITEM = "last_item"
    BOUGHT_DAYS = "bought_days"
    ORDERS = "orders"
    BIRTHDAY = "birthday"


class Variable(BaseModel):
    """A value that each recipient has of their own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    of: Of = Field(
        description="取客户的哪一项：size 尺码、pants_size 裤码、shoe_size 鞋码、city 城市、taste 喜好、"
        "last_item 最近买的宝贝、bought_days 多少天没买、orders 买过几单、birthday 生日（5月20日、农历8月15日）"
    )
    default: str | None = Field(default=None, min_length=1, max_length=60, description="没有这一项的人用什么代替")
    missing: Literal["refuse", "exclude"] = Field(
        default="refuse", description="没有这一项、也没写 default 的人：refuse 先不让开始，exclude 这次不发给 TA"
    )


Value = Annotated[str | Variable, BeforeValidator(lambda value: str(value) if isinstance(value, int) else value)]
Column = ColumnElement[Any]


def _profile(*path: str | int) -> Column:
    found: Column = Person.profile[path if len(path) > 1 else path[0]].as_string()
    return found


def _last_item() -> Column:
    newest = (
        select(Order.titles[0].as_string())
        .where(Order.person == Person.id, is_purchase())
        .order_by(Order.created_ms.desc(), Order.number)
        .limit(1)
    )
    return newest.correlate(Person).scalar_subquery()


def _birthday() -> Column:
    """As people say it to each other: month and day, and that it is the lunar one."""
    month, day = cast(Person.birthday_mmdd // 100, Text), cast(Person.birthday_mmdd % 100, Text)
    calendar = case((Person.birthday_lunar, "农历"), else_="")
    return calendar.concat(month).concat("月").concat(day).concat("日")


_COLUMNS: Mapping[Of, Callable[[int], Column]] = {
    Of.SIZE: lambda now_ms: _profile("size"),
    Of.PANTS_SIZE: lambda now_ms: _profile("pants_size"),
    Of.SHOE_SIZE: lambda now_ms: _profile("shoe_size"),
    Of.CITY: lambda now_ms: _profile("city"),
    Of.TASTE: lambda now_ms: _profile("taste", 0),
    Of.LAST_ITEM: lambda now_ms: _last_item(),
    Of.BOUGHT_DAYS: lambda now_ms: cast((now_ms - Person.last_order_ms) // DAY_MS, Text),
    Of.ORDERS: lambda now_ms: cast(func.nullif(Person.orders, 0), Text),
    Of.BIRTHDAY: lambda now_ms: _birthday(),
}


def column_of(variable: Variable, now_ms: int) -> Column:
    """The value of each person; NULL where there is neither one nor a default."""
    found = func.nullif(_COLUMNS[variable.of](now_ms), "")
    return found if variable.default is None else func.coalesce(found, variable.default)


def content_of(tx: AsyncConnection, template: str | None, values: Mapping[str, Column]) -> Column:
    """The outbox's content for these words, with each recipient's own `values`."""
    if not values or template is None:
        return literal(Content(template=template).as_json(), JSON)
    build = func.json_object if tx.dialect.name == "sqlite" else func.json_build_object
    own = build(*(part for name, value in sorted(values.items()) for part in (_word(name), value)), type_=JSON)
    return build(_word("template"), _word(template), _word("values"), own, type_=JSON)


def of_each(variables: Mapping[str, Value], used: Collection[str]) -> dict[str, Variable]:
    """Those of `variables` that the words use and that everybody has their own of."""
    return {name: value for name, value in variables.items() if name in used and isinstance(value, Variable)}


def _word(text: str) -> Column:
    return cast(literal(text), Text)  # PostgreSQL asks for the type of what stands in a JSON object
