"""From a WeChat nickname to a name one would call out across a shop, or nothing where there is none.

People put advertising, symbols and jokes into nicknames. "花花🌸" is a name; of "A-代购小王🌸" only 小王 is. Addressing
somebody by a sign-board sounds like a machine, so in doubt the answer is "no name".
"""

import re
import unicodedata

MAX_COLUMNS = 12
"""Six Chinese characters or twelve letters: longer nicknames are sentences, not names. Ours."""
_LONGEST_NICKNAME = 64

_OFFICIAL = re.compile(
    r"客服|官方|旗舰|专卖|专营|公司|集团|银行|淘宝|天猫|京东|拼多多|抖音|快手|平台|系统|公众号|小程序|认证|管理员|警|法院",
    re.IGNORECASE,
)
"""Whoever calls themselves so wants to be taken for somebody else: nothing of it is used."""
_TRADE = re.compile(
    r"代购|代理|微商|优选|好物|批发|零售|货源|招商|加盟|招聘|招人|兼职|贷款|保险|理财|房产|中介|租房|装修|装饰|建材|五金|门窗|瓷砖|家具"
    r"|服装|女装|男装|童装|女鞋|箱包|海鲜|水果|茶叶|化妆品|护肤|美容|美甲|美睫|纹绣|整形|养生|减肥|母婴|教育|培训|汽车|二手"
    r"|工厂|厂家|直销|团购|优惠|返利|红包|福利|快递|接单|收单|推广|引流|店$"
    r"|微信|电话|加我|私聊|手机|vx|v信|wx|qq",
    re.IGNORECASE,
)
_AWKWARD = re.compile(
    r"老公|老婆|爸爸|妈妈|你爸|你妈|爹|大爷|祖宗|主人|亲爱的|宝贝|傻|滚|死|操|屎|草泥马|去世|已注销|匿名|用户|账号"
    r"|退订|机器人|admin|test|null|none|undefined|x{3}",
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
_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许邓韩冯曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任沈姚卢姜崔钟谭陆汪"
    "范金石廖贾夏韦付方白邹孟熊秦邱江尹薛阎段雷侯龙史陶黎贺顾毛郝龚邵万钱严武戴莫孔向汤"
)
_TITLED = re.compile(rf"[{_SURNAMES}](?:姐|哥|姨|叔|总|老师|小姐|先生|女士)")
"""王姐, 陈老师: a surname and how one speaks to them."""
_SHOP_WORDS = frozenset(
    {"小店", "小铺", "小屋", "小妹", "小姐", "小哥", "小二", "小号", "老板", "老师", "老店", "老号", "老乡"}
)
"""Look like 小鹿 and 老王, but anybody is called so."""
_HOME_AND_A = re.compile(r"[\u4e00-\u9fff]{2}(阿[^姨婆伯公爸妈爹娘哥姐弟妹里依们])")
"""江南阿梨 comes from 江南. Not 隔壁阿姨."""
_NUMBERS = "0123456789'"
_NAME_SIGN = re.compile(r"[A-Za-z\u00c0-\u024f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3]")


def cleaned(nickname: str) -> str | None:
    """The part of `nickname` to address the person by, or None. What was cleaned stays as it is."""
    if len(nickname) > _LONGEST_NICKNAME:
        return None
    plain = unicodedata.normalize("NFKC", nickname)
    letters = _joined(plain)
    if _MACHINE.search(plain) or _OFFICIAL.search(letters) or _AWKWARD.search(letters):
        return None
    name = _beside_the_trade(plain) if _TRADE.search(letters) else _name_in(_words(_BRACKETED.sub(" ", plain)))
    # 花店呀 is a sign-board too, once the song is over.
    if name is None or any(bad.search(_joined(name)) for bad in (_OFFICIAL, _TRADE, _AWKWARD)):
        return None
    return name


def _name_in(words: list[str]) -> str | None:
    names = [name for word in words if _is_name(word) and (name := _bare(word))]
    if not names:
        return None
    both = " ".join(names[:2])
    return both if both.isascii() and len(both) <= MAX_COLUMNS else names[0]


def _beside_the_trade(plain: str) -> str | None:
    """Who stands on the sign-board, where that is surely somebody: 王姐 of "AAA建材王姐"."""
    words = _words(_TRADE.sub(" ", plain))
    return next((word for word in words if _is_name(word) and _is_surely_a_name(word)), None)


def _is_surely_a_name(word: str) -> bool:
    if word in _SHOP_WORDS or _bare(word) != word:
        return False
    # Latin letters on a sign-board are a brand as often as a name.
    return bool(_TITLED.fullmatch(word)) or (not word.isascii() and bool(_CALLED.fullmatch(word)))


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
