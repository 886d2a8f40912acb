"""Cards for a channel or a member: whose QR code, which words, which file."""

import os
from dataclasses import astuple, dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.channels.cards import BLEED_MM, PRINT_DPI, SCREEN_DPI, CardWords, draw_card, plain, save_png
from customers.channels.fonts import Font, chinese_font
from customers.channels.print_pdf import save_pdf
from customers.finding.people import FoundPerson
from operations.errors import Refused
from personas.book import Book
from personas.copy_check import findings
from personas.model import Style
from rules.nicknames import cleaned
from storage.tables import Account
from texts.catalogue import say
from texts.errors import Severity
from texts.masking import masked
from texts.os_words import os_reason
from texts.problem import Problem
from wxfleet.reading.settings import Settings
from wxfleet.terminal.usage import NotUnderstood


@dataclass(frozen=True, slots=True)
class Shop:
    """What the words of a card come from."""

    settings: Settings
    book: Book


@dataclass(frozen=True, slots=True)
class Printed:
    """What was made of it. `qr`: what the code says."""

    file: str
    account: str
    qr: str


async def print_card(
    connection: AsyncConnection, shop: Shop, account: str, out: Path, *, benefit: str, code: str, font: Path | None,
    friend: str = "",
) -> Printed:  # fmt: skip
    """Draw the card of `account` into `out`: .pdf for the printer, .png for the screen.

    `code` is what whoever scans it should write; `friend` who recommends the shop, on a member's card. Raises Refused
    (no QR code known, words that may not be, signs that the font lacks), NotUnderstood (neither .png nor .pdf),
    NoChineseFont.
    """
    kind = out.suffix.lower()
    if kind not in (".png", ".pdf"):
        raise NotUnderstood(say("channels.card_format", file=out), hint=say("channels.card_format.hint"))
    qr = await _qr_of(connection, shop.settings, account)
    words = _words(shop, account, benefit, code, friend)
    _require_clean(shop, words)
    writing = chinese_font(font)
    if not writing.knows(friend):
        words = _words(shop, account, benefit, code, "")
    _require_drawn(writing, words)
    dpi = PRINT_DPI if kind == ".pdf" else SCREEN_DPI
    image = draw_card(words, qr, writing, dpi=dpi, bleed=kind == ".pdf")
    part = out.with_name(f".{out.name}.part")
    try:
        if kind == ".pdf":
            save_pdf(image, part, dpi=dpi, bleed_mm=BLEED_MM)
        else:
            save_png(image, part, dpi)
        os.replace(part, out)
    except OSError as error:
        raise Problem(say("channels.cannot_write", file=out, reason=os_reason(error))) from error
    finally:
        part.unlink(missing_ok=True)
    return Printed(str(out), account, qr)


def friend_on_card(member: FoundPerson, style: Style) -> str:
    """Who recommends the shop, as strangers read it: what the member is called, else the name in their nickname.

    '' where there is none, or where it says what no words of the shop's may: the card then speaks for the account.
    """
    name = member.call_me or cleaned(member.name) or ""
    forbidden = any(found.fault.severity is Severity.ERROR for found in findings(name, style))
    return "" if forbidden else masked(name)


async def _qr_of(connection: AsyncConnection, settings: Settings, account: str) -> str:
    config = next(config for config in settings.accounts if config.id == account)
    known = config.qr or await connection.scalar(select(Account.contact_qr).where(Account.id == account))
    if not known:
        raise Refused(say("channels.no_qr", account=account), hint=say("channels.no_qr.hint", account=account))
    return known


def _words(shop: Shop, account: str, benefit: str, code: str, friend: str) -> CardWords:
    config = next(config for config in shop.settings.accounts if config.id == account)
    name = shop.book.resolved(config.persona).name
    contact = shop.settings.shop.contact
    foot = [say("customers.card.foot", lang="zh", contact=contact)] if contact else []
    if config.wechat_id:
        foot.append(say("customers.card.wechat", lang="zh", wechat=config.wechat_id))
    return CardWords(
        head=shop.settings.shop.name,
        name=say("customers.card.friend", lang="zh", name=friend) if friend
        else say("customers.card.name", lang="zh", name=name),
        benefit=benefit,
        how=say("customers.card.how", lang="zh", code=code),
        foot=" · ".join(foot),
        under_qr=say("customers.card.long_press", lang="zh"),
    )  # fmt: skip


def _require_drawn(font: Font, words: CardWords) -> None:
    """Nothing is printed as an empty box."""
    lacking = font.lacks("".join(plain(text) for text in astuple(words)))
    if lacking:
        raise Refused(say("channels.no_shape", signs=lacking), hint=say("channels.no_shape.hint"))


def _require_clean(shop: Shop, words: CardWords) -> None:
    """A card can't be taken back: what the copy check forbids is not printed."""
    style = shop.settings.shop.style
    for text in (words.name, words.benefit):
        for found in findings(text, style):
            if found.fault.severity is Severity.ERROR:
                raise Refused(say("channels.card_words", text=text, reason=found.reason))
