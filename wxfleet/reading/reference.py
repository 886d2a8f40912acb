"""docs/configuration.md, written from the models: every key, its type, its default, what it means."""

import re
from collections.abc import Iterator
from typing import Any

from rules.limits import Limits
from wxfleet.reading.schema import MODELS, schema_of

Schema = dict[str, Any]

_TITLES = {
    "fleet": ("config.yaml", "店铺、员工、号、渠道。`${名字}` 从环境变量或旁边的 `.env` 里取，密码和令牌只从那里来。"),
    "persona": ("personas/*.yaml", "一个文件一个人设。"),
    "ladder": ("ladder.yaml", "升级制度，从低到高。"),
    "moments": ("moments/*.yaml", "朋友圈日历。"),
    "push": ("pushes/*.yaml", "老客福利推送。"),
    "campaign": (
        "campaigns/*.yaml",
        "活动：预热、推送、提醒、感谢在一条时间线上。`wxfleet push preview 名字` 看每一步几点、发给多少人。",
    ),
    "care": (
        "care.yaml",
        "关怀：生日、节日、交易成功之后。只表心意，不卖东西；每人每个场合一次，每人一个月最多两次。",
    ),
    "lesson": (
        "lessons/*.yaml",
        "合伙人课程：培训号按各人的进度一课一课发，记下谁看了、谁答了。`wxfleet lessons list` 看进度。",
    ),
    "products": (
        "products.yaml",
        "宝贝资料：客户问到哪一件的价格、尺码、颜色、面料、洗法，所有人设都照这里的答，各用各的口吻。",
    ),
    "pond": (
        "ponds/*.yaml",
        "群：微信群和别处的群（淘宝群等）。谁打理、进群说什么、@ 到了怎么答、满了去哪。`wxfleet ponds list` 看全部。",
    ),
    "segment": (
        "segments/*.yaml",
        "人群：推送和 `wxfleet segments preview` 用。`all`、`any`、`not` 里面写的键和 `who` 里一样，可以一层套一层。",
    ),
}
_TYPES = {
    "string": "文字",
    "integer": "整数",
    "number": "数字",
    "boolean": "true / false",
    "object": "一组 名称: 值",
    "null": "不写",
}
_FORMATS = {
    "date": "日期",
    "date-time": "日期和时间",
    "password": "文字（写 `${NAME}`）",
    "path": "路径",
    "time": "时间",
}
_SOURCES = {"official": "官方", "vendor": "厂商", "folklore": "行业经验", "ours": "本店规矩"}
_WHOLE_MINUTE = re.compile(r"(?<=^\d\d:\d\d):00$")
_PREFACE = """<!-- 由 python -m wxfleet.generated 生成，请改模型里的说明，不要改这里。 -->

# 配置参考 · Configuration reference

所有文件都是 YAML 1.2、UTF-8 编码。写完运行 `wxfleet check`：
每一处错误都会告诉你 `文件:行:列`、哪里不对、是不是想写别的。

相对路径从 `config.yaml` 所在的文件夹算起，命令后面加 `--home 文件夹` 可以整体搬走。
文件第一行的 `# yaml-language-server: $schema=…` 让编辑器能补全、悬停看说明。

`config.yaml` 里的值可以用环境变量（或 `.env` 里的一行）盖过：`WXFLEET_` 加上大写的键，一层一层用两个下划线隔开。
例如 `WXFLEET_MODE=dry_run`、`WXFLEET_METRICS__LISTEN=127.0.0.1:9465`。系统环境变量先于 `.env`，`.env` 先于文件；
空的等于没写；列表只能整个换。`wxfleet check` 会列出哪些值不是来自文件。

All files are YAML 1.2 in UTF-8; `wxfleet check` names every mistake as `file:line:column`.
A variable `WXFLEET_SECTION__KEY` of the environment, or of `.env`, wins over the value in `config.yaml`.
"""


def reference() -> str:
    """The whole document, in Markdown."""
    parts = [_PREFACE]
    for name, model in MODELS.items():
        title, introduction = _TITLES[name]
        schema = schema_of(model)
        parts.append(f"## {title}\n\n{introduction}\n")
        parts.append(_table(("键", "类型", "默认", "意思"), _rows(schema, schema, "")))
        if name == "fleet":
            parts.append(_limits())
    return "\n".join(parts)


def _limits() -> str:
    rows = [
        (f"`{name}`", _default(field.get("default")), field.get("description", ""), _source(field), field["reason"])
        for name, field in schema_of(Limits)["properties"].items()
    ]
    introduction = (
        "### 限额 limits\n\n写在最外层是全店的，写在某个号里只管那个号；只写要改的。"
        "“一天”“一分钟”都是往前滚动的 24 小时、60 秒，时间按号所在的时区。"
        "来历：官方是平台公布的，厂商是工具厂商说的，行业经验是同行摸索的，本店规矩是我们定的。\n"
    )
    return f"{introduction}\n{_table(('键', '默认', '意思', '来历', '为什么'), rows)}"


def _source(field: Schema) -> str:
    return _SOURCES[field["source"]]


def _rows(whole: Schema, schema: Schema, prefix: str) -> Iterator[tuple[str, ...]]:
    """One row per key, those of a group below it as `group.key`, those of a list as `list[].key`."""
    for name, field in schema.get("properties", {}).items():
        key = f"{prefix}{name}"
        needed = name in schema.get("required", ())
        default = "**必填**" if needed else _default(field.get("default"))
        yield f"`{key}`", _type(whole, field), default, field.get("description", "")
        if name == "limits":
            continue  # a table of its own
        for inner, marker in _inner(whole, field):
            if inner is not schema:  # a condition within conditions has the same keys
                yield from _rows(whole, inner, f"{key}{marker}.")


def _inner(whole: Schema, field: Schema) -> Iterator[tuple[Schema, str]]:
    """The groups that a value can be, and how its keys are written."""
    for branch in _branches(whole, field):
        if "properties" in branch:
            kind = branch["properties"].get("kind", {}).get("const")
            yield branch, f"（{kind}）" if kind else ""
        elif isinstance(branch.get("items"), dict):
            yield from ((inner, "[]" + marker) for inner, marker in _inner(whole, branch["items"]))


def _branches(whole: Schema, schema: Schema) -> Iterator[Schema]:
    if "$ref" in schema:
        yield from _branches(whole, whole["$defs"][schema["$ref"].rpartition("/")[2]])
        return
    members = [member for union in ("anyOf", "oneOf", "allOf") for member in schema.get(union, ())]
    for member in members:
        yield from _branches(whole, member)
    if not members:
        yield schema


def _type(whole: Schema, field: Schema) -> str:
    names = dict.fromkeys(_one_type(whole, branch) for branch in _branches(whole, field))
    return " 或 ".join(name for name in names if name != _TYPES["null"])


def _one_type(whole: Schema, branch: Schema) -> str:
    if "const" in branch:
        return f"`{branch['const']}`"
    if "enum" in branch:
        return "、".join(f"`{value}`" for value in branch["enum"])
    if branch.get("type") == "array":
        return f"列表：{_type(whole, branch.get('items', {}))}"
    return _FORMATS.get(branch.get("format", "")) or _TYPES.get(branch.get("type", ""), "任意")


def _default(value: Any) -> str:
    if value is None or value in ([], {}, ""):
        return "–"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, dict):
        return "`{" + ", ".join(f"{key}: {inner}" for key, inner in value.items() if inner is not None) + "}`"
    return f"`{_WHOLE_MINUTE.sub('', str(value))}`"


def _table(head: tuple[str, ...], rows: Any) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"
