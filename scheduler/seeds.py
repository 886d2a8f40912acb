"""Chance that is the same every time: the minute an account posts at does not move when the program restarts."""

from hashlib import blake2b


def drawn(*names: object, below: int) -> int:
    """A number from 0 to `below` − 1, always the same for the same names; 0 when there is no choice."""
    if below <= 1:
        return 0
    seed = "\x1f".join(str(name) for name in names).encode()
    return int.from_bytes(blake2b(seed, digest_size=8).digest(), "big") % below
