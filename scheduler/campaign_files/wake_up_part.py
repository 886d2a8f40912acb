"""What a wake-up says in its campaign's file: from when on somebody is taken to be asleep."""

from pydantic import BaseModel, ConfigDict, Field


class WakeUp(BaseModel):
    """Who is asleep."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    days: int = Field(ge=30, le=3650, description="多少天没买，算睡着了，例如 90")
