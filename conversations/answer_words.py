"""What an answer that nobody wrote may not say, whatever the customer wished to hear. Pure.

The texts are looked at without blanks, signs and capitals: 加 - V is 加v.
"""

import re
import unicodedata

_SIGNS = re.compile(r"[^\w￥¥$€₤@]|_")
_AS_WRITTEN = re.compile(r"(?<![a-z])[vwq]\s*[:=]|[a-z0-9-]+\.(?:com|cn|net|top|xyz)(?![a-z])|https?:|www\.|\bfree\b")
"""What only its signs or blanks make a contact, an address or a gift. Not the V of V领."""
_LEADS_AWAY = re.compile(
    r"微信|威信|薇信|维信|v信|vx|wx|wechat|weixin|whatsapp|telegram|instagram|qq|扣扣|企鹅号|(?<![a-z])tg(?![a-z])"
    r"|加(?:个|個|下|一下|你|您)?(?:v|w|q|微|薇|威|我|好友|群)|加一?下(?!单|水)|(?:我的?|找|用)v(?!领)|v(?:我|号)|搜(?:我|号)"
    r"|抖音|快手|小红书|公众号|邮箱|电话|手机号|@|私(?:聊|我|信)"
    r"|支付宝|转账|汇款|银行卡|验证码|扫码|二维码|收款|[￥$€₤¥][0-9a-z]{8,14}"
)
_NUMERAL = "0-9一二两三四五六七八九十百"
_GIVES_MONEY = re.compile(
    rf"[{_NUMERAL}对上]折(?!叠|痕|边|线)|打(?:个|点|些)?折|折扣|半价|特价|降价|降到|优惠|便宜|满减|立减|抹个?零|改价|差价"
    rf"|[减省](?:你|您)?[{_NUMERAL}]+|满\d+[减送]|少(?:收|算|给)|(?:会员|vip|老客|内部|员工|活动|秒杀|拼团|友情)价|底价"
    r"|免(?:费|单|邮|运|了)|不要钱|不用(?:付|给)?钱|不收(?:你|您)?钱|白(?:送|拿|给)|送(?:你|您|一|个|条|件)|[再多还都会]送|赠|礼[物品]"
    r"|返(?:现|你|您|利|钱)|红包|给(?:你|您)(?:少|算|改|减)"
    r"|\d%?off(?![a-z])|discount|coupon"
)
_PROMISES = re.compile(
    r"保证|承诺|(?:一定|肯定)(?:会|能|给|帮|是)|放心|包(?:退|换|赔)|赔|补偿|补(?:你|您)|全额"
    r"|已经?(?:在|帮|给|为)?(?:你|您)?(?:安排|处理|登记|申请|退|改|发|补|加急)|在处理了|refund|guarantee|promise"
)
_ONLY_AS_WRITTEN = (
    "退款", "退钱", "到账", "包邮", "顺丰", "现货", "运费险", "次日达", "今天发", "明天发", "补发", "换新", "有货",
)  # fmt: skip
"""What the shop may do, if its facts say so."""
_NOT_A_PICTURE = "(?!实拍|模特|试穿|上身|秀)"
_DENIES = re.compile(
    rf"(?:是|个|有|换|找|叫)真人{_NOT_A_PICTURE}|真人(?:客服|回复|在线|哦|呀|啦|的)|真的(?:人|客服|店员)|本人|大?活人|有血有肉|人类"
    r"|[不没]有?(?:是|会是|用)?(?:什么|一个|个|台)?(?:机器|ai|程序|人工智能|自动|智能客服|bot)|机器人|robot|notabot|human|realperson"
    r"|我(?:可|就|真|当然)?是(?:个|一个)?(?:普通|大)?(?:人(?!家)|人工|女生|女孩|男生|妹子)|人工(?:客服|回复|在线)|手打|亲手(?:打|回)"
)
"""A customer who asks what they talk to is told the truth by a person, not by this."""


def promises(text: str, facts: str) -> bool:
    """Does it give a discount, promise what is not its to promise, or lead to another contact?"""
    plain = _plain(text)
    if any(pattern.search(plain) for pattern in (_GIVES_MONEY, _PROMISES, _LEADS_AWAY)):
        return True
    known = _plain(facts)
    return bool(_AS_WRITTEN.search(_folded(text))) or any(w in plain and w not in known for w in _ONLY_AS_WRITTEN)


def denies_ai(text: str) -> bool:
    """Does it say that a person speaks?"""
    return bool(_DENIES.search(_plain(text)))


def _plain(text: str) -> str:
    return _SIGNS.sub("", _folded(text))


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
