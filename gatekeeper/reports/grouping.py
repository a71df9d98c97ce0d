"""Lines that are decided alike. Pure. A line in, a key out: lines of one key have one decision under the same policies.

It holds what decisions are made from, and of the time only what is asked of it: how signals, event and decision
follow one another, which grants have expired, how old the event is to the second, and which laws are in force.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from math import ceil
from typing import Any, Final

import orjson

from gatekeeper.jurisdiction.laws import LawTable

_NOT_ASKED: Final = frozenset({"given_at", "at", "evidence", "overruled"})
_TIMES: Final = frozenset({"at", "ms", "event_time"})


def key(
    record: Mapping[str, Any], at: float, ages: Sequence[float | None], tables: Sequence[LawTable], then: str
) -> bytes:
    """The key of a decision line that was decided `at` by the policy `then`.

    `ages` are how long a grant lasts by the policies that are compared, `tables` their laws.
    """
    given = record["inputs"]
    event_time = given.get("event_time", at)
    signals = record["signals"]
    moments = [None if (told := _at(one)) is None else min(told, at) for one in signals]
    order = sorted({moment for moment in moments if moment is not None})
    times = [
        None if moment is None else [order.index(moment), moment <= event_time, *_expired(at - moment, ages)]
        for moment in moments
    ]
    words = [{name: value for name, value in one.items() if name not in _NOT_ASKED} for one in signals]
    inputs = {name: value for name, value in given.items() if name not in _TIMES}
    whole = [
        then, record["event_type"], record["jurisdiction"], record["deliveries"], inputs, words, times,
        ceil(at - event_time), [_end(table.next_change(at)) for table in tables],
    ]  # fmt: skip
    return hashlib.blake2b(orjson.dumps(whole), digest_size=20).digest()


def _expired(age: float, ages: Sequence[float | None]) -> list[bool]:
    return [most is not None and age > most for most in ages]


def _at(signal: Mapping[str, Any]) -> float | None:
    at = signal.get("at")
    if at is not None:
        return float(at)
    given = signal["given_at"]
    return None if given is None else _seconds(given)


@lru_cache(maxsize=4096)
def _seconds(timestamp: str) -> float:
    return float(int(datetime.fromisoformat(timestamp).timestamp()))


def _end(at: float) -> str:
    return str(at)
