"""What a vendor's file offers, and the parts that several of them are written with. Pure.

A vendor is a module with the four names of `Vendor`; the registry in `simulators.py` lists them. All are
total: whatever bytes arrive, they return, they never raise.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import Protocol, TypeGuard

import orjson

from gatekeeper.model import Answer
from gatekeeper.testing.received import Problem, Received, Severity

HTTP = "RFC 9110"
HASH = re.compile(r"[0-9a-f]{64}")
NOT_DOCUMENTED = "not a documented field"
NOT_A_HASH = "not a SHA-256 digest in 64 lower-case hex digits"
CURRENCY = re.compile(r"[A-Z]{3}")

Object = dict[str, object]

_PLAIN_KEY = re.compile(r"[A-Za-z_$][A-Za-z0-9_$-]{0,63}")


class Vendor(Protocol):
    """One vendor's protocol, as a test double needs it."""

    KIND: str
    """The destination kind, and the simulator's name."""

    def check(self, received: Received, /) -> tuple[Problem, ...]:
        """What the vendor documents that it objects to, in the order of the request."""
        ...

    def events(self, received: Received, /) -> tuple[Object, ...]:
        """The vendor's events in this request, decoded; empty where there are none to be read."""
        ...

    def answer(self, received: Received, problems: tuple[Problem, ...], /) -> Answer:
        """The vendor's own answer to a request with these problems."""
        ...


class Report:
    """Collects problems that share a source, below one path."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.problems: list[Problem] = []

    def error(self, path: str, rule: str, source: str | None = None) -> None:
        """Note what the vendor refuses."""
        self._add(path, rule, source, "error")

    def warn(self, path: str, rule: str, source: str | None = None) -> None:
        """Note what the vendor advises against."""
        self._add(path, rule, source, "warning")

    def _add(self, path: str, rule: str, source: str | None, severity: Severity) -> None:
        self.problems.append(Problem(path, rule, source or self.source, severity))

    def unknown_keys(
        self, value: Mapping[str, object], known: frozenset[str], path: str, severity: Severity = "error"
    ) -> None:
        """A problem for each key the vendor does not document."""
        for key in value:
            if key not in known:
                self._add(join(path, key), NOT_DOCUMENTED, None, severity)


def join(path: str, key: str) -> str:
    """`path.key`; a key that is no plain name is not shown, because data can be in the wrong place."""
    shown = key if _PLAIN_KEY.fullmatch(key) else "<key>"
    return f"{path}.{shown}" if path else shown


def objects(value: object, path: str) -> Iterator[tuple[str, Object]]:
    """The objects in a list, each with its path; what is not an object is skipped."""
    if isinstance(value, list):
        for index, element in enumerate(value):
            if isinstance(element, dict):
                yield f"{path}[{index}]", element


def texts(value: object, path: str) -> Iterator[tuple[str, object]]:
    """A string or a list of strings as the many vendors take either, each with its path."""
    if isinstance(value, list):
        yield from ((f"{path}[{index}]", element) for index, element in enumerate(value))
    else:
        yield path, value


def is_text(value: object) -> TypeGuard[str]:
    """A string with something in it."""
    return isinstance(value, str) and bool(value.strip())


def is_number(value: object) -> TypeGuard[int | float]:
    """A JSON number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_hash(value: object) -> bool:
    """A SHA-256 digest as 64 lower-case hex digits."""
    return isinstance(value, str) and HASH.fullmatch(value) is not None


def is_address(value: object) -> bool:
    """An IPv4 or IPv6 address in the clear."""
    try:
        ipaddress.ip_address(value if isinstance(value, str) else "")
    except ValueError:
        return False
    return True


def is_url(value: object) -> bool:
    """An http or https URL."""
    return isinstance(value, str) and re.match(r"https?://[^\s/?#]", value, re.IGNORECASE) is not None


def reply(status: int, value: object) -> Answer:
    """A JSON answer."""
    return Answer(status, (("Content-Type", "application/json; charset=utf-8"),), orjson.dumps(value))


def errors(problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """Those the vendor refuses for."""
    return tuple(problem for problem in problems if problem.severity == "error")


def json_events(received: Received) -> tuple[Object, ...]:
    """The events of a JSON body without an envelope of its own: `{"events": […]}`, a list, or one object."""
    body = received.json
    if isinstance(body, dict) and "events" in body:
        body = body["events"]
    return tuple(event for _, event in objects(body if isinstance(body, list) else [body], ""))


def check_posted_json(received: Received) -> tuple[Problem, ...]:
    """What every JSON endpoint asks for: POST, and a body that is JSON."""
    if received.method != "POST":
        return (Problem("method", "POST is needed", HTTP),)
    if received.json is None:
        return (Problem("body", "not JSON", HTTP),)
    return ()
