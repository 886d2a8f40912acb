"""Why the simulated WeChat says no."""


class Refusal(Exception):
    """WeChat does not do this; nothing happened. The text is what a gateway would answer."""


class NotLoggedIn(Refusal):
    """The account has no session: its QR code must be scanned first."""


class NoSuchThing(Refusal):
    """There is no message, request, contact or room with that id, or none that this account may see."""


class JournalUnusable(Exception):
    """The journal of a simulated world can't be read or written."""
