"""The words that matter here as people in Hong Kong and Taiwan write them, made comparable with ours.

Not a converter: signs that stand in no command, no time and no wish of a customer are left as they are.
"""

_PAIRS = (
    # what customers wish, and what they complain of
    "訂订閱阅別别發发廣广給给對对這这總总許许準准們们銷销營营鏈链訊讯擾扰煩烦舉举貨货順顺豐丰遞递單单錯错費费質质壞坏"
    "錢钱買买賣卖嗎吗還还來来問问題题機机見见處处開开線线爛烂換换號号訴诉騙骗評评氣气髒脏裡里後后個个碼码顏颜過过沒没"
    "點点樣样運运員员轉转務务為为麼么麽么動动縮缩變变壓压補补貼贴殘残腦脑傷伤態态無无語语聯联繫系話话裝装褲裤帶带幫帮說说"
    "誰谁時时間间當当聽听歡欢謝谢請请認认實实際际應应該该會会嚴严臺台灣湾"
    # what staff write in commands: verbs, what stands behind them, times
    "狀状報报賬账帳帐丟丢尋寻紅红紀纪禮礼預预覽览課课獎奖曉晓繼继續续確确離离兌兑現现備备註注記记綁绑戶户資资標标籤签"
    "簽签畫画絡络暫暂復复掃扫錄录設设羣群組组數数種种類类鐘钟週周淩凌兩两農农曆历歷历陽阳試试徵征詢询絕绝刪删強强選选"
    "檢检體体閉闭啟启啓启約约權权專专鎖锁訪访導导師师長长級级識识爲为裏里佈布錶表場场雙双寬宽鬆松"
)
_SIMPLIFIED = str.maketrans(dict(zip(_PAIRS[::2], _PAIRS[1::2], strict=True)))


def simplified(text: str) -> str:
    """`text` with each sign of that list as it is written on the mainland; as long as before."""
    return text.translate(_SIMPLIFIED)
