"""Whatever stops or delays something can be said to a person, in both languages."""

import ast
from pathlib import Path
from string import Formatter

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from rules.gates import AccountFacts, Go, RowFacts, decide
from rules.kinds import Kind
from rules.limits import Limits
from rules.roles import PostKind, Role
from scheduler.campaign_state import CampaignState, Move
from scheduler.pushes.audience import REASONS
from texts.catalogue import LANGUAGES, catalogue, say

ROOT = Path(__file__).parents[2]
_times = st.one_of(st.none(), st.integers(0, 2**41))


@given(
    st.builds(
        RowFacts,
        kind=st.sampled_from(Kind),
        due_ms=st.integers(0, 2**41),
        valid_until_ms=_times,
        opted_out=st.booleans(),
        muted_until_ms=_times,
        last_push_ms=_times,
        friend=st.booleans(),
        friend_since_ms=_times,
        conversed=st.booleans(),
        never_audience=st.booleans(),
        campaign_state=st.sampled_from(["", *CampaignState]),
        post_kind=st.one_of(st.none(), st.sampled_from(PostKind)),
        last_posts=st.lists(st.sampled_from(PostKind), max_size=2).map(tuple),
    ),
    st.sampled_from(Role),
    st.booleans(),
    st.booleans(),
    st.integers(0, 2**41),
)
def test_every_verdict_has_words(row: RowFacts, role: Role, paused: bool, stop_all: bool, now_ms: int) -> None:
    account = AccountFacts(role, "Asia/Shanghai", Limits(), paused=paused, stop_all=stop_all)
    verdict = decide(row, account, now_ms)
    if isinstance(verdict, Go):
        return
    for language in LANGUAGES:
        assert say(f"reason.{verdict.reason}", lang=language)


@pytest.mark.parametrize(
    ("file", "functions"),
    [
        ("rules/gates.py", {"Wait", "Skip", "Hold"}),
        ("rules/reach.py", {"Decision"}),
        ("rules/pacing.py", set()),
        ("bots/under_way.py", {"Settlement"}),
        ("bots/tick.py", {"Skip"}),
    ],
)
def test_every_reason_that_the_rules_and_the_courier_name_has_words(file: str, functions: set[str]) -> None:
    """Reads the sources: a new reason without words fails here, not in front of a customer."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    reasons = {"pace", "post_gap"} if file == "rules/pacing.py" else set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Tuple) and file == "rules/pacing.py":
            reasons |= {
                item.value for item in node.elts if isinstance(item, ast.Constant) and isinstance(item.value, str)
            }
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in functions:
            texts = [*node.args, *(keyword.value for keyword in node.keywords if keyword.arg == "reason")]
            reasons |= {item.value for item in texts if isinstance(item, ast.Constant) and isinstance(item.value, str)}
    assert reasons
    assert {reason for reason in reasons if f"reason.{reason}" not in catalogue()} == set()


def test_every_reason_of_the_planner_and_every_state_has_words() -> None:
    own = {*REASONS, "too_late", "role", "first_batch", "push_window", "expired", "cancelled", "merged_duplicate"}
    own |= {"source_failed", "source_skipped", "task_expired", "dry_run", "error_budget"}
    keys = {f"reason.{reason}" for reason in own}
    keys |= {f"scheduler.state.{state}" for state in CampaignState} | {f"scheduler.move.{move}" for move in Move}
    keys |= {f"reason.campaign_{state}" for state in CampaignState if state != "cancelled"}
    assert keys - catalogue().keys() == set()


@pytest.mark.parametrize("file", ["customers.yaml", "scheduler.yaml", "reason.yaml"])
def test_words_are_there_in_both_languages_with_the_same_places(file: str) -> None:
    entries = yaml.safe_load((ROOT / "texts" / "words" / file).read_text(encoding="utf-8"))
    for key, entry in entries.items():
        places = [{name for _, name, _, _ in Formatter().parse(entry[language]) if name} for language in LANGUAGES]
        assert places[0] == places[1], key
