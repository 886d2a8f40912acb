"""The columns of a table of customers, and the headers under which earlier tools and hand-made sheets keep them."""

from collections.abc import Mapping
from types import MappingProxyType

from customers.imports.order_columns import COLUMNS as ORDER_COLUMNS
from customers.imports.order_columns import MEMBER as BUYER
from customers.profiles.profile_fields import FIELDS
from texts.table_columns import Columns

ENTRY, CONTACT, WECHAT, ACCOUNT = "wxfleet编号", "微信ID", "微信号", "账号"
NICKNAME, REMARK, NAME, MEMBER, PHONE = "昵称", "备注", "姓名", "会员名", "手机"
TAGS, MORE_TAGS, CHANNEL, LUNAR, OPTED_OUT = "标签", "个人标签", "渠道", "农历生日", "退订"

PROFILE: Mapping[str, str] = MappingProxyType(
    {
        FIELDS[key].names[0]: key
        for key in (
            "call_me", "birthday", "size", "pants_size", "shoe_size", "height_cm", "weight_kg", "taste", "city",
        )
    }
)  # fmt: skip
"""Columns that are fields of the profile, each with its key in `FIELDS`."""
_BIRTHDAY = FIELDS["birthday"].names[0]
_MORE_NAMES: Mapping[str, tuple[str, ...]] = {
    _BIRTHDAY: ("公历生日", "阳历生日", "生日(公历)", "生日(阳历)", "出生年月日", "生日日期"),
}

COLUMNS: Columns = MappingProxyType(
    {
        CONTACT: ("wxid", "微信原始ID", "原始ID", "微信标识", "好友wxid", "好友ID", "外部联系人ID", "外部联系人userid",
                  "external_userid", "externaluserid", "contact", "contact id"),
        MEMBER: (BUYER, *ORDER_COLUMNS[BUYER]),
        PHONE: ("手机号", "手机号码", "联系手机", "联系电话", "电话", "电话号码", "备注手机号", "备注手机", "客户手机",
                "客户电话", "移动电话", "phone", "mobile"),
        WECHAT: ("好友微信号", "客户微信号", "微信", "wechat", "wechat id"),
        NICKNAME: ("微信昵称", "好友昵称", "客户昵称", "好友名称", "客户名称", "外部联系人", "nickname"),
        REMARK: ("备注名", "备注名称", "好友备注", "微信备注", "客户备注", "备注昵称", "remark"),
        ACCOUNT: ("所属账号", "归属账号", "所属微信", "所属微信号", "归属微信号", "微信账号", "机器人", "所属机器人",
                  "添加人", "所属员工", "添加员工", "跟进人", "跟进员工", "所属客服", "account"),
        NAME: ("真实姓名", "客户姓名", "名字", "收货人姓名", "收货人", "name"),
        TAGS: ("客户标签", "企业标签", "标签组", "微信标签", "好友标签", "标签名称", "tag", "tags"),
        MORE_TAGS: ("员工标签",),
        CHANNEL: ("来源渠道", "添加渠道", "来源", "客户来源", "好友来源", "添加方式", "添加来源", "channel", "source"),
        LUNAR: ("阴历生日", "生日(农历)", "生日(阴历)", "农历生日日期"),
        OPTED_OUT: ("不再联系", "不再打扰", "拒收", "是否退订", "已退订", "拒绝推送", "黑名单", "opted out", "opt out",
                    "unsubscribed"),
        ENTRY: ("wxfleet id",),
        **{name: (*FIELDS[key].names[1:], *_MORE_NAMES.get(name, ())) for name, key in PROFILE.items()},
    }
)  # fmt: skip

RECOGNISED_BY = (ENTRY, CONTACT, WECHAT, MEMBER, PHONE)
"""One of these, or the remark beside the account, says who somebody is. A nickname is anybody's."""
