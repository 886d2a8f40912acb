"""Names: what people call themselves on WeChat, and in the shop."""

from simulator.seeds import dice

_SWEET = (
    "花花",
    "小鱼",
    "糖糖",
    "阿紫",
    "可可",
    "果果",
    "暖暖",
    "豆豆",
    "小满",
    "朵朵",
    "桃子",
    "米粒",
    "一一",
    "晚晚",
    "安安",
    "小北",
    "柚子",
    "棉棉",
    "青青",
    "瑶瑶",
    "西西",
    "念念",
    "雨桐",
    "思琪",
    "梦洁",
    "佳怡",
    "丽娟",
    "晓燕",
    "海燕",
    "玉兰",
    "静静",
    "婷婷",
    "圆圆",
    "乐乐",
    "佩佩",
    "冬冬",
    "莉莉",
    "娜娜",
    "珊珊",
    "甜甜",
    "小麦",
    "阿梨",
    "杏子",
    "苏苏",
    "团子",
)
_BEFORE = (
    "",
    "",
    "",
    "",
    "爱吃的",
    "住在海边的",
    "早起的",
    "不熬夜的",
    "爱睡觉的",
    "江南",
    "橘子味的",
    "南方的",
    "A-",
    "♡",
    "Miss",
)
_AFTER = ("", "", "", "", "🌸", "🌙", "✨", "🐰", "妈妈", "同学", "酱", "_2020", "🍑", "的小店", "°", "💕", "呀", "🌻")
_ADS = (
    "A-代购{name}🌸",
    "{name}·招代理",
    "A00房产{name}",
    "{name}美甲（预约制）",
    "保险顾问{name}",
    "{name}烘焙🍰接单",
    "AAA建材{name}",
    "{name}|瑜伽教练",
    "微商{name}💄",
    "{name}家的童装",
)
_LATIN = ("Lily", "Yoyo", "Momo", "Cici", "Vivian", "Echo", "Sunny", "Coco", "Annie", "Joy", "Grace", "Nana", "Iris")
_PLAIN = ("。", "…", "沉默是金", "岁月静好", "平平淡淡才是真", "等风来", "听海", "向日葵", "往事随风", "🌊", "一米阳光")
CITIES = ("杭州", "成都", "长沙", "苏州", "西安", "广州", "武汉", "青岛", "沈阳", "昆明", "郑州", "福州", "南昌")
_PINYIN = (
    "huahua",
    "xiaoyu",
    "tangtang",
    "keke",
    "nuannuan",
    "xiaoman",
    "taozi",
    "wanwan",
    "youzi",
    "qingqing",
    "suki",
    "mengjie",
    "lijuan",
    "yulan",
    "tingting",
    "yuanyuan",
    "lele",
    "nana",
    "ali",
    "tuanzi",
)


def nickname(seed: int, number: int) -> str:
    """What person `number` calls themselves: mostly a name, at times an advertisement or just a sign."""
    roll = dice(seed, "nickname", number)
    kind = roll.random()
    if kind < 0.08:
        return roll.choice(_ADS).format(name=roll.choice(_SWEET))
    if kind < 0.16:
        return roll.choice(_LATIN) + roll.choice(_AFTER)
    if kind < 0.20:
        return roll.choice(_PLAIN)
    return roll.choice(_BEFORE) + roll.choice(_SWEET) + roll.choice(_AFTER)


def sweet_name(seed: int, number: int) -> str:
    """A clean short name, the one an operator writes into a remark."""
    return dice(seed, "sweet", number).choice(_SWEET)


def city(seed: int, number: int) -> str:
    return dice(seed, "city", number).choice(CITIES)


def member_name(seed: int, buyer: int) -> str:
    """The shop's member name (淘宝会员名) of a buyer: unique, without blanks."""
    roll = dice(seed, "member", buyer)
    style = roll.randrange(4)
    if style == 0:
        return f"xl_{roll.choice(_PINYIN)}{buyer:03d}"
    if style == 1:
        return f"tb{roll.randrange(10, 99)}{buyer:04d}{roll.randrange(10, 99)}"
    if style == 2:
        return f"{roll.choice(_SWEET)}{roll.choice(('世界', '的衣柜', '爱逛街', '妈'))}{buyer:03d}"
    return f"{roll.choice(_PINYIN)}_{buyer:03d}_{roll.choice(('2011', '88', 'cc', '66'))}"


def masked(name: str) -> str:
    """A receiver's name as the shop's export shows it."""
    return name[:1] + "*" * max(1, len(name) - 1)
