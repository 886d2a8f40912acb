"""What an account may do by its role (功能定位). Roles are never mixed on one account."""

from enum import StrEnum


class Role(StrEnum):
    ACQUISITION = "acquisition"
    SALES = "sales"
    TRAINING = "training"


class PostKind(StrEnum):
    """What a Moments post is about."""

    LIFE = "life"
    OPINION = "opinion"
    CUSTOMER_SHOW = "customer_show"
    PRODUCT = "product"
    BENEFIT = "benefit"
    PROOF = "proof"

    @property
    def sells(self) -> bool:
        """Does it sell? Of any three posts in a row at most one may."""
        return self in (PostKind.PRODUCT, PostKind.BENEFIT)


class PersonaKind(StrEnum):
    ASSISTANT = "assistant"
    ORDINARY = "ordinary"
    DESIGNER = "designer"
    INFLUENCER = "influencer"
    MENTOR = "mentor"
    MIRROR = "mirror"
