"""A row of the ledger as columns, whatever the engine: what a choice is stored as, and what is read as one. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, Final

import orjson

from gatekeeper.model import OPTIONAL, Choice, Permission, Purpose, Word
from gatekeeper.model.choice import Counted, Kind, Method, Row, Scope, Subject, Surface

COLUMNS: Final = (
    "seq, id, at, analytics, marketing, method, surface, scope, trusted, notice, display, translated, laws, country, "
    "region, policy, gpc, conflict, evidence"
)
BINDS: Final = 2  # of `gpc`: seen under a law by which it is remembered; 1 is seen, 0 not
_WORDS: Final = {0: Permission.DENIED, 1: Permission.GRANTED}
_NUMBERS: Final = {None: None, Permission.DENIED: 0, Permission.GRANTED: 1}


def values_of(choice: Choice) -> dict[str, Any]:
    """A row's columns, but for its number, id and person."""
    return {
        "at": milliseconds(choice.at),
        "analytics": _NUMBERS[choice.says.get(Purpose.ANALYTICS)],
        "marketing": _NUMBERS[choice.says.get(Purpose.MARKETING)],
        "method": choice.method.value,
        "surface": choice.surface.value,
        "scope": choice.scope.value,
        "trusted": int(choice.trusted),
        "notice": choice.notice,
        "display": choice.display,
        "translated": int(choice.translated),
        "laws": " ".join(choice.laws),
        "country": choice.country,
        "region": choice.region,
        "policy": choice.policy,
        "gpc": BINDS if choice.gpc_binds else int(choice.gpc),
        "conflict": orjson.dumps({str(one): by for one, by in sorted(choice.conflicts.items())}).decode(),
        "evidence": None
        if choice.evidence is None
        else hashlib.sha256(f"{choice.receipt} {choice.evidence}".encode()).hexdigest(),
    }


def digest(receipt: str, values: dict[str, Any]) -> str:
    """SHA-256 of a row, in hexadecimal: of its columns as one JSON object, sorted by name, without its person."""
    return hashlib.sha256(orjson.dumps({"id": receipt, **values}, option=orjson.OPT_SORT_KEYS)).hexdigest()


def row_of(columns: Sequence[Any], evidence: str | None, names: Iterable[Sequence[str]]) -> Row:
    """A row of what was read as `COLUMNS`, its evidence, and pairs of kind and pseudonyms; of any engine."""
    seq, receipt = columns[:2]
    values = dict(zip(COLUMNS.split(", ")[2:], columns[2:], strict=True))
    choice = Choice(
        receipt=receipt,
        at=values["at"] / 1000,
        subjects=tuple(Subject(Kind(kind), tuple(those.split())) for kind, those in names),
        says={one: _WORDS[values[one.value]] for one in OPTIONAL if values[one.value] is not None},
        method=Method(values["method"]),
        surface=Surface(values["surface"]),
        scope=Scope(values["scope"]),
        trusted=bool(values["trusted"]),
        notice=values["notice"],
        display=values["display"],
        translated=bool(values["translated"]),
        laws=tuple(values["laws"].split()),
        country=values["country"],
        region=values["region"],
        policy=values["policy"],
        gpc=values["gpc"] > 0,
        gpc_binds=values["gpc"] == BINDS,
        conflicts={Purpose(one): source for one, source in orjson.loads(values["conflict"]).items()},
        evidence=evidence,
    )
    return Row(seq, digest(receipt, values), choice, values["evidence"])


COUNT: Final = """SELECT (at - {0}) / {1}, analytics, marketing, method, surface, version, country, region,
    CASE WHEN gpc > 0 THEN 1 ELSE 0 END, count(*) FROM choice LEFT JOIN notice ON notice.hash = choice.notice
    WHERE at >= {0} AND at < {2} GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9 ORDER BY 1"""


def counted_of(row: Sequence[Any], since: float, step: float) -> Counted:
    """Choices that were counted, of what was read by `COUNT`."""
    number, analytics, marketing, method, surface, version, country, region, gpc, many = row
    return Counted(
        since + number * step, _word(analytics), _word(marketing), Method(method), Surface(surface), version, country,
        region, bool(gpc), many,
    )  # fmt: skip


def _word(said: int | None) -> Permission | None:
    return None if said is None else _WORDS[said]


def word_of(said: int, at: int, receipt: str, notice: str | None, scope: str, method: str) -> Word:
    """A word of what was read of a row; of any engine."""
    return Word(_WORDS[said], at / 1000, receipt, notice, Scope(scope), Method(method))


def remembered(seen: int | None, granted: int | None) -> float | None:
    """When GPC was seen last, unless marketing was granted later, without it; Unix seconds. Of any engine."""
    return None if seen is None or (granted is not None and granted > seen) else seen / 1000


def column_of(kind: Kind) -> str:
    """The column that a kind of subject has in a row."""
    return "person" if kind is Kind.DEVICE else "account"


def milliseconds(at: float) -> int:
    """A time as rows hold it."""
    return round(at * 1000)
