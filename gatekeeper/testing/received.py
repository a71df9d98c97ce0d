"""What arrived at a simulator, and what its vendor would object to. Frozen data, no I/O.

Every byte that came over the wire is kept in `raw`; `body` is what the headers framed, `json` and
`events` are readings of it. The reprs show no header, query, path or body: a failing test prints them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal
from urllib.parse import parse_qs, unquote

import orjson

from gatekeeper.vendors.dialect import Unreadable
from gatekeeper.vendors.formats import coding

MAX_DECODED = 100 * 1024 * 1024  # bytes; Sentry's limit for a decompressed envelope, the largest of any vendor

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing the vendor objects to; never holds a value that was sent.

    `path` is where in the request (`events[0].params.value`, `header:Authorization`, `query:api_secret`;
    empty for the request as a whole), `rule` what is wrong in a few words, `source` the vendor's page or code
    that says so. An `error` makes the vendor refuse or ignore data; a `warning` is advice, or data that it
    takes but cannot use.
    """

    path: str
    rule: str
    source: str
    severity: Severity = "error"

    def __str__(self) -> str:
        """The problem as one line of a report."""
        return f"{self.severity}: {self.path or 'request'}: {self.rule} ({self.source})"


@dataclass(frozen=True, slots=True)
class Received:
    """One request as a simulator read it from the socket.

    `target` is the raw request target, `path` its percent-decoded path, `query` its decoded parameters.
    `headers` keep order, case and duplicates. `at` is the simulators' clock in Unix seconds.
    A request that broke off, or is not HTTP, is kept too: its problems say so and its `events` are empty.
    """

    method: str
    target: str = field(repr=False)
    path: str = field(repr=False)
    query: dict[str, list[str]] = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(repr=False)
    raw: bytes = field(repr=False)
    at: float
    events: tuple[dict[str, object], ...] = field(default=(), repr=False)
    problems: tuple[Problem, ...] = ()

    @classmethod
    def read(
        cls,
        method: str,
        target: str,
        headers: tuple[tuple[str, str], ...],
        body: bytes,
        raw: bytes,
        at: float,
    ) -> Received:
        """Build one from the parts of an HTTP request; `target` is split into path and query."""
        path, _, query = target.partition("?")
        parameters = parse_qs(query, keep_blank_values=True, errors="replace")
        return cls(method, target, unquote(path), parameters, headers, body, raw, at)

    def judged(self, events: tuple[dict[str, object], ...], problems: tuple[Problem, ...]) -> Received:
        """The same request with what its vendor reads in it and objects to."""
        return replace(self, events=events, problems=problems)

    def header(self, name: str) -> str | None:
        """The first header of that name in any case, or None."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)

    @property
    def content_type(self) -> str:
        """The media type in lower case without its parameters; empty if there is none."""
        return (self.header("content-type") or "").partition(";")[0].strip().lower()

    @property
    def decoded(self) -> bytes | None:
        """The body without its Content-Encoding (gzip, deflate, br, zstd), or None where that cannot be undone."""
        try:
            return coding.decode(self.body, self.header("content-encoding") or "", MAX_DECODED)
        except Unreadable:
            return None

    @property
    def json(self) -> object:
        """The decoded body as JSON, or None where it is not JSON."""
        try:
            return orjson.loads(self.decoded or b"")
        except orjson.JSONDecodeError:
            return None

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems of severity `error`: what a vendor would refuse. Warnings left out."""
        return tuple(problem for problem in self.problems if problem.severity == "error")
