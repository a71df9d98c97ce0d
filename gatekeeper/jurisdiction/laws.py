"""The law table. Pure. A place and a time in; the laws in force there, the strictest first, out.

    table = packaged()
    table.laws_for("US", "TX", at)   →   (Law(id="tdpsa", …), Law(id="us", …), Law(id="coppa", …))

Rows come from `laws.toml`, one per law and period, and from the policy's `[jurisdiction.laws]`. A country's
rows hold in all its subdivisions. A place that no row covers at that time has the strictest law there is.
Days begin at midnight UTC. Not legal advice: `docs/jurisdictions.md` has every row's source and review date.
"""

from __future__ import annotations

import hashlib
import tomllib
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from itertools import pairwise
from math import inf, isfinite

from gatekeeper.errors import ConfigError
from gatekeeper.jurisdiction.rows import REQUIRED, STRICTEST, Row, place_problems, read_rows
from gatekeeper.model import ConsentModel, Law, Restriction, SignalDuty

_DUTY = {SignalDuty.NOT_SPECIFIED: 0, SignalDuty.RECOMMENDED: 1, SignalDuty.REQUIRED: 2}
_MODEL = {ConsentModel.NONE: 0, ConsentModel.OPT_OUT: 1, ConsentModel.OPT_IN: 2}
_RESTRICTION = {Restriction.NONE: 0, Restriction.OPT_OUT: 1, Restriction.OPT_IN: 2, Restriction.BANNED: 3}

_UNIONS = 4096  # combinations that are remembered
Place = tuple[str | None, str | None]  # country and region


def strictness(law: Law) -> tuple[int, ...]:
    """How much a law asks, comparable between laws: consent first, then signals, sensitive data, minors."""
    return (
        _MODEL[law.analytics] + _MODEL[law.marketing],
        _MODEL[law.marketing],
        _DUTY[law.opt_out_signal],
        _RESTRICTION[law.sensitive],
        _RESTRICTION[law.minor_rule],
        law.minor_age or 0,
        law.child_age or 0,
    )


def merged(laws: Iterable[Law]) -> tuple[Law, ...]:
    """Laws in order, the strictest first, each id once (in its strictest form)."""
    ordered = sorted(laws, key=lambda law: (tuple(-rank for rank in strictness(law)), law.id))
    return tuple({law.id: law for law in reversed(ordered)}.values())[::-1]


class LawTable:
    """Every law in every period. Immutable; `replaced` gives another table."""

    def __init__(self, raw: Sequence[Mapping[str, object]], regions: Mapping[str, Sequence[str]]) -> None:
        """From the parsed rows and the subdivisions they may name. Raises ConfigError on a faulty row."""
        self.regions = {country: frozenset(names) for country, names in regions.items()}
        self._raw = tuple(raw)
        self.rows = read_rows(raw, self.regions)
        _check_periods(self.rows)
        strictest = [row.law for row in self.rows if row.law.id == STRICTEST]
        if len(strictest) != 1:
            raise ConfigError(f'laws: there must be one row with the id "{STRICTEST}", not {len(strictest)}')
        self._strictest = (strictest[0],)
        edges = {edge for row in self.rows for edge in (row.start, row.end) if isfinite(edge)}
        self._edges = sorted(edges)
        self._views: dict[int, dict[str, tuple[Law, ...]]] = {}
        self._unions: dict[tuple[object, ...], tuple[Law, ...]] = {}

    @property
    def strictest(self) -> Law:
        """The law of unknown places: opt-in for everything, opt-out signals required."""
        return self._strictest[0]

    def laws_for(self, country: str | None, region: str | None, at: float) -> tuple[Law, ...]:
        """The laws in force in a place at a time (Unix seconds), strictest first, never empty.

        `country` is ISO 3166-1 alpha-2 and `region` the part of ISO 3166-2 after the dash. A subdivision the
        table does not know counts as unknown, which is never laxer than any known one.
        """
        if country is None:
            return self._strictest
        view = self._view(at)
        found = view.get(f"{country}-{region}") if region is not None else None
        return found or view.get(country) or self._strictest

    def union(self, places: tuple[Place, ...], ids: tuple[str, ...], at: float) -> tuple[Law, ...]:
        """The laws of all these places and those with these ids, the strictest first, each once."""
        key = (places, ids, bisect_right(self._edges, at))
        laws = self._unions.get(key)
        if laws is None:
            found = [law for country, region in places for law in self.laws_for(country, region, at)]
            laws = merged([*found, *(self.law(law_id, at) for law_id in ids)])
            if len(self._unions) >= _UNIONS:
                self._unions.clear()
            self._unions[key] = laws
        return laws

    def next_change(self, at: float) -> float:
        """When a law next comes into force or ends, in Unix seconds; infinity if none does."""
        return next(iter(self._edges[bisect_right(self._edges, at) :]), inf)

    def on(self, at: float) -> Mapping[str, tuple[Law, ...]]:
        """Every place of the table at a time, with its laws: `"FR"`, `"US"` (state unknown), `"US-TX"` …"""
        return self._view(at)

    def law(self, law_id: str, at: float) -> Law:
        """A law by its id, as at a time; before its first day as on that day.

        An unknown id, and a law no longer in force, give the strictest law.
        """
        rows = [row for row in self.rows if row.law.id == law_id and at < row.end]
        return min(rows, key=lambda row: row.start).law if rows else self._strictest[0]

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all laws, in the order of the table."""
        return tuple(dict.fromkeys(row.law.id for row in self.rows))

    def check_ids(self, key: str, ids: Iterable[str]) -> None:
        """Raise ConfigError where the policy key `key` names a law that the table does not have."""
        unknown = [name for name in ids if name not in self.ids]
        problems = [f'{key}: "{name}" is not a law; {self._did_you_mean(name)}' for name in unknown]
        if problems:
            raise ConfigError(*problems)

    def check_places(self, key: str, places: Sequence[str]) -> None:
        """Raise ConfigError where the policy key `key` names a country or subdivision that there is not."""
        problems = place_problems(key, places, self.regions)
        if problems:
            raise ConfigError(*problems)

    def replaced(self, laws: Mapping[str, Mapping[str, object]], key: str = "jurisdiction.laws") -> LawTable:
        """The table with the policy's `[jurisdiction.laws.<id>]` in it.

        The fields that a table gives replace those of the law in all its periods; an id that is not in the
        table adds a law and needs `name, places, analytics, marketing, opt_out_signal, source, reviewed`.
        The strictest law cannot be replaced. Raises ConfigError with a sentence per fault.
        """
        problems, raw = [], [dict(row) for row in self._raw]
        for law_id, fields in laws.items():
            same = [row for row in raw if row["id"] == law_id]
            where = f"{key}.{law_id}"
            if law_id == STRICTEST:
                problems.append(f"{where}: the law of unknown places cannot be replaced; remove this table")
            elif not same and not set(REQUIRED) <= set(fields):
                missing = ", ".join(name for name in REQUIRED if name not in fields)
                problems.append(
                    f'{where}: "{law_id}" is not a law; {self._did_you_mean(law_id)} '
                    f"A law of your own needs {missing} too"
                )
            elif len(same) > 1 and {"effective", "until"} & set(fields):
                problems.append(
                    f"{where}: {law_id} has {len(same)} periods, so its dates cannot be replaced; "
                    "leave out effective and until"
                )
            elif "id" in fields:
                problems.append(f"{where}.id: the id stands in the table's name; remove this key")
            elif same:
                for row in same:
                    row.update(fields)
            else:
                raw.append({"id": law_id, **fields})
        if problems:
            raise ConfigError(*problems)
        try:
            return LawTable(raw, {country: sorted(names) for country, names in self.regions.items()})
        except ConfigError as fault:
            raise ConfigError(*(f"{key}: {problem}" for problem in fault.problems)) from None

    def _did_you_mean(self, name: str) -> str:
        close = get_close_matches(name.lower(), self.ids, n=1)
        return f'did you mean "{close[0]}"?' if close else "docs/jurisdictions.md lists the ids."

    def _view(self, at: float) -> dict[str, tuple[Law, ...]]:
        period = bisect_right(self._edges, at)
        view = self._views.get(period)
        if view is None:
            view = self._views[period] = self._compiled(at)
        return view

    def _compiled(self, at: float) -> dict[str, tuple[Law, ...]]:
        direct: dict[str, list[Law]] = {}
        for row in self.rows:
            if row.start <= at < row.end:
                for place in row.places:
                    direct.setdefault(place, []).append(row.at(place))
        view: dict[str, tuple[Law, ...]] = {}
        for country in {place.partition("-")[0] for place in direct} - {"*"}:
            everywhere = direct.get(country, [])
            view[country] = merged(everywhere + direct.get(f"{country}-?", []))
            for region in self.regions.get(country, ()):
                view[f"{country}-{region}"] = merged(everywhere + direct.get(f"{country}-{region}", []))
        return view


def _check_periods(rows: Sequence[Row]) -> None:
    by_id: dict[str, list[Row]] = {}
    for row in rows:
        by_id.setdefault(row.law.id, []).append(row)
    problems = []
    for law_id, periods in by_id.items():
        ordered = sorted(periods, key=lambda row: row.start)
        problems += [
            f"{law_id}: the period from {after.law.effective} overlaps the one before it"
            for before, after in pairwise(ordered)
            if after.start < before.end
        ]
    if problems:
        raise ConfigError(*problems)


@cache
def version() -> str:
    """Which table this is: the SHA-256 of its file."""
    return hashlib.sha256(files("gatekeeper.jurisdiction").joinpath("laws.toml").read_bytes()).hexdigest()


@cache
def packaged() -> LawTable:
    """The table that ships with Gatekeeper."""
    data = tomllib.loads(files("gatekeeper.jurisdiction").joinpath("laws.toml").read_text("utf-8"))
    return LawTable(data["law"], data["regions"])
