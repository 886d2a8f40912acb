"""The Moments calendar of these settings, with the mix and the usual times of the personas."""

from personas.book import Book, load_book
from scheduler.moments.calendar_files import load_calendar
from scheduler.moments.live_calendar import LiveCalendar
from scheduler.moments.moments import Calendar
from texts.errors import Mistake
from wxfleet.reading.settings import Settings


def book_of(settings: Settings) -> Book:
    """The personas; whatever could be read of them."""
    return load_book(settings.personas, settings.shop.style)[0]


def read_calendar_of(settings: Settings, book: Book) -> tuple[Calendar, list[Mistake]]:
    """The calendar as its files say it, and every mistake."""
    return load_calendar(settings.moments, media=settings.media, plans=book.moments_plans)


def live_calendar(settings: Settings, book: Book) -> LiveCalendar:
    """The same, read again when its files change."""
    return LiveCalendar(lambda: read_calendar_of(settings, book), settings.moments)
