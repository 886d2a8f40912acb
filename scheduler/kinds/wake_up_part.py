"""What a wake-up says in its campaign's file: from when on somebody is taken to be asleep."""

from pydantic import BaseModel, ConfigDict, Field

TRIES = 2
"""After so many wake-ups in a row without an answer or a purchase somebody is left in peace. Source: the shop's house
rules."""


class WakeUp(BaseModel):
    """Who is asleep."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    days: int = Field(ge=30, le=3650, description="多少天没买，算睡着了，例如 90")
