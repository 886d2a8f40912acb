"""Chance that can be repeated: every roll names what it is for, so no roll disturbs another."""

import random
from hashlib import blake2b


def dice(*what: object) -> random.Random:
    """A generator that depends on `what` alone: the same words give the same rolls in every process."""
    return random.Random(number_of(*what))


def number_of(*what: object) -> int:
    """A whole number below 2**64 that depends on `what` alone."""
    return int.from_bytes(blake2b(":".join(map(str, what)).encode(), digest_size=8).digest())
