"""What people say, in their own words. {brand}, {number} and the like are filled in by who says it."""

HELLOS_WITH_CODE = (
    "{channel} {code}",
    "你好，{channel}（{code}）加的",
    "{code}",
    "我是{brand}小卡片来的 {code}",
    "扫{channel}来的，{code}",
    "来领福利～{code}",
)
HELLOS = ("我是{brand}小卡片来的", "你好", "买过你家衣服", "朋友推荐的", "看到卡片加的", "我是{nickname}", "")
HELLOS_BY_CARD = ("{nickname}推荐的", "你家小姐妹推给我的名片", "我是群聊推荐来的")

QUESTIONS = (
    "店名叫什么",
    "你们店叫什么名字呀",
    "怎么找到你们",
    "淘宝搜什么能找到你家",
    "身高160穿什么码",
    "163 52kg 穿M还是L",
    "发什么快递",
    "今天拍什么时候发货",
    "在吗",
    "在么亲",
    "这件还有别的颜色吗",
    "有没有优惠呀",
    "会起球吗",
    "面料是什么的",
)
ODD = (
    "我上次买的那件大衣袖口开线了怎么办",
    "能不能帮我妈挑一件，她不太会说普通话，你们有电话吗",
    "你们招代理吗",
    "昨天那个事情你跟老板说了没",
    "我同事说你家那个扣子跟视频里不一样，是批次问题吗",
    "可以开公司抬头的发票吗，要专票",
    "asdfgh",
    "？？？",
)
SMALL_TALK = ("好的", "哈哈哈", "嗯嗯", "你家衣服真好看", "收到啦", "今天好冷", "刚下班")

OPT_OUTS = ("退订", "TD", "td", "别再给我发广告", "不要再发了", "别发了", "取消订阅", "unsubscribe", "ＴＤ", "退订！")
LOOK_ALIKES = (
    "别发货，我地址写错了",
    "先别发货",
    "T恤有吗",
    "我想退订单",
    "退订金怎么退",
    "我要退订这件",
    "不要发顺丰，发中通",
    "你们发错了吧",
    "non-stop 那款还有吗",
)
CLAIMS = (
    "{number}",
    "订单号 {number}",
    "我买过的，订单{number}",
    "{number} 这是我的单号",
    "订单编号：{number} 帮我登记一下",
)
THANKS = ("谢谢", "谢谢亲", "谢谢呀🌹", "太好了")
HOW_TO_BUY = ("怎么买", "链接发我一下", "这个怎么拍", "在哪里领")
OUTSIDERS_COMMANDS = ("/状态", "/全停", "#推送 福利")

STICKER = "[动画表情]"
PICTURE = "wx_photo.jpg"

ASKS_TO_JOIN = "回复 1"
"""Stands in a campaign's message that wants an answer."""
JOINS = ("1", "要", "参加", "+1", "报名", "我要～", "1！")
SIZES = ("S", "M", "L", "XL")
WITH_SIZE = ("{word}{size}", "{word} {size}码")
NUMBERS = ("1", "2", "3")
"""Of entries that a message tells to vote for without naming one."""
DECLINES = ("不要", "不用了", "这次不参加了")

TICK_OFF = "/完成 全部"
CONFIRM = "/确认 {code}"
