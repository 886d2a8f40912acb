"""Is it a machine that writes? Two that answer each other never stop."""

import re

from bots.gateway import Message, MessageKind
from conversations.wording import bare, folded

_MARKED = re.compile(r"^\s*[\[【(<]?\s*(?:自动回复|自动应答|系统自动|智能回复|auto(?:matic)?[\s-]*repl(?:y|ies))")
_AWAY = re.compile(
    r"(?:现在|目前|暂时|正在|当前|在)?(?:有事|不在|忙|开会|开车|休息|外出|上班|休假|出差|不方便(?:接|回|看)).{0,16}(?:稍后|晚点|一会儿?|回头|尽快|看到|之后|再).{0,8}(?:回复?|联系|找)(?:您|你)?"
    r"|(?:明早|明天|上班后?|稍后|晚点|尽快|第一时间)[^我]{0,6}回复(?:您|你)|打烊"
    r"|(?:消息|留言|来信)(?:我们?)?(?:已|已经)?(?:收到|送达).{0,16}(?:尽快|稍后|第一时间).{0,6}(?:回|联系|处理)"
    r"|感谢(?:您|你)的?(?:关注|来信|留言|咨询|添加)|(?:请问)?有什么(?:可以|能)(?:帮|为)(?:到)?(?:您|你)"
    r"|(?:回复|请按|输入)(?:数字)?[1-9].{0,20}(?:回复|请按|输入)?(?:数字)?[2-9]"
    r"|(?:工作|营业|服务|客服|在线)时间(?:为|是)?(?:周|每|早|上午|[0-9])|人工客服(?:正在|忙|排队)"
    r"|欢迎光临.{0,12}(?:旗舰店|专营店|官方)|我是(?:您的|你的)?(?:智能|专属)(?:客服|助手|顾问)"
    r"|i\s?am\s(?:currently\s)?(?:out of|away)|out of office"
)


_OPENING_LINES = (
    "我通过了你的朋友验证请求", "我通过了你的好友验证请求", "以上是打招呼的内容", "你已添加了", "现在可以开始聊天了",
    "I've accepted your friend request",
)  # fmt: skip
"""What WeChat itself writes in either's name when a friendship begins."""
_SHORTEST = 10
_ASKS = re.compile(r"几点|吗|什么时候|多久|啥时候")
"""Whoever asks the hours of the shop is no machine that tells its own."""


def by_a_machine(text: str) -> bool:
    """Does it read like an automatic answer? Never raises."""
    plain = folded(text)
    if _MARKED.match(plain):
        return True
    words = plain if plain.isascii() else bare(plain)
    return len(plain) >= _SHORTEST and bool(_AWAY.search(words)) and not _ASKS.search(words)


def by_wechat_itself(message: Message) -> bool:
    """Is it the line with which a friendship begins? Nobody typed it."""
    return message.kind is MessageKind.TEXT and message.text.strip().startswith(_OPENING_LINES)
