"""What a person must see whatever a persona has prepared: anger, trouble with an order, the wish for a human being.

Prepared words for these come from the persona where it has some; that they reach a person never depends on it.
"""

import re
from enum import StrEnum

from conversations.wording import bare, clauses, folded


class Concern(StrEnum):
    ABUSE = "abuse"
    """Insults. Answered calmly, never in kind; pushes rest."""
    COMPLAINT = "complaint"
    """They are angry at us, or about to tell others."""
    AFTER_SALE = "after_sale"
    """Something is wrong with an order, or must be changed about it."""
    PERSON = "person"
    """They want to talk to a human being."""
    ORDER_STATUS = "order_status"
    """Where is my parcel? Answered from the imported orders where they are known."""
    NONE = "none"


_DENIED = re.compile(
    r"(?:没有?|(?<!是)不|别|勿|并非|免得|以免|怕|担心|防止|避免)(?:是|想|要|用|必|需要|打算|觉得|感觉|再|给|给你们?|很|太|会|什么|啥|任何|那么|怎么|有|被|来|去|让我|要求|说)*$"
)
_ASKED = re.compile(r"会不会|会|容不容易|容易|有没有|有无|是否|是不是|怕|担心|如果|要是|万一|假如")
_ASKS = re.compile(r"(?:吗|嘛|么|不|没|没有)(?:呀|啊|呢|亲)*$|(?:多少|怎么(?!办|弄|回事)|咋(?!整|办|弄|回事)|如何)")

_ABUSE = re.compile(
    r"傻[逼比b叉缺x]|傻狗|煞笔|沙比|脑残|智障|弱智|(?:^|真|他)妈的|tmd|nmsl|[操艹草日]你|[操艹]$|你妈(?:的|逼|死)"
    r"|尼玛|你(?:大爷|麻痹)|去你的|脑子.{0,2}(?:有病|有坑|有问题|进水)|去死|死全家|^滚+$"
    r"|滚(?:吧|你|蛋|开|远点|粗|犊子)|王八蛋|狗东西|狗屁|放屁|贱人|不要脸|不得好死|有病吧|神经病|fuck"
    r"|(?<![a-z])sb(?![a-z])"
)
_COMPLAINT = re.compile(
    r"投诉|差评|12315|消协|消费者协会|工商局?|维权|曝光|骗子|骗人|骗钱|被骗|欺骗|假货|太差|很差|好差|超差|真差"
    r"|质量差|差劲|失望(?!.{0,3}没(?:抢|买|赶))|气死|生气|火大|坑人|坑爹|坑钱|太坑|黑店|忽悠|不满意"
    r"|态度.{0,3}(?:差|恶劣|不好|敷衍)|起诉|律师函?|(?<!倒)垃圾(?!袋|桶|短信|信息|广告|分类)|虚假宣传|货不对板"
    r"|(?:图文|描述|图片|照片|直播|视频).{0,5}(?:不符|不一样|差太多|两回事|完全不同)"
    r"|实物.{0,6}(?:差太多|不一样|不符)|欺负人|敷衍|无语(?!凝)|就是拖|拖着不|没(?:个)?结果|没人理|没人管|不理人"
    r"|装死|踢皮球|推来推去|后悔买(?!晚|少|迟)|再也不(?:买|来|会买)|什么破|破店|退钱|索赔|赔偿|赔钱"
    r"|(?:怎么|会不会|这么|这样)做生意|每次都(?:有问题|出错|这样)|又(?:出|有)问题|不给(?:退|换|处理|解决)"
    r"|不退(?:钱|款)|真的?会谢|(?:质量|做工).{0,3}呵呵|买家秀.{0,4}卖家秀.{0,4}(?:区别|差距|差)|割韭菜|店大欺客"
    r"|讨个说法|给个说法|scam|terrible|refund\s*now"
)
_PERSON = re.compile(
    r"(?:转|叫|找|要|换|请).{0,2}人工(?!费|智能)|客服(?:呢|人呢|在哪|去哪|死哪)|答非所问|听不懂人话|鸡同鸭讲"
    r"|打字说不清|(?:想|要)打个?电话|能(?:不能)?(?:打|发)?语音|(?:给我|回我)(?:打|回)?个?电话"
    r"|电话里?(?:聊|说|沟通)|人工(?:客服|服务|回复|处理)|^(?:找|要|叫|换|请)?人工(?:呢|在吗|在不在|啊)?$"
    r"|(?:找|要|换|叫|转|跟|和|让|来)(?:个|一个|位|你们?|你们?的|一下|真正的)*(?:真人|活人|老板|店长|经理|负责人|主管|领导|店主)(?!娘|.{0,2}(?:说|讲|提|反映)(?:了|过))"
    r"|(?:是|有|有没有?)(?:真人|活人)(?:吗|嘛|么|啊|呀|呢|在|不|没|客服|$)|是不是(?:真人|机器人?|人工智能|ai|活人)"
    r"|是(?:个|一个)?(?:机器人?|ai|人机)(?:吗|嘛|么|吧|在)|不(?:想|要|跟)(?:再|跟|和)*(?:机器人?|ai)"
    r"|机器人.{0,3}(?:走开|听不懂|别|换)|自动回复(?:吗|吧|的吗)|别.{0,3}自动回复"
    r"|(?:让|叫|换|找)(?:个|一个)?人(?:来|跟我|和我|处理|看)|(?:喊|派)(?:个|一个)?人"
    r"|^(?:人呢)+$|(?:找|换)个(?:会说话|懂|明白|能).{0,4}的|能不能来个人|能来个人|有人(?:工)?(?:能)?管"
    r"|\b(?:human|real person|agent)\b"
)
_BROKEN = re.compile(
    r"(?<!坏了)坏(?:得.{0,4})?了(?!坏了)"
    r"|(?:破|断|裂|掉|脱|散架|脱线|开线|开胶|磨破|抽丝|勾丝|掉色|褪色|变形|缩水|起球|染色|发霉|生锈)(?:得.{0,4})?了(?!(?:会|怎么办吗))"
    r"|破了?(?:个|一个)?(?:大|小)?洞(?!牛仔|裤|款|风|设计|衫|装|的?是设计)"
    r"|有(?:个|一个|好几个|几个)?(?:大|小)?(?:破)?洞|坏(?:的|掉)|拉链.{0,4}(?:坏|卡|拉不|掉)"
    r"|扣子.{0,4}(?:掉|少|松|没)|少(?:发|寄)了?|漏(?:发|寄)|(?:发|寄|拿|配)错(?:了|货|颜色|码|尺码|款|成)?|错发"
    r"|不是我(?:要|拍|买|订|选)的|(?:发|寄)(?:来|成|给我)的?(?:是|成)|瑕疵|次品|残次|质量(?:有)?问题"
    r"|(?:有|全是|好多|一块|都是).{0,3}(?:污渍|脏|油渍|线头)|脏的|被人穿过|二手的?$|有?(?:异味|臭味|一股.{0,3}味)"
    r"|味道(?:很|太|好|超)?(?:大|重|难闻)|(?:显示)?签收.{0,8}(?:没|不是我)"
    r"|(?<!还)没(?:有)?收到(?!过|消息|短信|通知|推送|货吗|吗)"
    r"|我(?:要|拍|买|订|选|下单)的.{0,8}(?:发|寄|给|收到|来)(?:了|的|成|来)"
    r"|(?:吊牌|包装|标签).{0,4}(?:没有?$|破|剪|没了|都没)|像是?.{0,6}(?:退回|二手|穿过)"
    r"|(?:只|就)(?:收到|发了|给了|来了|寄了)(?:一|两|二|1|2|三)?(?:件|个|条|只|双|半)"
    r"|(?:赠品|礼物|礼品|小礼物|发夹|小样|券).{0,4}(?:没|少|漏)(?:有)?(?:给|收到|发|寄|到|看到|见)"
    r"|运费险.{0,4}(?:没|不)(?:有)?(?:赔|到|给)|有.{0,4}(?:头发|粉底|口红|印子|汗渍|黑点|黄渍|污点|胶水|洗不掉)"
    r"|线.{0,3}散|(?:快递|包裹).{0,8}(?:找不到|没找到|冒领|没见)|丢件|(?:快递|包裹|件).{0,4}(?:丢|不见)了?"
    r"|少了?一?(?:件|个|条|只)|长短不一|不对称|一长一短|(?:崩|爆)线|开缝|洗.{0,4}(?:发白|花了|毛了|僵了)"
    r"|还?(?:差|缺).{0,6}没(?:发|到|寄)|破损(?!怎么|会)|断货了?却|尺码(?:不对|错)|颜色(?:不对|错)|款式?(?:不对|错)"
    r"|印错|broken|damaged|wrong\s+(?:item|size|colou?r)|missing"
)
_WORN = re.compile(
    r"起球|掉色|褪色|缩水|缩成|变形|色差|线头|掉毛|发黄|透光|不合身|穿不(?:下|上|了|进)|穿.{0,3}(?:勒|卡|绷)"
    r"|太(?:大|小|紧|松|长|短|薄|厚|透|硬)|(?:大|小|长|短)了(?:点|一点|些|一圈|好多|很多)?"
)
_HAD = re.compile(
    r"(?:穿|洗|收到|到手|买|拍|试).{0,6}(?:就|了|完|过|的)|已经|刚到|(?:一|两|才|没几)(?:次|天|回)|这么"
    r"|好(?:严重|厉害|明显)|了$|(?:起球|掉毛|掉色|褪色)(?:起|掉|褪)?得"
)
"""Wear is trouble when they have the thing; before that it is a question."""
_CHANGE = re.compile(
    r"(?:改|换|变更|修改|更改|错)(?:一?下|个|了|我的|收货|收件)*(?:地址|电话|手机号?|收件人|尺码|码数?|颜色|款|备注|名字)"
    r"|(?:地址|电话|手机号?).{0,3}(?:改|换)(?:到|成|为|了|一?下|$)|(?:订单|单子).{0,4}改"
    r"|(?:买|拍)(?:大|小|长|短)了|退(?:一|两|这|那|1|2)(?:件|个|条|单|双)"
    r"|(?:地址|电话|手机号?|收件人|号码|尺码|颜色|名字).{0,4}(?:写错|填错|错了|要改|想改|改一?下|改成|换成|不对|不用改?了)"
    r"|(?:拍|买|下|选)(?:错|重复|多)了?(?:单|码|颜色|尺码|款|地址|一?件)?|重复(?:下单|拍|付款)"
    r"|取消(?:订单|这单|那单|一单|下单)|不想要了|不要了"
    r"|(?<!图)(?<!片)(?<!链接)(?<!视频)(?:别|先别|不要|暂停|暂缓|晚点|停止|等等再|先不要?|不用|缓)发(?:货|出|$|了)"
    r"|(?:别|不要|不用|换|改)(?:发|用|走)?(?:顺丰|圆通|中通|申通|韵达|邮政|极兔|京东|ems)|拒收|合并(?:发货|一起发)"
    r"|一起发"
    r"|(?:我|要|想|帮我|给我|申请|麻烦|办|直接|必须)(?:要|想|来)?(?:退(?:货|款|了|掉|换|回)|换货|换(?:个|一件|一个|大|小)|退订?单|退(?!休|役|订))"
    r"|退订?(?:金|单|款)|退订(?:这|那|我|一|两)|(?:钱|款|运费|差价).{0,6}(?:没|不|还没|未).{0,3}(?:退|到账|返)"
    r"|退款.{0,6}(?:没|不|多久|什么时候|进度|到)|补(?:发|寄|差价)|仅退款"
    r"|(?:want|need|like)\s+(?:a\s+|my\s+)?(?:refund|return|exchange|money\s*back)|cancel\s+(?:my\s+)?order"
    r"|change\s+(?:my\s+|the\s+)?address"
)
_STATUS = re.compile(
    r"到哪(?:了|里|儿)?|到那了|物流|运单|(?:快递|单号|包裹).{0,4}(?:呢|到|怎么|查|没|发|多少|是多少|在哪|停|卡)"
    r"|查.{0,3}(?:快递|订单|单号|包裹|件)|发(?:货|出|走|没发)?了(?:吗|没|么)|发(?:货|出)?没(?:发|有|呀|啊|呢)*$"
    r"|(?:天|周|星期|礼拜|个月)了.{0,3}(?:还|都|也)(?:不|没)|说好.{0,6}(?:发|寄|到)|寄(?:出|走)?.{0,2}(?:没|了吗)"
    r"|等了.{1,3}(?:天|周|星期|礼拜|个月)|(?:发货|发|到货|到|寄).{0,6}都.{1,3}(?:天|周|星期|礼拜|个月)了|发货了|还没(?:有)?(?:发|到|收到|寄|动|送)|没(?:有)?发货"
    r"|怎么还(?:没|不)(?:有)?(?:发|到|动|送|寄)?"
    r"|(?:我|昨天|前天|上周|那天|之前|上次|刚才|早上).{0,8}(?:拍|买|下|订|付|定).{0,8}(?:什么时候|几时|多久|哪天|啥时候).{0,4}(?:到|发|寄|送)"
    r"|(?:我的|我那|我).{0,6}(?:快递|包裹|货|件|衣服|裙子?|大衣|毛衣|订单|东西).{0,4}(?:到|发|呢$|在哪|啥时候|什么时候|怎么样|没)"
    r"|催(?:催|一?下|发|件|单|货|$)|几号.{0,3}(?:到|发)|在路上(?:吗|没)|发(?:出|走)?来?了(?:吗|没)"
    r"|订单.{0,4}(?:状态|进度|情况|怎么)|派送|揽收|揽件|卡在|没动静|不更新|不动了|停在"
    r"|where.{0,12}(?:parcel|package|order)|shipped\s*yet|tracking"
)
_ABOUT_SENDING_TODAY = re.compile(r"(?:今天|现在|今晚|晚上|明天|这会儿?).{0,4}(?:拍|下单|买|付款|下)")


def concern_of(text: str) -> Concern:
    """The gravest concern in `text`, quoted words and links taken off before. Never raises."""
    found = {_of_clause(words) for clause in clauses(folded(text)) if (words := _words(clause))}
    return next((concern for concern in Concern if concern in found), Concern.NONE)


def _words(clause: str) -> str:
    """English keeps its blanks: its words have edges."""
    return clause.strip() if clause.isascii() else bare(clause)


def _of_clause(words: str) -> Concern:
    if _stands(_ABUSE, words, asked=False):
        return Concern.ABUSE
    if _stands(_COMPLAINT, words):
        return Concern.COMPLAINT
    if _is_trouble(words):
        return Concern.AFTER_SALE
    if _stands(_PERSON, words, asked=False):
        return Concern.PERSON
    status = _STATUS.search(words) and not _ABOUT_SENDING_TODAY.search(words)
    return Concern.ORDER_STATUS if status else Concern.NONE


def _is_trouble(words: str) -> bool:
    if _stands(_BROKEN, words) or _stands(_CHANGE, words, asked=False, denied=False):
        return True
    return bool(_HAD.search(words)) and not _ASKS.search(words) and _stands(_WORN, words)


def _stands(pattern: re.Pattern[str], words: str, *, asked: bool = True, denied: bool = True) -> bool:
    """Is it said, and meant? "没有破" and "不是要投诉" deny it; "会掉色吗" and "怕有色差" only ask (`asked`)."""
    for found in pattern.finditer(words):
        before = words[: found.start()]
        if denied and _DENIED.search(before[-8:]):
            continue
        if asked and _ASKED.search(before[-6:]):
            continue
        return True
    return False
