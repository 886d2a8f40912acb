"""What holds for one person made of two, and for the two when they part again. Pure.

Nothing of a merge, and nothing of taking it back, loosens a wish or a cap.
"""

from collections.abc import Mapping
from typing import Any

_ADOPTED = ("name", "call_me", "phone", "preferred_persona", "given_level")
"""What the kept entry lacks it takes from the other, and gives back when they part."""
_BIRTHDAY = ("birthday", "birthday_lunar", "birthday_mmdd")
_SUMMED = ("kept_promises", "broken_promises")

Entry = Mapping[str, Any]


def united(kept: Entry, leaving: Entry) -> dict[str, Any]:
    """The columns of `kept` once `leaving` is part of it."""
    out: dict[str, Any] = {name: kept[name] or leaving[name] for name in (*_ADOPTED, "member_name")}
    out |= {name: (kept if kept["birthday"] else leaving)[name] for name in _BIRTHDAY}
    out["profile"] = {**(leaving["profile"] or {}), **(kept["profile"] or {})} or None
    out |= {name: kept[name] + leaving[name] for name in _SUMMED}
    return out | strictest(kept, leaving)


def strictest(one: Entry, other: Entry) -> dict[str, Any]:
    """Of two opt-outs the earlier, of two mutes and two pushes the later; the longer silence counts."""
    out: dict[str, Any] = {"unanswered": max(one["unanswered"], other["unanswered"])}
    out |= _chosen(one, other, ("opted_out_ms", "opted_out_by"), min)
    out |= _chosen(one, other, ("muted_until_ms", "muted_by"), max)
    return out | _chosen(one, other, ("last_push_ms", "last_push_id"), max)


def parted(kept: Entry, gone: Entry, before_kept: Entry, before_gone: Entry) -> tuple[dict[str, Any], dict[str, Any]]:
    """The columns of both once they are two again: `kept` and `gone` as they stand now, and as they stood before.

    What somebody has changed since stays with `kept`.
    """
    theirs: dict[str, Any] = {}
    for name in (*_ADOPTED, "member_name"):
        given, had = before_gone.get(name), before_kept.get(name)
        if given and not had and kept[name] == given:
            theirs[name] = "" if name == "name" else None
    if before_gone.get("birthday") and not before_kept.get("birthday") and kept["birthday"] == before_gone["birthday"]:
        theirs |= {"birthday": None, "birthday_lunar": False, "birthday_mmdd": None}
    own, lent = before_kept.get("profile") or {}, before_gone.get("profile") or {}
    profile = {name: value for name, value in (kept["profile"] or {}).items() if name in own or lent.get(name) != value}
    theirs["profile"] = profile or None
    theirs |= {name: max(0, kept[name] - before_gone.get(name, 0)) for name in _SUMMED}
    back: dict[str, Any] = {"merged_into": None, **strictest(gone, kept)}
    if "member_name" in theirs:
        back["member_name"] = before_gone["member_name"]
    if kept["kind"] != "customer":
        back["kind"] = kept["kind"]  # somebody became staff meanwhile: neither is an audience
    return theirs, back


def _chosen(one: Entry, other: Entry, names: tuple[str, str], which: Any) -> dict[str, Any]:
    """Both columns of the entry whose first column is the chosen one; nothing when neither has any."""
    having = [entry for entry in (one, other) if entry[names[0]]]
    if not having:
        return {}
    best = which(having, key=lambda entry: entry[names[0]])
    return {name: best[name] for name in names}
