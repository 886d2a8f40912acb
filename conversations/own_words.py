"""What somebody said themselves, without what WeChat and Taobao put around it.

A quoted message stands before the answer to it: our own 「不想收回退订」, quoted, is no opt-out. A shared Taobao link
brings words that nobody typed: 7天无理由退货.
"""

import re
from dataclasses import dataclass

_QUOTED = re.compile(r"^\s*「(?P<quoted>.*)」\s*\n\s*(?:[-—–_]\s*){3,}\n?(?P<own>.*)$", re.DOTALL)
_SHARED = re.compile(
    r"(?:【?(?:淘宝|天猫|手淘)】?[^\n「]{0,60}|(?:[0-9]\s*)?[￥¥$€₤(（][0-9A-Za-z]{8,14}[￥¥$€₤)）]?[^\n「]{0,40})?https?://(?:m\.tb\.cn|e\.tb\.cn|s\.click\.taobao\.com|(?:[a-z0-9-]+\.)*(?:taobao|tmall)\.com)\S*(?:[^\n「]{0,40}「(?P<title>[^」\n]{1,80})」)?(?:\s*点击链接直接打开)?(?:\s*(?:或者)?\s*淘宝搜索直接打开)?"
)


@dataclass(frozen=True, slots=True)
class OwnWords:
    """`text`: what they typed, '' for nothing. `shared`: the goods whose link they sent, '' without a title, None for
    no link.
    """

    text: str
    shared: str | None = None


def own_words(text: str) -> OwnWords:
    """Their own words in `text`. Never raises."""
    quote = _QUOTED.match(text)
    own = quote["own"] if quote else text
    link = _SHARED.search(own)
    if link is None:
        return OwnWords(own.strip())
    title = (link["title"] or "").strip()
    return OwnWords((own[: link.start()] + " " + own[link.end() :]).strip(), title)
