"""The way to a language model: one request to an OpenAI-compatible service, no tools, and an answer or a reason.

Off unless config.yaml has `language_model`. What is asked and what may be said of the answer stands in `prompting`.
"""

import json
from dataclasses import dataclass
from typing import Annotated, Any

import httpx2
from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

_CONNECT_S = 5.0
_LONGEST_ANSWER = 64 * 1024  # bytes
_MOST_TOKENS = 300
_TEMPERATURE = 0.4

Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40)]


class LanguageModelConfig(BaseModel):
    """大模型（可选）：没准备过的问题，先请它照店里的资料试答一句，答不了还是转给真人"""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(
        pattern=r"^https?://\S+$", description="OpenAI 兼容的接口地址，写到 /v1，例如 https://api.deepseek.com/v1"
    )
    model: Word = Field(description="模型名，例如 deepseek-chat")
    key: SecretStr = Field(description="密钥，写 ${名字}，放在 .env 里")
    timeout_s: float = Field(default=8, ge=1, le=60, description="最多等几秒，等不到就转给真人")
    calls_a_day: int = Field(default=200, ge=1, le=100_000, description="24 小时最多问几次，用完就都转给真人")
    tokens_a_day: int = Field(default=200_000, ge=1000, le=100_000_000, description="24 小时最多用多少 token")
    calls_a_person: int = Field(default=5, ge=1, le=100, description="同一位客户一小时最多几次")
    longest: int = Field(default=120, ge=20, le=500, description="回答最多多少字，超过就不用、转给真人")
    banned: tuple[Word, ...] = Field(default=(), description="回答里出现就不用的词；店铺风格的 never 本来就不许")
    mark: Word = Field(default="（AI 生成）", description="标在回答末尾，告诉客户这句是 AI 生成的；法规要求，不能为空")


class ModelFailed(Exception):
    """No answer; `reason` is a word for the row of the question."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Completion:
    """What it said, and what that cost."""

    text: str
    tokens: int


class LanguageModel:
    """One service, asked over one client."""

    def __init__(self, config: LanguageModelConfig) -> None:
        self._config = config
        self._client: httpx2.AsyncClient | None = None

    async def complete(self, instructions: str, question: str) -> Completion:
        """Ask once, within the time-out of the wall. Raises ModelFailed; never asks again by itself."""
        body = {
            "model": self._config.model,
            "messages": [{"role": "system", "content": instructions}, {"role": "user", "content": question}],
            "max_tokens": _MOST_TOKENS,
            "temperature": _TEMPERATURE,
        }
        try:
            status, answer = await self._post(json.dumps(body, ensure_ascii=False).encode())
        except httpx2.TimeoutException as error:
            raise ModelFailed("too_slow", type(error).__name__) from error
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise ModelFailed("unreachable", type(error).__name__) from error
        if status != httpx2.codes.OK:
            raise ModelFailed("refused", f"HTTP {status}")
        return _completion(answer)

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _post(self, body: bytes) -> tuple[int, bytes]:
        if self._client is None:
            self._client = httpx2.AsyncClient(follow_redirects=False)
        headers = {
            "Authorization": f"Bearer {self._config.key.get_secret_value()}",
            "Content-Type": "application/json; charset=utf-8",
        }
        url = self._config.url.rstrip("/") + "/chat/completions"
        timeout = httpx2.Timeout(self._config.timeout_s, connect=min(_CONNECT_S, self._config.timeout_s))
        async with self._client.stream("POST", url, content=body, headers=headers, timeout=timeout) as response:
            answer = b""
            async for chunk in response.aiter_bytes():
                answer += chunk
                if len(answer) > _LONGEST_ANSWER:
                    raise ModelFailed("unreadable", "too long")
            return response.status_code, answer


def _completion(answer: bytes) -> Completion:
    """Only whole words count: an answer that was cut off, or that wants a tool, is none."""
    try:
        document: Any = json.loads(answer)
        choice = document["choices"][0]
        message = choice["message"]
        text = message["content"]
        tokens = int((document.get("usage") or {}).get("total_tokens") or 0)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise ModelFailed("unreadable", type(error).__name__) from error
    if message.get("tool_calls") or message.get("function_call"):
        raise ModelFailed("unreadable", "it wants a tool")
    if not isinstance(text, str) or choice.get("finish_reason") not in (None, "stop"):
        raise ModelFailed("unreadable", str(choice.get("finish_reason")))
    return Completion(text.strip(), max(0, tokens))
