"""From a WeChat nickname to a name one would call out across a shop, or nothing where there is none.

People put advertising, symbols and jokes into nicknames. "花花🌸" is a name, "A-代购小王🌸" is a sign-board: addressing
somebody by it sounds like a machine, so in doubt the answer is "no name".
"""

import re
import unicodedata

MAX_COLUMNS = 12
"""Six Chinese characters or twelve letters: longer nicknames are sentences, not names. Ours."""

_TRADE = re.compile(
    r"代购|代理|微商|批发|货源|招商|加盟|招聘|招人|兼职|贷款|保险|理财|房产|中介|租房|装修|美甲|美睫|纹绣|整形|减肥"
    r"|客服|官方|旗舰|专卖|专营|工厂|厂家|直销|团购|优惠|返利|红包|福利|快递|接单|收单|推广|引流|淘宝|天猫|拼多多|抖音|公司|店$"
    r"|微信|电话|加我|私聊|手机|vx|v信|wx|qq",
    re.IGNORECASE,
)
_AWKWARD = re.compile(
    r"老公|老婆|爸爸|妈妈|你爸|你妈|爹|大爷|祖宗|主人|亲爱的|宝贝|傻|滚|死|操|屎|草泥马|去世|已注销|匿名|用户|账号"
    r"|退订|机器人|admin|test|null|none|undefined",
    re.IGNORECASE,
)
_MACHINE = re.compile(r"[{}<>\\@#$%^=]|https?:|www\.|\.(?:com|cn|net)\b|wxid_|\d{5,}", re.IGNORECASE)
_BRACKETED = re.compile(r"[(（\[【「『《][^)）\]】」』》]*[)）\]】」』》]?")
_TO_THE_TOP = re.compile(r"^(?:[aA]+|0+)(?=[\u4e00-\u9fff])")
_SUNG = "呀哦啊吖哟喔"
"""What people sing at the end of a nickname."""
_WHOSE = re.compile(r"[我你您他她它谁]们?的")
_CALLED = re.compile(r"([^\W\d_])\1|[小阿老][^\W\d_]|[A-Za-z]{2,}")
"""How people call each other: 婷婷, 小鹿, 阿梨, Lily. After a description only what is surely a name counts."""
_HOME_AND_A = re.compile(r"[\u4e00-\u9fff]{2}(阿[^姨婆伯公爸妈爹娘哥姐弟妹里依们])")
"""江南阿梨 comes from 江南. Not 隔壁阿姨."""
_NUMBERS = "0123456789'"
_NAME_SIGN = re.compile(r"[A-Za-z\u00c0-\u024f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3]")


def cleaned(nickname: str) -> str | None:
    """The part of `nickname` to address the person by, or None."""
    if len(nickname) > 64:
        return None
    plain = unicodedata.normalize("NFKC", nickname)
    if _MACHINE.search(plain) or _TRADE.search(_joined(plain)):
        return None
    words = _words(_BRACKETED.sub(" ", plain))
    names = [name for word in words if _is_name(word) and (name := _bare(word))]
    if not names or _AWKWARD.search(_joined(plain)):
        return None
    both = " ".join(names[:2])
    name = both if both.isascii() and len(both) <= MAX_COLUMNS else names[0]
    # 花店呀 is a sign-board too, once the song is over.
    return None if _TRADE.search(_joined(name)) or _AWKWARD.search(_joined(name)) else name


def _bare(word: str) -> str:
    """`word` without what is sung after the name, told before it, or says where they come from; '' for no name."""
    plain = word.rstrip(_SUNG + _NUMBERS)
    plain = plain if len(plain) > 1 else word
    before, of, name = plain.rpartition("的")
    if before and of:
        return name if _CALLED.fullmatch(name) and not _WHOSE.search(plain) else ""
    home = _HOME_AND_A.fullmatch(plain)
    return home[1] if home else plain


def _counts(sign: str) -> bool:
    return sign.isalpha() and bool(_NAME_SIGN.match(sign))


def _joined(text: str) -> str:
    """Without anything between the letters: "代 购" and "代❤️购" are still 代购."""
    return "".join(sign for sign in text if _counts(sign))


def _words(text: str) -> list[str]:
    spaced = "".join(sign if _counts(sign) or sign.isdigit() or sign == "'" else _gap(sign) for sign in text)
    return [_TO_THE_TOP.sub("", word.strip(_NUMBERS)).strip(_NUMBERS) for word in spaced.split()]


def _gap(sign: str) -> str:
    """Marks that only decorate a letter vanish; everything else parts words."""
    return "" if unicodedata.category(sign) in ("Mn", "Me", "Cf") else " "


def _is_name(word: str) -> bool:
    columns = sum(1 if sign.isascii() or sign < "\u2e80" else 2 for sign in word)
    return 2 <= columns <= MAX_COLUMNS and not (word.isascii() and not word.isalpha() and "'" not in word)
