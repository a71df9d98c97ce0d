"""What the deletion interfaces of all vendors share: rules that each of them has, and jobs that are remembered."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs

from gatekeeper.model import Answer
from gatekeeper.testing.received import Received
from gatekeeper.testing.vendor import Report, is_text

UNKNOWN: Final = "unknown"
NEVER: Final = "never"


@dataclass(slots=True)
class Jobs:
    """What was asked of a port. `secret` is what an operator's own endpoint shares with who asks, if that is known."""

    secret: str | None = None
    asked: dict[str, dict[str, Any]] = field(default_factory=dict)  # a job's number -> what it is about
    looks: dict[str, int] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)

    def ended(self, number: str) -> bool:
        """Whether a job is done: at the second look, unless it never is."""
        self.looks[number] = self.looks.get(number, 0) + 1
        return self.looks[number] > 1 and NEVER not in str(self.asked.get(number))


Check = Callable[[Received, Report], None]
Reply = Callable[[Jobs, Received], Answer]
Routes = Mapping[str, tuple[Check, Reply]]
"""Method and path, as a regular expression -> the rules of a request, and the vendor's answer."""


def bearer(received: Received, report: Report) -> None:
    """A bearer token is there."""
    if not re.fullmatch(r"Bearer \S+", received.header("authorization") or ""):
        report.error("header:authorization", "a bearer token is needed")


def body_of(received: Received, report: Report, keys: frozenset[str]) -> dict[str, Any]:
    """The body as an object, with no key that the vendor does not have."""
    body = received.json
    if not isinstance(body, dict):
        report.error("body", "JSON is needed")
        return {}
    report.unknown_keys(body, keys, "")
    return body


def identified(value: object, path: str, report: Report, most: int) -> None:
    """A filter names a person, and not more than the vendor takes at once."""
    if not isinstance(value, list) or not value or not all(is_text(one) for one in value):
        report.error(path, "an empty filter: it would be everybody's")
    elif len(value) > most:
        report.error(path, f"more than {most}")


def object_of(received: Received) -> dict[str, Any]:
    """The body as an object."""
    found = received.json
    return found if isinstance(found, dict) else {}


def form_of(received: Received) -> dict[str, str]:
    """The body as a form."""
    return {key: values[0] for key, values in parse_qs((received.decoded or b"").decode("latin-1")).items()}
