"""What one message means, by its words alone, in the order in which a conversation looks for it.

The conversation itself also knows who speaks and what was said before; this is for trying out and for its tests.
"""

from enum import StrEnum

from conversations.concerns import Concern, concern_of
from conversations.intents import Wish, wish_of
from conversations.machines import by_a_machine
from conversations.own_words import own_words
from customers.merging.claim_words import find_hint, find_order_number
from customers.referrals.referral_words import name_in
from scheduler.campaign_files.campaign_file import CampaignFile
from scheduler.campaigns.campaign_answers import Meaning as Said
from scheduler.campaigns.campaign_answers import read_answer


class Meaning(StrEnum):
    """In words for people: `conversations.meaning.<word>`."""

    OPT_OUT = "opt_out"
    UNCLEAR = "unclear"
    OPT_IN = "opt_in"
    YES = "yes"
    """To a campaign that asks."""
    NO = "no"
    AUTO_REPLY = "auto_reply"
    SHARED = "shared"
    """A link to goods, and not a word with it."""
    REFERRAL = "referral"
    CLAIM = "claim"
    CLAIM_HINT = "claim_hint"
    """The end of an order's number."""
    ABUSE = "abuse"
    COMPLAINT = "complaint"
    AFTER_SALE = "after_sale"
    PERSON = "person"
    ORDER_STATUS = "order_status"
    QUESTION = "question"
    """Anything else: what the persona's prepared answers are for."""


_OF_WISH = {Wish.OPT_OUT: Meaning.OPT_OUT, Wish.UNCLEAR: Meaning.UNCLEAR, Wish.OPT_IN: Meaning.OPT_IN}


def meaning_of(
    text: str, *, now_ms: int, zone: str, choice_open: bool = False, asked: CampaignFile | None = None
) -> Meaning:
    """What `text` means to whoever reads it at `now_ms`; `asked`: the campaign that waits for their answer."""
    words = own_words(text)
    wish = wish_of(words.text, choice_open=choice_open)
    if wish in _OF_WISH:
        return _OF_WISH[wish]
    said = read_answer(words.text, asked) if asked else None
    if said is not None:
        return Meaning.YES if said.meaning is Said.YES else Meaning.NO
    if by_a_machine(words.text):
        return Meaning.AUTO_REPLY
    if words.shared is not None and not words.text:
        return Meaning.SHARED
    if name_in(words.text):
        return Meaning.REFERRAL
    if find_order_number(words.text):
        return Meaning.CLAIM
    if find_hint(words.text, now_ms, zone):
        return Meaning.CLAIM_HINT
    concern = concern_of(words.text)
    return Meaning.QUESTION if concern is Concern.NONE else Meaning(concern.value)
