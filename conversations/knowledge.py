"""What an answer looks up instead of being always the same: goods, what is on, where an order is."""

import re
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from conversations.heard import Heard
from conversations.products import Product, Products
from conversations.speaking import Voices
from customers.order import OrderStatus
from customers.order_news import OrderNews, imported_ms, news_of
from personas.model import About, Occasion
from rules.pacing import DAY_MS
from rules.quiet_hours import local
from scheduler.campaigns.offers import offers_for
from texts.catalogue import say

PRODUCT_FACTS = (About.PRICE, About.SIZE, About.COLOUR, About.FABRIC, About.CARE)
STILL_MEANT_MS = 10 * 60_000
"""Goods we spoke of are still meant when somebody asks "多少钱" so much later. Ours."""
FRESH_MS = 36 * 3_600_000
"""Orders imported longer ago are an old picture: a person looks, too. Ours."""
PACKED_WITHIN_MS = 2 * DAY_MS
ON_THE_WAY_MS = 6 * DAY_MS
"""Longer than these is no longer usual: a person looks, too. Ours."""
_MOST_ORDERS = 2
_MOST_TITLE = 16
_IMPATIENT = re.compile(
    r"催|没动静|不更新|不动|停在|卡在|怎么还|咋还|还没|还不|都不|[天周]了|个月了|星期了|等了|急|说好|丢|找不到|到底"
)
_OCCASIONS = {
    OrderStatus.UNPAID: Occasion.ORDER_UNPAID,
    OrderStatus.PAID: Occasion.ORDER_PAID,
    OrderStatus.SHIPPED: Occasion.ORDER_SHIPPED,
    OrderStatus.DONE: Occasion.ORDER_DONE,
}


@dataclass(frozen=True, slots=True)
class Known:
    """What was found, ready to be said. `look`: a person should look, too."""

    text: str
    look: bool = False


class Knowledge:
    """Looks things up for a persona."""

    def __init__(self, voices: Voices, products: Products) -> None:
        self._voices = voices
        self._products = products

    async def about(self, tx: AsyncConnection, heard: Heard, about: About) -> Known | None:
        """What is known for this person about what they ask; None where the persona's own answer must do."""
        if about is About.ORDER:
            return await self.order(tx, heard)
        if about is About.CAMPAIGN:
            return await self._campaign(tx, heard)
        product = self.product(heard)
        fact = product.fact(about) if product else None
        if product is None or fact is None:
            return None
        said = self._voices.on(Occasion.PRODUCT, heard.who, seed=heard.arrival, product=product.name, fact=fact)
        way = product.landing.words() if product.landing else ""
        return Known(f"{said}。{way}" if way else said)

    def product(self, heard: Heard) -> Product | None:
        """The goods they mean: named, or in the link they sent, or what we just spoke of."""
        named = self._products.named_in(heard.words)
        if named is None and heard.own.shared:
            named = self._products.titled(heard.own.shared)
        return named or self._products.named_in(heard.said.newest_words(heard.now_ms - STILL_MEANT_MS))

    def shared(self, heard: Heard) -> str | None:
        """What to say to a bare link to goods of ours; None for goods we know nothing of."""
        product = self._products.titled(heard.own.shared) if heard.own.shared else None
        if product is None:
            return None
        return self._voices.on(Occasion.SHARED, heard.who, seed=heard.arrival, product=product.name)

    async def order(self, tx: AsyncConnection, heard: Heard) -> Known | None:
        """Where their order is, as the last import saw it."""
        news = await news_of(tx, heard.who.person, heard.now_ms)
        if not news:
            return None
        imported = await imported_ms(tx)
        stale = imported is None or heard.now_ms - imported > FRESH_MS
        look = stale or bool(_IMPATIENT.search(heard.words)) or any(_too_long(one, heard.now_ms) for one in news)
        lines = [self._order_line(heard, one) for one in news[:_MOST_ORDERS]]
        if look:
            lines.append(say("conversations.order.look", lang="zh"))
        return Known("\n".join(lines), look)

    def _order_line(self, heard: Heard, order: OrderNews) -> str:
        title = order.titles[0].strip() if order.titles else ""
        short = title if len(title) <= _MOST_TITLE else title[: _MOST_TITLE - 1] + "…"
        more = len(order.titles) > 1
        items = say("conversations.order.items" if more else "conversations.order.item", lang="zh", title=short)
        if not title:
            items = say("conversations.order.nameless", lang="zh")
        day = _day(order.created_ms, self._voices.shop.time_zone)
        return self._voices.on(_OCCASIONS[order.status], heard.who, seed=heard.arrival, items=items, day=day)

    async def _campaign(self, tx: AsyncConnection, heard: Heard) -> Known | None:
        zone = self._voices.shop.time_zone
        offers = await offers_for(tx, heard.who.person, heard.who.level, heard.now_ms, zone)
        if not offers:
            return None
        first = offers[0]
        ends = local(first.ends_ms, zone)
        values = {
            **first.values,
            "ends": say("conversations.moment", lang="zh", month=ends.month, day=ends.day, time=f"{ends:%H:%M}"),
        }
        names = {name: values[name] for name in ("offer", "gift", "join", "ends", "landing")}
        return Known(self._voices.on(Occasion.CAMPAIGN, heard.who, seed=heard.arrival, **names))


def _too_long(order: OrderNews, now_ms: int) -> bool:
    since_ms = order.paid_ms or order.created_ms
    if order.status is OrderStatus.PAID:
        return now_ms - since_ms > PACKED_WITHIN_MS
    return order.status is OrderStatus.SHIPPED and now_ms - since_ms > ON_THE_WAY_MS


def _day(moment_ms: int, zone: str) -> str:
    day = local(moment_ms, zone)
    return say("conversations.day", lang="zh", month=day.month, day=day.day)
