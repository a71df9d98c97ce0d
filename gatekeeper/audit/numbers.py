"""Numbers of the log, over time, by destination and by field. A `query.Filter` in; no person is in what comes out.

They come from what is counted beside the columns (`counted.py`); only the ends of a span are counted from rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from gatekeeper.audit import columns, counted
from gatekeeper.audit.query import Filter
from gatekeeper.errors import ConfigError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

STEPS: Final = ("hour", "day", "week", "month")
_STATUS: Final = "status = '{}'"


@dataclass(frozen=True, slots=True)
class Period:
    """One step of time: how many events there were, how many of them consented, and what became of their deliveries."""

    begins: str
    events: int
    analytics: int
    marketing: int
    gpc: int
    delivered: int
    failed: int
    pending: int
    blocked: dict[str, int]  # by reason


@dataclass(frozen=True, slots=True)
class Statistics:
    """Numbers over time and by destination; no person is in them."""

    by: str
    periods: tuple[Period, ...]
    destinations: dict[str, dict[str, int]]  # destination -> status -> count


@columns.asked_again
def statistics(folder: Path, which: Filter, *, by: str = "day", others: Sequence[Path] = ()) -> Statistics:
    """What happened, by `hour`, `day`, `week` or `month`. Raises ConfigError for another step."""
    if by not in STEPS:
        raise ConfigError(f'--by: "{by}" is not a step; use one of {", ".join(STEPS)}')
    with columns.connect(folder, others) as connection:
        source, values = _counted(connection, which)
        connection.execute(f"CREATE TEMP TABLE chosen AS SELECT * FROM {source}", values)
        numbers = connection.execute(
            f"SELECT date_trunc('{by}', begins) AS step, {_sum('once')}, {_sum('once AND analytics')}, "
            f"{_sum('once AND marketing')}, {_sum('once AND gpc')}, {_sum(_STATUS.format('delivered'))}, "
            f"{_sum(_STATUS.format('failed'))}, {_sum(_STATUS.format('pending'))} "
            "FROM chosen GROUP BY step ORDER BY step"
        ).fetchall()
        blocked = connection.execute(
            f"SELECT date_trunc('{by}', begins), reason, {_sum('true')} FROM chosen "
            "WHERE status = 'blocked' GROUP BY ALL HAVING sum(many) > 0 ORDER BY 3 DESC"
        ).fetchall()
        destinations = connection.execute(
            f"SELECT destination, status, {_sum('true')} FROM chosen "
            "WHERE destination IS NOT NULL GROUP BY ALL HAVING sum(many) > 0 ORDER BY 1, 2"
        ).fetchall()
    reasons: dict[Any, dict[str, int]] = {}
    for begins, reason, count in blocked:
        reasons.setdefault(begins, {})[reason or "unknown"] = count
    periods = tuple(
        Period(_day(begins, by), events, analytics, marketing, gpc, delivered, failed, pending, reasons.get(begins, {}))
        for begins, events, analytics, marketing, gpc, delivered, failed, pending in numbers
    )
    return Statistics(by, periods, _nested(destinations))


class Permitted(NamedTuple):
    """One step of time: how many events there were, and what their visitors permitted."""

    begins: str
    events: int
    analytics: int
    marketing: int
    gpc: int


@columns.asked_again
def permissions(folder: Path, which: Filter, *, by: str) -> list[Permitted]:
    """What visitors permitted, by `STEPS`: of `statistics` the part that needs one look at few columns."""
    with columns.connect(folder) as connection:
        source, values = _counted(connection, which)
        found = connection.execute(
            f"SELECT date_trunc('{by}', begins), {_sum('true')}, {_sum('analytics')}, {_sum('marketing')}, "
            f"{_sum('gpc')} FROM {source} WHERE once GROUP BY 1 HAVING sum(many) > 0 ORDER BY 1",
            values,
        ).fetchall()
    return [Permitted(_day(begins, by), *numbers) for begins, *numbers in found]


@dataclass(frozen=True, slots=True)
class Fields:
    """What became of one destination's deliveries, field by field; no person is in it."""

    deliveries: int
    sent: dict[str, int]
    stripped: dict[str, int]
    endings: dict[tuple[str, str | None], int]  # status and reason


@columns.asked_again
def fields(folder: Path, which: Filter, *, others: Sequence[Path] = ()) -> Fields:
    """How often each field was sent and stripped, and how deliveries ended, of the rows that fit."""
    with columns.connect(folder, others) as connection:
        source, values = _counted(connection, which)
        connection.execute(
            f"CREATE TEMP TABLE chosen AS SELECT sent, stripped, status, reason, {_sum('true')} AS many FROM {source} "
            "WHERE destination IS NOT NULL GROUP BY ALL HAVING sum(many) > 0",
            values,
        )
        each = "SELECT unnest({}) AS one, sum(many)::BIGINT FROM chosen GROUP BY one"
        found = [dict(connection.execute(each.format(name)).fetchall()) for name in ("sent", "stripped")]
        ended = connection.execute("SELECT status, reason, sum(many)::BIGINT FROM chosen GROUP BY ALL").fetchall()
    endings = {(status, reason): many for status, reason, many in ended}
    return Fields(sum(endings.values()), found[0], found[1], endings)


def _counted(connection: DuckDBPyConnection, which: Filter) -> tuple[str, list[Any]]:
    """A table of what a filter asks for, as `counts` has it: whole quarters from there, and of the log the rest."""
    if not which.countable:
        condition, values = which.where(connection)
        return f"({counted.count(f'(SELECT * FROM log WHERE {condition})')})", values
    condition, values = replace(which, since=None, until=None).where(connection)
    source = f"SELECT * FROM counts WHERE {condition} AND {counted.whole(which.since, which.until)}"
    rest = counted.edges(which.since, which.until)
    if rest == "false":
        return f"({source})", values
    ends, more = which.where(connection)
    log = counted.count(f"(SELECT * FROM log WHERE {ends} AND {rest})")
    return f"({source} UNION ALL BY NAME {log})", values + more


def _sum(condition: str) -> str:
    return f"coalesce(sum(many) FILTER ({condition}), 0)::BIGINT"


def _day(at: datetime, by: str) -> str:
    return at.strftime("%Y-%m-%d %H:00" if by == "hour" else "%Y-%m-%d")


def _nested(found: Iterable[tuple[str, str, int]]) -> dict[str, dict[str, int]]:
    out: dict[str, dict[str, int]] = {}
    for destination, status, count in found:
        out.setdefault(destination, {})[status] = count
    return out
