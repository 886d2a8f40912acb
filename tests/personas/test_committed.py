"""The committed personas, calendars and push: without a mistake, and fit for customers to read."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from personas.book import Book, load_book
from personas.copy_check import findings
from personas.model import ALWAYS, EXTRA, Occasion, Persona, Shop
from personas.speech import names, speak, welcome
from personas.voice import variables
from rules.roles import PersonaKind, PostKind
from tests.personas.conftest import ROOT, STYLE

IDS = [
    "assistant-xiaoyu",
    "designer-suye",
    "influencer-lin",
    "influencer-lin-mirror-1",
    "influencer-lin-mirror-2",
    "mentor-qin",
    "ordinary-ahua",
    "ordinary-taotao",
]
WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def calendar(persona: str) -> list[dict[str, Any]]:
    text = (ROOT / "moments" / f"{persona}.yaml").read_text(encoding="utf-8")
    posts: list[dict[str, Any]] = yaml.safe_load(text)["posts"]
    return posts


def own(book: Book) -> list[Persona]:
    return [persona for persona in book.all() if persona.kind is not PersonaKind.MIRROR]


def test_the_eight_personas_have_no_mistake_and_no_warning() -> None:
    book, mistakes = load_book(ROOT / "personas", STYLE)
    assert [str(mistake) for mistake in mistakes] == []
    assert [persona.id for persona in book.all()] == IDS


def test_each_persona_shows_a_voice_and_answers_enough(book: Book) -> None:
    for persona in book.all():
        assert len(persona.voice.samples) >= 5
        assert len(persona.replies) >= 12
        assert {Occasion.UNKNOWN, Occasion.HAND_OVER, Occasion.OPTED_OUT, Occasion.CLAIMED} <= set(persona.templates)


def test_no_two_personas_share_a_line(book: Book) -> None:
    """Distinct voices: not one answer, sample or welcome stands in two files."""
    seen: dict[str, str] = {}
    for persona in own(book):
        for _, text in persona.customer_texts():
            assert seen.setdefault(text, persona.id) == persona.id, text


def test_mirrors_appear_as_their_source(book: Book) -> None:
    lin = book.get("influencer-lin")
    for mirror in book.mirrors_of("influencer-lin"):
        assert (mirror.profile, mirror.welcome, mirror.replies) == (lin.profile, lin.welcome, lin.replies)
        assert mirror.playable == lin.playable


def test_every_welcome_calls_by_name_says_who_it_is_and_how_to_stop(book: Book, shop: Shop) -> None:
    for persona in book.all():
        for seed in range(len(persona.welcome)):
            text = welcome(persona, names(persona, shop, "花花🌸"), seed=seed)
            assert all(word in text for word in ("花花", shop.name, persona.name, shop.contact, "退订"))


def test_a_signboard_for_a_nickname_is_never_read_out(book: Book, shop: Shop) -> None:
    """The name on it is used where there is one, else the persona's own word."""
    for persona in book.all():
        assert persona.voice.stranger in welcome(persona, names(persona, shop, "AAA建材批发"))
        text = welcome(persona, names(persona, shop, "A-代购小王🌸"))
        assert "小王" in text
        assert "代购" not in text


def test_the_position_of_the_account_wins(book: Book, shop: Shop) -> None:
    fish = book.get("assistant-xiaoyu")
    assert "店长助理" in names(fish, shop)["disclosure"]
    assert "首席打包官" in names(fish, shop, position="首席打包官")["disclosure"]


@pytest.mark.parametrize("occasion", Occasion)
def test_every_persona_has_words_for_every_occasion(book: Book, shop: Shop, occasion: Occasion) -> None:
    bare = Persona(id="bare", kind=PersonaKind.ASSISTANT, name="某某")
    for persona in [*book.all(), bare]:
        values = names(persona, shop, "花花") | dict.fromkeys(EXTRA.get(occasion, ()), "VIP1")
        assert speak(persona, occasion, values).strip()


@given(nickname=st.text(max_size=40))
def test_no_nickname_breaks_a_welcome(book: Book, nickname: str) -> None:
    shop = Shop(name="小林的衣橱", contact="400-000-0000")
    for persona in own(book):
        assert "退订" in welcome(persona, names(persona, shop, nickname))


def texts_of(post: dict[str, Any]) -> list[str]:
    """A post has one text, or several that take turns."""
    return [post["text"]] if isinstance(post["text"], str) else post["text"]


def customer_facing() -> Iterator[tuple[str, str, bool]]:
    """Every text of personas, calendars and pushes that a customer can read: where, what, in the Moments?"""
    for persona in load_book(ROOT / "personas", STYLE)[0].all():
        for place, text in persona.customer_texts():
            yield f"{persona.id}:{place}", text, False
    for path in sorted((ROOT / "moments").glob("*.yaml")):
        for post in calendar(path.stem):
            for text in texts_of(post):
                yield f"{path.name}:{post['name']}", text, True
    for path in sorted((ROOT / "pushes").glob("*.yaml")):
        for level, words in yaml.safe_load(path.read_text(encoding="utf-8"))["words"].items():
            yield f"{path.name}:{level}", words, False


def test_nothing_a_customer_reads_is_forbidden_official_or_internal() -> None:
    texts = list(customer_facing())
    assert len(texts) > 300
    bad = [(where, found.word) for where, text, moments in texts for found in findings(text, STYLE, moments=moments)]
    assert bad == []


def test_posts_stay_near_the_fold_and_their_pictures_exist(book: Book) -> None:
    for persona in own(book):
        for post in calendar(persona.id):
            assert all(len(text) <= 110 for text in texts_of(post)), post["name"]
            assert all((ROOT / "media" / name).is_file() for name in post.get("media", ())), post["name"]
        assert (ROOT / "media" / str(persona.profile.avatar)).is_file()
        assert (ROOT / "media" / str(persona.profile.cover)).is_file()


def test_pictures_are_small() -> None:
    assert all(path.stat().st_size <= 40_000 for path in (ROOT / "media").iterdir())


@pytest.mark.parametrize("persona", [name for name in IDS if "mirror" not in name])
def test_every_day_has_a_post_in_the_first_hour_and_at_most_one_of_three_sells(persona: str) -> None:
    posts = calendar(persona)
    days = [sorted((p for p in posts if day in p["days"]), key=lambda p: str(p["window"])) for day in WEEK]
    for day in days:
        first = [p for p in day if p["window"][:5] >= "10:05" and p["window"][6:] <= "10:50"]
        assert len(first) == 1
        assert 2 <= len(day) <= 5
    kinds = [PostKind(post["kind"]) for day in [*days, days[0]] for post in day]
    assert all(sum(kind.sells for kind in kinds[i : i + 3]) <= 1 for i in range(len(kinds)))


@pytest.mark.parametrize("persona", ["assistant-xiaoyu", "ordinary-ahua", "ordinary-taotao", "mentor-qin"])
def test_who_does_not_sell_posts_nothing_that_sells(persona: str) -> None:
    assert not any(PostKind(post["kind"]).sells for post in calendar(persona))


def test_the_push_speaks_by_name_with_the_way_back_and_the_way_out() -> None:
    push = yaml.safe_load((ROOT / "pushes" / "welfare-tonight.yaml").read_text(encoding="utf-8"))
    known = ALWAYS | {"landing"} | push["variables"].keys()
    assert set(push["words"]) == {*push["who"]["levels"], "default"}
    for words in push["words"].values():
        assert {"call_me", "landing"} <= variables(words) <= known
        assert "退订" in words


def test_the_files_name_no_schema_but_ours() -> None:
    for path in [*Path(ROOT / "personas").glob("*.yaml"), *Path(ROOT / "moments").glob("*.yaml")]:
        assert path.read_text(encoding="utf-8").startswith("# yaml-language-server: $schema=../.wxfleet/")
