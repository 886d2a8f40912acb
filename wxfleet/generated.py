"""What is written from something else and committed all the same: `python -m wxfleet.generated` brings it up to date.

The configuration reference comes from the models; the templates of `init --stage matrix` are the files of this
repository itself.
"""

from pathlib import Path

from wxfleet.reading.reference import reference

ROOT = Path(__file__).parent.parent
"""The checkout; this module is of no use in an installed package."""
TEMPLATES = Path("wxfleet/templates/matrix")
_COPIED = (
    "config.yaml",
    "ladder.yaml",
    "care.yaml",
    "products.yaml",
    "personas/*.yaml",
    "moments/*",
    "pushes/*.yaml",
    "campaigns/*.yaml",
    "segments/*",
    "lessons/*.yaml",
    "ponds/*.yaml",
    "media/*",
)


def generated() -> dict[Path, bytes]:
    """Every generated file by its path in the checkout, with what should stand in it."""
    sources = [path for pattern in _COPIED for path in sorted(ROOT.glob(pattern)) if path.is_file()]
    copies = {TEMPLATES / path.relative_to(ROOT): path.read_bytes() for path in sources}
    return {Path("docs/configuration.md"): reference().encode(), **copies}


def outdated() -> list[Path]:
    """Which generated files are missing, differ, or have lost what they were made from."""
    wanted = generated()
    different = [
        path for path, content in wanted.items() if not (ROOT / path).is_file() or (ROOT / path).read_bytes() != content
    ]
    there = (path.relative_to(ROOT) for path in (ROOT / TEMPLATES).rglob("*") if path.is_file())
    return sorted([*different, *(path for path in there if path not in wanted)])


def renew() -> list[Path]:
    """Bring all of them up to date; returns which changed."""
    wanted = generated()
    changed = outdated()
    for path in changed:
        if path in wanted:
            (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / path).write_bytes(wanted[path])
        else:
            (ROOT / path).unlink()
    return changed


if __name__ == "__main__":
    renew()
