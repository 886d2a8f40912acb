"""The smallest shop that is valid, for tests that break one thing of it."""

from pathlib import Path

from wxfleet.reading.settings import examine

PERSONA = """
audience: 喜欢慢慢挑衣服的人
name: 小林
portrait: 开店第八年，自己选料。
position: 主理人
voice: {samples: [一, 二, 三, 四, 五]}
profile: {nickname: 小林, signature: 慢慢穿}
welcome: "{{ call_me }}你好，我是{{ shop }}的小林。回复退订就不再收福利消息。"
replies: [{name: shop-name, keywords: [店名], answers: ['叫{{ shop }}']}]
disclosure: 我是{{ shop }}的小林，电话{{ contact }}，回复退订不再收福利消息。
"""
HEAD = 'shop: {name: 小林的衣橱, contact: "400-000-0000"}\n'
ACCOUNT = "  - {id: lin-1, persona: lin, role: sales, gateway: {kind: simulator}}\n"
LADDER = "levels:\n  - {id: friend, name: 朋友}\n  - {id: VIP1, name: 老朋友, any_purchase: true}\n"


def open_shop(folder: Path, config: str = "", *, accounts: str = ACCOUNT, **personas: str) -> Path:
    """Write a shop with the personas `lin` (influencer), `clerk` (assistant) and those given; returns config.yaml.

    `config` comes after the accounts; a persona given as text replaces its whole file.
    """
    written = {
        "lin": f"id: lin\nkind: influencer\n{PERSONA}",
        "clerk": f"id: clerk\nkind: assistant\n{PERSONA}",
        "mentor": f"id: mentor\nkind: mentor\n{PERSONA}",
        "lin-mirror-1": "id: lin-mirror-1\nkind: mirror\nmirror_of: lin\n",
        **{name.replace("_", "-"): text for name, text in personas.items()},
    }
    (folder / "personas").mkdir(parents=True, exist_ok=True)
    for name, text in written.items():
        (folder / "personas" / f"{name}.yaml").write_text(text, encoding="utf-8")
    (folder / "ladder.yaml").write_text(LADDER, encoding="utf-8")
    path = folder / "config.yaml"
    path.write_text(f"{HEAD}accounts:\n{accounts}{config}", encoding="utf-8")
    return path


def mistakes(path: Path) -> list[str]:
    """`line:column: reason` of each mistake in config.yaml."""
    found = examine(path).mistakes
    return [str(m).removeprefix(f"{path}:") for m in found if m.file == str(path)]


def real(id_: str, endpoint: str, token: str, more: str = "") -> str:
    return (
        f"  - {{id: {id_}, persona: clerk, role: sales{more},"
        f' gateway: {{kind: wechaty, endpoint: "{endpoint}", token: "{token}"}}}}\n'
    )
