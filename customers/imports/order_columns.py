"""The columns of the shop's order export, and the other headers under which tools and people keep the same."""

from collections.abc import Mapping
from types import MappingProxyType

from texts.table_columns import Columns

NUMBER, MEMBER, STATUS, PAID, CREATED = "订单编号", "买家会员名", "订单状态", "买家实际支付金额", "订单创建时间"
REFUND, PAID_AT, ITEMS, ITEM_COUNT = "退款金额", "订单付款时间", "宝贝标题", "宝贝总数量"
KINDS, SHOP = "宝贝种类", "店铺名称"
RECEIVER, MOBILE, PHONE = "收货人姓名", "联系手机", "联系电话"

NEEDED = (NUMBER, MEMBER, STATUS, PAID, CREATED)

COLUMNS: Columns = MappingProxyType(
    {
        NUMBER: ("订单号", "主订单编号", "主订单号", "淘宝订单号", "淘宝订单编号", "天猫订单号", "平台订单号",
                 "平台单号", "线上订单号", "线上单号", "交易编号", "交易单号", "交易号", "原始单号", "订单ID",
                 "order number", "order id", "order no"),
        MEMBER: ("买家昵称", "买家旺旺", "买家旺旺号", "买家会员名称", "买家账号", "买家帐号", "买家ID", "会员名",
                 "会员名称", "会员昵称", "淘宝会员名", "淘宝昵称", "淘宝ID", "旺旺", "旺旺号", "旺旺ID", "旺旺名",
                 "客户网名", "网名", "买家", "buyer", "buyer nick", "member name"),
        STATUS: ("交易状态", "订单当前状态", "主订单状态", "平台状态", "线上状态", "状态", "order status", "status"),
        PAID: ("买家实付金额", "买家实际支付", "实际支付金额", "实付金额", "实付款", "实付", "实收金额", "实收款",
               "已付金额", "付款金额", "支付金额", "订单实付金额", "paid", "amount paid"),
        CREATED: ("订单创建日期", "创建时间", "下单时间", "下单日期", "拍下时间", "交易创建时间", "成交时间",
                  "created", "created at", "order time"),
        REFUND: ("退款总额", "已退款金额", "退款总金额", "售后退款金额", "退款", "refund", "refunded"),
        PAID_AT: ("付款时间", "支付时间", "买家付款时间", "订单支付时间", "付款日期", "paid at"),
        ITEMS: ("商品标题", "宝贝名称", "商品名称", "商品", "宝贝", "货品名称", "items", "title"),
        ITEM_COUNT: ("宝贝数量", "商品数量", "商品总数", "商品总数量", "购买数量", "件数", "数量", "quantity"),
        KINDS: ("商品种类", "商品种类数"),
        SHOP: ("店铺", "店铺名", "店名", "所属店铺", "shop", "store"),
        RECEIVER: ("收货人", "收件人", "收件人姓名", "收货人名称", "receiver"),
        MOBILE: ("收货人手机", "收件人手机", "收货人手机号", "收件人手机号", "手机", "手机号", "手机号码", "mobile"),
        PHONE: ("收货人电话", "收件人电话", "固定电话", "电话", "phone"),
    }
)  # fmt: skip

FIELDS_OF: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        REFUND: ("refund_fen",), PAID_AT: ("paid_ms",), ITEMS: ("items", "titles"), ITEM_COUNT: ("item_count",),
        SHOP: ("shop",), RECEIVER: ("receiver",),
    }
)  # fmt: skip
"""What of an order a column tells that an export may lack. An absent column says nothing of an order known before."""
