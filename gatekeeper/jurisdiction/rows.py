"""Rows of the law table. Pure. Parsed TOML in, frozen `Row`s out, or every fault in one ConfigError.

The same reader serves `laws.toml` and the policy's `[jurisdiction.laws.<id>]`, so both fail with the same
sentences: the key, the value, and what would be right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from enum import StrEnum
from math import inf
from typing import get_args

from gatekeeper.errors import ConfigError
from gatekeeper.jurisdiction.codes import COUNTRIES
from gatekeeper.model import ConsentModel, Law, Restriction, Sale, SignalDuty
from gatekeeper.model.law import Accountability, Days, Minimization

STRICTEST = "strictest"
REQUIRED = ("name", "places", "analytics", "marketing", "opt_out_signal", "source", "reviewed")


@dataclass(frozen=True, slots=True)
class Row:
    """One law in one period, the places it holds in, and what differs between them.

    `places` are `"FR"`, `"US-CA"` or `"CA-?"` (the country, subdivision unknown); only `strictest` has `"*"`.
    `start` and `end` are Unix seconds, infinite where the period is open.
    """

    law: Law
    places: tuple[str, ...]
    child_ages: Mapping[str, int] = field(default_factory=dict)
    exemptions: Mapping[str, str] = field(default_factory=dict)
    start: float = -inf
    end: float = inf

    def at(self, place: str) -> Law:
        """The law as it stands in one of its places."""
        return replace(
            self.law,
            child_age=self.child_ages.get(place, self.law.child_age),
            exemption=self.exemptions.get(place, self.law.exemption),
        )


def read_rows(raw: Sequence[Mapping[str, object]], regions: Mapping[str, frozenset[str]]) -> tuple[Row, ...]:
    """The rows of `laws.toml`. Raises ConfigError with one sentence per fault."""
    problems: list[str] = []
    rows = []
    for number, table in enumerate(raw, 1):
        key = f"law {number} ({table.get('id', 'no id')})"
        row = read_row(key, table, regions, problems)
        if row is not None:
            rows.append(row)
    if problems:
        raise ConfigError(*problems)
    return tuple(rows)


def read_row(
    key: str, table: Mapping[str, object], regions: Mapping[str, frozenset[str]], problems: list[str]
) -> Row | None:
    """One row; what is wrong with it is appended to `problems`, one sentence each."""
    known = len(problems)
    values: dict[str, object] = {}
    for name, value in table.items():
        check = _CHECKS.get(name)
        if check is None:
            problems.append(f"{key}.{name}: there is no such field; the fields are {', '.join(_CHECKS)}")
            continue
        try:
            values[name] = check(value)
        except ValueError as fault:
            problems.append(f"{key}.{name}: {value!r} is not {fault}")
    problems += [f"{key}: the field {name!r} is missing" for name in ("id", *REQUIRED) if name not in table]
    if len(problems) > known:
        return None
    places = _tuple(values.pop("places"))
    problems += place_problems(f"{key}.places", places, regions, wildcard=table["id"] == STRICTEST)
    for name in ("child_ages", "exemptions"):
        table_of = values.get(name, {})
        strangers = set(table_of if isinstance(table_of, dict) else ()) - set(places)
        problems += [f"{key}.{name}: {s} is not among the places of this law" for s in sorted(strangers)]
    start, end = values.get("effective"), values.get("until")
    if start is not None and end is not None and str(start) >= str(end):
        problems.append(f"{key}.until: {end} is not after effective = {start}")
    if len(problems) > known:
        return None
    ages, exemptions = values.pop("child_ages", {}), values.pop("exemptions", {})
    return Row(
        law=Law(**values),  # type: ignore[arg-type]  # every value went through its field's check
        places=places,
        child_ages=ages if isinstance(ages, dict) else {},
        exemptions=exemptions if isinstance(exemptions, dict) else {},
        start=-inf if start is None else _seconds(str(start)),
        end=inf if end is None else _seconds(str(end)),
    )


def place_problems(
    key: str, places: Sequence[str], regions: Mapping[str, frozenset[str]], *, wildcard: bool = False
) -> list[str]:
    """What is wrong with place names such as `"FR"` or `"US-CA"`, one sentence each."""
    problems = []
    for place in places:
        country, _, region = place.partition("-")
        if wildcard and place == "*":
            continue
        if country not in COUNTRIES:
            problems.append(
                f'{key}: "{place}" is not a country; write ISO 3166-1 codes such as "FR", or "US-CA" for a subdivision'
            )
        elif region and country not in regions:
            problems.append(f'{key}: "{place}" names a subdivision; only those of {_some(regions)} are known')
        elif region and region != "?" and region not in regions[country]:
            problems.append(f'{key}: "{place}" is not a subdivision of {country}; they are {_some(regions[country])}')
    return problems


def _some(names: Mapping[str, object] | frozenset[str]) -> str:
    return ", ".join(sorted(names))


def _seconds(iso: str) -> float:
    return datetime.fromisoformat(iso).replace(tzinfo=UTC).timestamp()


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("a text")
    return value


def _free(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("a text")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _number(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError("a whole number from 0")
    return value


def _day(value: object) -> str:
    if isinstance(value, str):
        try:
            value = date.fromisoformat(value)
        except ValueError:
            value = None
    if not isinstance(value, date) or isinstance(value, datetime):
        raise ValueError("a date such as 2027-01-01")
    return value.isoformat()


def _tuple(value: object) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or not value or not all(isinstance(v, str) for v in value):
        raise ValueError("a list of texts")
    return tuple(value)


def _list(value: object) -> tuple[str, ...]:
    return () if value == [] else _tuple(value)


def _one_of(kind: type[StrEnum]) -> Callable[[object], StrEnum]:
    def check(value: object) -> StrEnum:
        if not isinstance(value, str) or value not in list(kind):
            raise ValueError(f"one of {', '.join(kind)}")
        return kind(value)

    return check


def _words(*allowed: str) -> Callable[[object], str]:
    def check(value: object) -> str:
        if not isinstance(value, str) or value not in allowed:
            raise ValueError(f"one of {', '.join(allowed)}")
        return value

    return check


def _map_of(check: Callable[[object], object]) -> Callable[[object], dict[str, object]]:
    def check_all(value: object) -> dict[str, object]:
        if not isinstance(value, Mapping):
            raise ValueError("a table from country to value")
        return {str(country): check(each) for country, each in value.items()}

    return check_all


_CHECKS: dict[str, Callable[[object], object]] = {
    "id": _text,
    "name": _text,
    "places": _tuple,
    "effective": _day,
    "until": _day,
    "analytics": _one_of(ConsentModel),
    "marketing": _one_of(ConsentModel),
    "opt_out_signal": _one_of(SignalDuty),
    "sale": _one_of(Sale),
    "sensitive": _one_of(Restriction),
    "child_age": _number,
    "child_ages": _map_of(_number),
    "minor_age": _number,
    "minor_rule": _one_of(Restriction),
    "delete_right": _flag,
    "delete_days": _number,
    "delete_unit": _words(*get_args(Days)),
    "delete_extension": _number,
    "confirm_days": _number,
    "appeal_days": _number,
    "records": _free,
    "minimization": _words(*filter(None, get_args(Minimization))),
    "accountability": _words(*filter(None, get_args(Accountability))),
    "exemption": _free,
    "exemptions": _map_of(_free),
    "citation": _free,
    "uncertain": _list,
    "note": _free,
    "source": _text,
    "reviewed": _day,
}
