"""Reports on narrow screens: every cell stands whole on one line."""

from rich.cells import cell_len
from rich.console import Console

from texts.catalogue import speak
from wxfleet.terminal.wide_table import fitting

HEADERS = ["号", "满 30 天的新买家", "付款额", "哪天满"]
ROWS = [["lin-1", "179", "162,133.50", "2026-12-20"], ["ahua-1", "1,024", "8.00", "—"]]


def _screen(width: int) -> str:
    speak("zh")
    console = Console(width=width, record=True, file=None, force_terminal=False)
    with console.capture() as taken:
        made = fitting(HEADERS, ROWS, [False, True, True, True], width)
        console.print(made, soft_wrap=isinstance(made, str))
    return taken.get()


def test_no_number_is_broken_however_narrow_the_screen_is() -> None:
    for width in range(4, 90):
        text = _screen(width)
        for cell in (cell for row in ROWS for cell in row[1:]):
            assert cell in text, (width, cell)


def test_a_table_becomes_narrower_then_turns_then_is_told_row_by_row() -> None:
    wide, folded, turned, told = (_screen(width) for width in (60, 40, 36, 20))
    assert "满 30 天的新买家" in wide.splitlines()[0] and max(map(cell_len, wide.splitlines())) <= 60
    assert "满 30 天的新买家" not in folded and folded.count("lin-1") == 1 and "—" in folded.splitlines()[-1]
    assert turned.splitlines()[0].split() == ["号", "lin-1", "ahua-1"] and "付款额" in turned.splitlines()[2]
    assert told.splitlines()[0] == "lin-1：满 30 天的新买家 179 · 付款额 162,133.50 · 哪天满 2026-12-20"
