"""`check` names every mistake of every file, in order, and says whether a run could start."""

from pathlib import Path

from tests.wxfleet.small_shop import ACCOUNT, PERSONA, open_shop
from wxfleet.reading.check import as_document, check, errors_in, verdict

ROOT = Path(__file__).parents[2]


def test_everything_that_is_committed_is_without_errors() -> None:
    assert errors_in(check(ROOT / "config.yaml")) == []


def test_a_valid_shop_is_told_so(tmp_path: Path) -> None:
    found = check(open_shop(tmp_path))
    assert found == []
    assert "没有问题" in verdict(found)
    assert as_document(found) == {"ok": True, "errors": 0, "warnings": 0, "mistakes": [], "overridden": []}


def test_mistakes_come_by_file_and_line_with_errors_and_warnings_apart(tmp_path: Path) -> None:
    accounts = ACCOUNT.replace("role:", "limits: {friends: 9000}, rolle:")
    path = open_shop(tmp_path, "modus: live\n", accounts=accounts, clerk="id: clerk\nkind: nobody\n")
    found = check(path)
    assert found == sorted(found)
    document = as_document(found)
    assert document["ok"] is False
    assert document["warnings"] == 1
    assert document["errors"] == len(found) - 1
    assert {Path(mistake["file"]).name for mistake in document["mistakes"]} >= {"config.yaml", "clerk.yaml"}
    unknown = next(m for m in document["mistakes"] if m["suggestion"] == "role")
    assert (unknown["line"], unknown["severity"]) == (3, "error")
    assert "1 处提醒" in verdict(found)


def test_warnings_alone_do_not_stop_a_run(tmp_path: Path) -> None:
    found = check(open_shop(tmp_path, accounts=ACCOUNT.replace("role:", "limits: {friends: 9000}, role:")))
    assert as_document(found)["ok"] is True
    assert "没有错误" in verdict(found)


def test_files_are_checked_even_when_the_config_can_not_be_read(tmp_path: Path) -> None:
    path = open_shop(tmp_path, clerk="id: clerk\nkind: nobody\n")
    path.write_text("accounts: [", encoding="utf-8")
    assert {Path(mistake.file).name for mistake in check(path)} == {"config.yaml", "clerk.yaml"}


def test_the_ladder_climbs_or_says_at_which_step_it_does_not(tmp_path: Path) -> None:
    path = open_shop(tmp_path)
    (tmp_path / "ladder.yaml").write_text(
        "levels:\n"
        "  - {id: friend, name: 朋友, any_purchase: true}\n"
        "  - {id: VIP1, name: 一}\n"
        "  - {id: VIP2, name: 二, from_net_yuan: 300}\n"
        "  - {id: VIP2, name: 三, from_net_yuan: 200}\n",
        encoding="utf-8",
    )
    places = [(mistake.line, mistake.column) for mistake in check(path)]
    assert places == [(2, 5), (3, 5), (5, 5), (5, 5)]


def post(kind: str = "life", text: str = "早安", more: str = "") -> str:
    return f'posts:\n  - {{name: p, kind: {kind}, at: "10:20", text: {text}{more}}}\n'


def test_the_calendar_names_personas_and_accounts_that_exist(tmp_path: Path) -> None:
    path = open_shop(tmp_path)
    moments = tmp_path / "moments"
    moments.mkdir()
    (moments / "a.yaml").write_text("persona: linn\n" + post(), encoding="utf-8")
    (moments / "b.yaml").write_text("accounts: [lin-9]\n" + post(), encoding="utf-8")
    (moments / "c.yaml").write_text("persona: lin-mirror-1\n" + post(), encoding="utf-8")
    found = check(path)
    assert [(Path(m.file).name, m.suggestion) for m in found] == [
        ("a.yaml", "lin"),
        ("b.yaml", "lin-1"),
        ("c.yaml", "lin"),
    ]


def test_a_training_account_sells_nothing_in_its_moments(tmp_path: Path) -> None:
    accounts = ACCOUNT + "  - {id: m, persona: mentor, role: training, gateway: {kind: simulator}}\n"
    path = open_shop(tmp_path, accounts=accounts)
    (tmp_path / "moments").mkdir()
    (tmp_path / "moments" / "m.yaml").write_text("persona: mentor\n" + post("product"), encoding="utf-8")
    (found,) = check(path)
    assert (found.line, found.column) == (3, 21)
    assert "product" in found.reason


def test_words_that_do_harm_are_found_in_posts_and_pushes_and_missing_pictures_too(tmp_path: Path) -> None:
    path = open_shop(tmp_path)
    for folder in ("moments", "pushes", "media"):
        (tmp_path / folder).mkdir()
    (tmp_path / "moments" / "m.yaml").write_text(
        "persona: lin\n" + post(text="全网最低价", more=", media: [none.jpg]"), encoding="utf-8"
    )
    (tmp_path / "pushes" / "p.yaml").write_text(
        "name: p\ntitle: 福利\nwho: {levels: [VIP1, VIP7]}\nwords: {default: '尊敬的客户，{{ coupon }}'}\n",
        encoding="utf-8",
    )
    found = [(Path(m.file).name, m.line) for m in check(path)]
    assert [(Path(m.file).name, m.line) for m in errors_in(check(path))].count(("m.yaml", 3)) == 2
    assert ("p.yaml", 3) in found  # no level VIP7
    assert found.count(("p.yaml", 4)) >= 2  # an unknown variable, the tone of an office


def test_a_push_that_is_not_worth_it_is_told_with_its_line(tmp_path: Path) -> None:
    path = open_shop(tmp_path)
    (tmp_path / "pushes").mkdir()
    (tmp_path / "pushes" / "p.yaml").write_text(
        "name: p\ntitle: 福利\nwho: {levels: [VIP1]}\n"
        "variables:\n  gift: 神秘小礼物\n  gfit: 一条发带\n"
        f"words:\n  VIP1: 今天 98 折，{{{{ gift }}}}。{'长' * 160}\n",
        encoding="utf-8",
    )
    found = check(path)
    assert errors_in(found) == []
    told = {(mistake.line, word) for mistake in found for word in _TOLD if word in mistake.reason}
    assert told == {(5, "太轻"), (6, "gfit"), (8, "太轻"), (8, "call_me"), (8, "退订"), (8, "一屏")}


_TOLD = ("太轻", "gfit", "call_me", "退订", "一屏", "得到什么")


def test_a_push_that_gives_nothing_is_told(tmp_path: Path) -> None:
    path = open_shop(tmp_path)
    (tmp_path / "pushes").mkdir()
    (tmp_path / "pushes" / "p.yaml").write_text(
        "name: p\ntitle: 福利\nwho: {levels: [VIP1]}\nwords: {default: '{{ call_me }}，记得来看看。不想收回“退订”'}\n",
        encoding="utf-8",
    )
    (found,) = check(path)
    assert (found.line, "得到什么" in found.reason) == (4, True)


def test_nobody_says_what_only_another_persona_says(tmp_path: Path) -> None:
    """In a file of their own, and in the Moments; inside a sentence such words are ordinary ones."""
    clerk = "id: clerk\nkind: assistant\n" + PERSONA.replace(
        "voice: {samples: [一, 二, 三, 四, 五]}",
        "voice: {samples: [一, 二, 三, 四, 五], fillers: [收到收到], stranger: 姐妹}",
    )
    lin = "id: lin\nkind: influencer\n" + PERSONA.replace("叫{{ shop }}", "收到收到，叫{{ shop }}")
    path = open_shop(tmp_path, clerk=clerk, lin=lin)
    (tmp_path / "moments").mkdir()
    (tmp_path / "moments" / "m.yaml").write_text("persona: lin\n" + post(text="姐妹，下雨了"), encoding="utf-8")
    (tmp_path / "moments" / "n.yaml").write_text("persona: clerk\n" + post(text="好姐妹都知道"), encoding="utf-8")
    (tmp_path / "moments" / "o.yaml").write_text("accounts: [lin-1]\n" + post(text="姐妹们，下雨了"), encoding="utf-8")
    found = check(path)
    assert errors_in(found) == []
    told = [(Path(m.file).name, m.line) for m in found if "别的人设" in m.reason]
    assert told == [("m.yaml", 3), ("o.yaml", 3), ("lin.yaml", 11)]


CAMPAIGN = """\
name: bad
title: 坏的
items: [大衣]
offer: 减 60
gift: 无
colour: red
join: {how: 回复 1}
from: 2090-03-08 00:00
until: 2090-03-09 23:59
who: {levels: [VIP1]}
phases:
  - {kind: push, at: 2090-03-08 10:30, until: 2090-03-09 12:00, words: {default: "{{ offer }}，{{ joim }}"}}
  - {kind: push, at: 2090-03-08 20:00, words: {default: "{{ offer }}"}}
  - {kind: reminder, at: 2026-01-07 20:00, words: {default: 明天见}}
  - {kind: thanks, at: some day, words: {default: 谢谢}}
  - {kind: thanks, at: +3d 10:00}
"""


def test_one_look_tells_all_that_is_wrong_with_a_campaign_each_at_its_line(tmp_path: Path) -> None:
    """Though a key is unknown and a date can't be read: what does not go together, or is past, is said as well."""
    path = open_shop(tmp_path)
    (tmp_path / "campaigns").mkdir()
    file = tmp_path / "campaigns" / "bad.yaml"
    file.write_text(CAMPAIGN, encoding="utf-8")
    found = {(mistake.line, mistake.reason.split("：")[0]) for mistake in check(path)}
    assert found >= {
        (6, "不认识 colour 这一项"),
        (13, "两步同名"),
        (13, "“推送（第 1 步）”到 03-09 12:00 才结束，“推送（第 2 步）”已经开始"),
        (14, "这一步的时间 2026-01-07 20:00 已经过去"),
        (15, "at 写成 2026-11-11 20:00，或者从开始算"),
        (16, "这一步什么都不发"),
    }
    file.write_text(CAMPAIGN.replace("colour: red\n", "").replace("some day", "+4d 10:00"), encoding="utf-8")
    later = {(mistake.line, mistake.reason.split("：")[0]) for mistake in check(path)}
    assert (15, "提醒和感谢加起来最多两条") in later
    assert any(line == 11 and "joim" in reason for line, reason in later), "words are looked at, too"
    assert all(line > 1 for line, _ in later)


def test_what_could_be_better_is_said_beside_what_is_wrong(tmp_path: Path) -> None:
    """A post that is past and one article everywhere, though another file keeps the shop from starting."""
    path = open_shop(tmp_path, clerk="id: clerk\nkind: nobody\n")
    (tmp_path / "moments").mkdir()
    posts = post(more=", days: ['2020-01-01']")
    for name, kind in (("x", "product, item: 裙子, days: [mon]"), ("y", "life")):
        posts += post(kind=kind).partition("\n")[2].replace("name: p", f"name: {name}")
    (tmp_path / "moments" / "lin.yaml").write_text("persona: lin\n" + posts, encoding="utf-8")
    reasons = " ".join(mistake.reason for mistake in check(path))
    assert "kind 只能是" in reasons and "没有一天会发" in reasons and "裙子”占了 100%" in reasons


def test_what_turns_the_order_of_reading_is_refused_at_its_line(tmp_path: Path) -> None:
    path = open_shop(tmp_path)
    file = tmp_path / "ladder.yaml"
    for written in ("\u202e朋友", "朋\u2066友", '"\\u202E朋友"'):
        file.write_text(f"levels:\n  - {{id: friend,\n     name: {written}}}\n", encoding="utf-8")
        found = [(mistake.line, mistake.reason) for mistake in errors_in(check(path))]
        assert any(line == 3 and "方向控制符（U+20" in reason for line, reason in found), (written, found)
    file.write_text("levels:\n  - {id: friend, name: 👩\u200d👧}\n", encoding="utf-8")
    assert not any("方向" in mistake.reason for mistake in check(path)), "what joins emoji turns nothing"
