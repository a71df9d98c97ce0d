"""Any value of any vendor's request may be of another type: it is judged or unreadable, and no format fails on it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from gatekeeper.gate.calls import plan_call
from gatekeeper.model import Call, Caller
from tests.builders import NOW, own_cookie
from tests.corpus.digests import Bench, _destination
from tests.corpus.requests import SEEDS, Request
from tests.sizes import LONG

ODD = (["x"], {"x": 1}, None, 7, True, "x", "", [["x"]])[: None if LONG else 2]
GATE = Bench().gates["gdpr"]
WHO = Caller(headers=((b"cookie", own_cookie("analytics", "marketing", at=NOW - 100).encode()),))
JSON = [one for one in SEEDS if one["body"][:1] in ("{", "[")]


def steps(value: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to the value itself, and to each in it."""
    yield before
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in inside:
        yield from steps(inner, (*before, step))


def read(text: str) -> Any:
    """An object or a list; `None` for anything else."""
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, (dict, list)) else None


def put(value: Any, way: tuple[Any, ...], odd: object) -> Any:
    """The value with another one at the end of a way."""
    if not way:
        return odd
    rows = value.items() if isinstance(value, dict) else enumerate(value)
    made = [(step, put(inner, way[1:], odd) if step == way[0] else inner) for step, inner in rows]
    return dict(made) if isinstance(value, dict) else [inner for _, inner in made]


def changed(body: str) -> Iterator[str]:
    """The body with one value in one of its lines of another type; a Sentry item's length goes with it."""
    lines = [(line, read(line)) for line in ([body] if read(body) is not None else body.split("\n"))]
    for n, (_, value) in enumerate(lines):
        for way in steps(value) if value is not None else ():
            for odd in ODD:
                made = [line for line, _ in lines]
                made[n] = json.dumps(put(value, way, odd))
                head = lines[n - 1][1] if n else None
                if isinstance(head, dict) and "length" in head:
                    made[n - 1] = json.dumps(head | {"length": len(made[n])})
                yield "\n".join(made)


def failures(row: dict[str, Any]) -> list[str]:
    """The bodies on which the gate fails."""
    to = _destination(GATE, Request("gdpr", WHO, row["to"], row.get("account"), wide=True))
    headers = tuple([(name.encode("latin-1"), value.encode("latin-1")) for name, value in row["headers"]])
    bodies = list(changed(row["body"]))
    assert len(bodies) >= len(ODD)
    calls = [Call(row["method"], row["path"], row["query"], headers, body.encode()) for body in bodies]
    made = [plan_call(GATE, to, call, WHO) for call in calls]
    return [body for body, one in zip(bodies, made, strict=True) if one.reason == "internal_error"]


@pytest.mark.parametrize("row", JSON, ids=[f"{n}-{one['to']}{one['path']}" for n, one in enumerate(JSON)])
def test_no_value_makes_a_format_fail(row):
    """Of the corpus's requests in JSON, each value in turn."""
    assert failures(row) == []
