"""What customers write of our accounts: that they want to buy, whom of us they want to know, and that they rather not.

Read off the words alone: the database is asked only after one of these was found.
"""

import re
from collections.abc import Iterable, Mapping

from conversations.wording import bare, clauses, folded
from personas.model import Persona

LONGEST = 60
"""Characters; who writes more tells a story. Ours."""
_BUYS = re.compile(
    r"怎么(?:买|拍|下单|付款|购买)|(?:哪里|哪儿|哪|在哪|去哪|上哪)(?:里|儿)?(?:能|可以)?(?:买|下单|拍)|(?:想|要|打算|准备)(?:再)?(?:买|拍|下单|入)"
    r"|(?:发|给|来|求|有)(?:我)?(?:个|一个|下|一下)?(?:购买)?链接|能(?:直接)?(?:买|拍|下单)(?:吗|么|嘛)|howto(?:buy|order)|buyit"
)
_NOT_BUYING = re.compile(
    r"(?:不|没|别|勿)(?:想|要|打算|准备|会|能)?(?:再)?(?:买|拍|下单|入|发)|买(?:过|了)|(?:拍|下单)了|已经?(?:买|拍|下单)"
)
_OF_YOURS = r"(?:一下|下|个|上|到|给我)?(?:你们|你家|你们家|咱们|咱家)?(?:的|店里的|那个|那位)?"
_MEETS = (
    rf"(?:加|认识|联系){_OF_YOURS}{{name}}(?!推荐|介绍)",
    rf"(?:推|推我|介绍){_OF_YOURS}{{name}}(?!推荐|介绍的)",
    r"{name}(?:老师|姐|姐姐)?的?(?:个人)?(?:微信|名片|联系方式|号)(?!说|上说|里说|发(?!我|给|一下|下|来|过来))",
    r"把{name}(?:老师|姐|姐姐)?(?:推|介绍)",
    r"(?:想|要|能|可以|能不能|可不可以)(?:跟|和|找|换){name}(?:老师|姐|姐姐)?(?:聊|说|带|来)",
)
_NOT_MEETING = re.compile(r"(?:不|别|没|勿)(?:想|要|用|需要)?(?:再)?(?:加|推|介绍|认识|联系)|加(?:过|了)|投诉|举报")
_NO = frozenset({
    "不用", "不用了", "不用加", "不用加了", "不加", "不加了", "先不加", "先不加了", "不想加", "不想加了", "不需要",
    "不必", "不必了", "算了", "算了不加了", "不了", "就你吧", "就跟你聊", "就找你", "我就找你", "还是找你", "有你就行",
    "不方便",
})  # fmt: skip
_AFTER = re.compile(r"(?:谢谢|多谢|谢啦|吧|哦|喔|哈|呀|啊|呢|嘛|啦|哒|噢|亲)+$")


def asks_to_buy(text: str) -> bool:
    """Do they ask how, or where? Not who says that they have, or will not."""
    if len(text) > LONGEST:
        return False
    return any(_BUYS.search(words) and not _NOT_BUYING.search(words) for words in map(bare, clauses(folded(text))))


def names_of(personas: Iterable[Persona]) -> Mapping[str, str]:
    """Words by which customers call a persona → its id; what two are called, names none. Mirrors are their source."""
    found: dict[str, set[str]] = {}
    for persona in personas:
        for word in (persona.name, persona.position):
            if len(word) >= 2:
                found.setdefault(bare(folded(word)), set()).add(persona.mirror_of or persona.id)
    return {word: min(ids) for word, ids in found.items() if len(ids) == 1}


def wants_to_meet(text: str, names: Mapping[str, str]) -> str | None:
    """The id of the persona that they ask for the card of; None for anything else."""
    if len(text) > LONGEST:
        return None
    words = bare(folded(text))
    called = [word for word in names if word in words]
    if not called or _NOT_MEETING.search(words):
        return None
    asked = {
        names[word] for word in called for meets in _MEETS if re.search(meets.format(name=re.escape(word)), words)
    }  # fmt: skip
    return asked.pop() if len(asked) == 1 else None


def declines(text: str) -> bool:
    """Is it nothing but a no?"""
    words = bare(folded(text)) if len(text) <= LONGEST else ""
    return bool(words) and (words in _NO or _AFTER.sub("", words) in _NO)
