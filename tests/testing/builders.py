"""Requests for the simulators' tests: valid ones, and valid ones with one thing changed."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from gatekeeper.testing import Problem, Received

NOW = 1_795_168_860.0  # 2026-11-20T10:01:00Z, a minute after the events of the vectors
DAY = 86_400
HASH = hashlib.sha256(b"jane.doe@example.com").hexdigest()
GONE = "{gone}"  # as the new value of a field: take it away

HERE = Path(__file__).parent
VECTORS = HERE.parent / "vectors"


def received(
    target: str,
    body: object = b"",
    *,
    method: str = "POST",
    headers: Iterable[tuple[str, str]] = (),
    at: float = NOW,
) -> Received:
    """A request as a simulator would have read it; a body that is no bytes is sent as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Received.read(method, target, tuple(headers), content, b"", at)


def changed(body: dict, **changes: object) -> dict:
    """A copy of `body` with the fields at these paths replaced; `events__0__name` is `events[0].name`."""
    result = copy.deepcopy(body)
    for path, value in changes.items():
        *steps, last = (int(step) if step.isdigit() else step for step in path.split("__"))
        holder = result
        for step in steps:
            holder = holder[step]
        if value == GONE:
            del holder[last]
        else:
            holder[last] = value
    return result


def summary(problems: Iterable[Problem]) -> list[tuple[str, str, str]]:
    """Severity, path and rule of each problem."""
    return [(problem.severity, problem.path, problem.rule) for problem in problems]


def vectors(name: str) -> list[dict]:
    """A file of test vectors."""
    return json.loads((VECTORS / name).read_text(encoding="utf-8"))


def repeated(value: object) -> object:
    """The value with every `{"{repeat}": [value, n]}` as a list, or a text, of the same n times."""
    if isinstance(value, dict) and value.keys() == {"{repeat}"}:
        one, count = value["{repeat}"]
        return one * count if isinstance(one, str) else [one] * count
    if isinstance(value, dict):
        return {name: repeated(inner) for name, inner in value.items()}
    return [repeated(inner) for inner in value] if isinstance(value, list) else value
