"""The way back to the shop that a message carries."""

from pydantic import BaseModel, ConfigDict, Field

from texts.catalogue import say


class Landing(BaseModel):
    """How somebody finds the shop from a chat. What is given is said; a text may say it all by itself, too."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    search: str | None = Field(default=None, min_length=1, max_length=40, description="在淘宝搜什么")
    code: str | None = Field(default=None, min_length=1, max_length=40, description="优惠码或暗号")
    link: str | None = Field(default=None, pattern=r"^https?://\S+$", description="链接")
    text: str | None = Field(default=None, min_length=1, max_length=200, description="整句自己写，就用这句")

    def words(self) -> str:
        """One sentence for a message, in the shop's language."""
        if self.text:
            return self.text
        parts = [
            say(f"scheduler.landing.{name}", value=value)
            for name in ("search", "code", "link")
            if (value := getattr(self, name))
        ]
        return say("scheduler.landing.join").join(parts)
