"""products.yaml: what the shop sells, as far as customers ask. Every persona knows it and says it in its own voice."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from personas.copy_check import findings
from personas.model import About, Style
from personas.plain_text import plain
from scheduler.landing import Carrier, Landing
from texts.catalogue import say
from texts.errors import Mistake
from texts.yaml_reader import Document, read_document

_Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=60)]
_Fact = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
_FACTS = (About.PRICE, About.SIZE, About.COLOUR, About.FABRIC, About.CARE)


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Product(_Part):
    """One thing the shop sells. A fact is said after its name: 「碎花连衣裙」S 到 XL，……"""

    name: _Name = Field(description="宝贝的名字，和订单里的标题一样最好")
    also: Annotated[tuple[_Name, ...], BeforeValidator(_as_list)] = Field(
        default=(), description="客户还怎么叫它，例如 [碎花裙, 茶歇裙]"
    )
    price: _Fact | None = Field(default=None, description="价格，接在名字后面说，例如 现在 259，老客结账再打折")
    size: _Fact | None = Field(default=None, description="尺码和怎么选")
    colour: _Fact | None = Field(default=None, description="有哪些颜色")
    fabric: _Fact | None = Field(default=None, description="面料")
    care: _Fact | None = Field(default=None, description="怎么洗、会不会缩水起球")
    landing: Landing | None = Field(default=None, description="怎么找到它；不写就用店铺的搜索词")

    def fact(self, about: About) -> str | None:
        """What is known of it; None for nothing."""
        return getattr(self, about.value) if about in _FACTS else None

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name, *self.also)


class Products(_Part):
    """The whole of products.yaml."""

    products: tuple[Product, ...] = Field(default=(), description="一件一段；客户问到哪件，人设就照这里的答")

    def named_in(self, text: str) -> Product | None:
        """The product that `text` names, by its longest name; None for none, or for two with equally long names."""
        asked = plain(text)
        found = [
            (len(key), product)
            for product in self.products
            for name in product.names
            if (key := _written(name)) and key in asked
        ]
        longest = max((length for length, _ in found), default=0)
        best = {product.name: product for length, product in found if length == longest}
        return next(iter(best.values())) if len(best) == 1 else None

    def titled(self, title: str) -> Product | None:
        """The product whose link they sent: the shop's title may say more than the name, or less."""
        said = plain(title)
        whole = [product for product in self.products if _written(product.name) == said]
        return whole[0] if whole else self.named_in(title)


@lru_cache(maxsize=4096)
def _written(name: str) -> str:
    """`plain` of a name in the file: the same for every message."""
    return plain(name)


NO_PRODUCTS = Products()


def load_products(path: Path, *, style: Style | None = None) -> tuple[Products, list[Mistake]]:
    """products.yaml at `path` (none is no products), and every mistake with its place. Raises nothing."""
    if not path.exists():
        return NO_PRODUCTS, []
    document = read_document(path, Products)
    if document.value is None:
        return NO_PRODUCTS, document.mistakes
    mistakes = [*document.mistakes, *_twice(document, document.value.products)]
    for number, product in enumerate(document.value.products):
        for about in _FACTS:
            for found in findings(product.fact(about) or "", style or Style()):
                place = ("products", number, about.value)
                mistakes.append(found.at(document, place))
        if product.landing is not None:
            for field, why in product.landing.unfit(Carrier.ANSWER):
                mistakes.append(document.mistake(("products", number, "landing", field), why))
    return document.value, sorted(mistakes)


def _twice(document: Document[Products], products: Sequence[Product]) -> list[Mistake]:
    """A name that leads to two products leads to neither."""
    mistakes, seen = [], dict[str, str]()
    for number, product in enumerate(products):
        for name in product.names:
            other = seen.setdefault(plain(name), product.name)
            if other != product.name:
                reason = say("conversations.product_twice", name=name, other=other)
                mistakes.append(document.mistake(("products", number), reason))
    return mistakes
