"""The ladder (升级制度): who stands where, who moved, and which discounts the shop's own back office must carry."""

from collections import Counter

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from customers.standing.ladder import Ladder, Level, current
from reports.purchase_rows import whole, within
from reports.report import Asked, Report, Row
from storage.customer_tables import LevelMove
from storage.tables import Person
from texts.catalogue import say

_COLUMNS = ("level", "level_name", "people", "net_fen", "came_up", "went_up", "came_down", "went_down", "discount")


async def ladder(connection: AsyncConnection, asked: Asked) -> Report:
    """People as they stand now, and the moves of the period."""
    rungs = await current(connection)
    standing = await _standing(connection)
    moves = await _moves(connection, asked)
    rows = [_row(rung.id, rung, standing, _of(rung.id, rungs, moves)) for rung in rungs.levels]
    former = sorted((standing.keys() | {level for move in moves for level in move}) - set(rungs.ids))
    rows += [_row(level, None, standing, _of(level, rungs, moves)) for level in former]
    totals: Row = {
        "people": sum(people for people, _ in standing.values()),
        "net_fen": sum(fen for _, fen in standing.values()),
        "moves_up": sum(count for move, count in moves.items() if _is_up(move, rungs)),
        "moves_down": sum(count for move, count in moves.items() if not _is_up(move, rungs)),
    }
    return Report("ladder", asked.period, _COLUMNS, rows, totals, _reminder(rungs))


async def _standing(connection: AsyncConnection) -> dict[str, tuple[int, int]]:
    """Level → people and their net amount."""
    found = await connection.execute(
        select(Person.level, func.count().label("people"), whole(Person.net_paid_fen).label("net_fen"))
        .where(Person.kind == "customer", Person.merged_into.is_(None))
        .group_by(Person.level)
    )
    return {row.level: (row.people, row.net_fen) for row in found}


async def _moves(connection: AsyncConnection, asked: Asked) -> Counter[tuple[str, str]]:
    """(From, to) → how often in the period."""
    found = await connection.execute(
        select(LevelMove.before, LevelMove.after, func.count().label("times"))
        .where(within(asked.period, LevelMove.at_ms), LevelMove.before != LevelMove.after)
        .group_by(LevelMove.before, LevelMove.after)
    )
    return Counter({(row.before, row.after): row.times for row in found})


def _is_up(move: tuple[str, str], rungs: Ladder) -> bool:
    """A level that the ladder no longer has counts as below all others."""
    before, after = (rungs.ids.index(level) if level in rungs.ids else -1 for level in move)
    return after > before


def _of(level: str, rungs: Ladder, moves: Counter[tuple[str, str]]) -> Row:
    """How often somebody came to this level or left it, and in which direction."""
    counted: Counter[str] = Counter()
    for move, times in moves.items():
        way = "up" if _is_up(move, rungs) else "down"
        counted[f"went_{way}"] += times * (move[0] == level)
        counted[f"came_{way}"] += times * (move[1] == level)
    return {name: counted[name] for name in ("came_up", "went_up", "came_down", "went_down")}


def _row(level: str, rung: Level | None, standing: dict[str, tuple[int, int]], moved: Row) -> Row:
    people, net_fen = standing.get(level, (0, 0))
    return {
        "level": level,
        "level_name": rung.name or level if rung else say("reports.ladder.former"),
        "people": people,
        "net_fen": net_fen,
        **moved,
        "discount": float(rung.discount) if rung else None,
    }


def _reminder(rungs: Ladder) -> list[str]:
    """The program can't give discounts: the shop's back office does."""
    told = [
        say("reports.ladder.rung", name=rung.name or rung.id, discount=rung.discount)
        for rung in rungs.levels
        if rung.discount != 1
    ]
    return [say("reports.ladder.reminder", levels=say("texts.comma").join(told))] if told else []
