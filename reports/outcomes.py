"""What the outcomes of the inbox say of customers' messages."""

from sqlalchemy import ColumnElement, and_, or_

from storage.tables import Arrival

_ANSWERED = ("answered", "claimed", "opted_in", "asked_which_order", "referred", "declined")
_NOT_ANSWERED = ("handed_over", "opted_out", "opted_out_before", "held", "flood", "asked")
_OF_A_CAMPAIGN = "campaign_"
"""How the outcomes of answers to a campaign begin; what was heard follows."""


def customer_wrote() -> ColumnElement[bool]:
    """Of a row of the inbox: is it a message of a customer that was dealt with? (An opt-out is answered by itself.)"""
    known = Arrival.outcome.in_((*_ANSWERED, *_NOT_ANSWERED))
    return and_(Arrival.kind == "message", or_(known, Arrival.outcome.startswith(_OF_A_CAMPAIGN, autoescape=True)))


def was_answered() -> ColumnElement[bool]:
    """Of a customer's message: did the account answer it, as far as it went?"""
    return or_(Arrival.outcome.in_(_ANSWERED), Arrival.outcome.startswith(_OF_A_CAMPAIGN, autoescape=True))
