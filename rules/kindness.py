"""Kindnesses: greetings, care, a word on a step up. They sell nothing, and there are few of them."""

from rules.kinds import Kind
from rules.pacing import DAY_MS

MOST_A_MONTH = 2
"""Greetings, care and steps up together, per person across the matrix. Source: the shop's house rules."""
MONTH_MS = 30 * DAY_MS
"""What a month is here: rolling."""
KINDNESSES = frozenset({Kind.GREETING, Kind.CARE, Kind.LEVEL_UP})
