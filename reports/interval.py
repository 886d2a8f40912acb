"""How sure a difference between two groups is."""

from math import sqrt

Z = 1.959964
"""95 of 100 such intervals hold the truth."""


def wilson(yes: int, of: int) -> tuple[float, float]:
    """The interval of one share (Wilson's score), `of` above 0."""
    share, spread = yes / of, Z * Z / of
    middle = share + spread / 2
    half = Z * sqrt(share * (1 - share) / of + spread / (4 * of))
    return max(0.0, (middle - half) / (1 + spread)), min(1.0, (middle + half) / (1 + spread))


def difference(yes: int, of: int, other_yes: int, other_of: int) -> tuple[float, float, float]:
    """The first share less the second, and its interval (Newcombe's, from two of Wilson's); good with few cases too."""
    share, other = yes / of, other_yes / other_of
    low, high = wilson(yes, of)
    other_low, other_high = wilson(other_yes, other_of)
    gap = share - other
    return (
        gap,
        gap - sqrt((share - low) ** 2 + (other_high - other) ** 2),
        gap + sqrt((high - share) ** 2 + (other - other_low) ** 2),
    )
