"""Which destination a URL belongs to. A policy compiled into a table by host; one look-up for all other hosts.

A function of the policy and the URL; what it remembers of hosts is bounded and goes with the policy.

First the endpoints that the policy itself names (scheme, host, port and path), then the known tracking hosts of the
kinds it has. A known tracking host of no kind in the policy has no candidates: it is unlisted. Hosts and paths are
compared by what they mean (`spelling.py`), whatever their spelling.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from gatekeeper.model import Answer, Call
from gatekeeper.policy import Policy
from gatekeeper.signals import header_values
from gatekeeper.vendors import find
from gatekeeper.vendors.dialect import Dialect
from gatekeeper.vendors.formats import coding
from gatekeeper.vendors.hosts import KNOWN, Host, known, names
from gatekeeper.vendors.kind import Destination
from gatekeeper.vendors.spelling import plain_host, plain_path, readings

PORTS = {"http": 80, "https": 443}
_MOST = 1_024  # hosts whose rules are remembered
_LONGEST = 253  # letters of a host's name (RFC 1035)

Dialects = Mapping[str, tuple[Dialect, ...]]
"""Formats of calls by kind, as `Policy.dialects` has them."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Calls that are for one of `candidates`. `base`: the part of the path that is the endpoint's."""

    host: str
    candidates: tuple[Destination, ...]
    scheme: str | None = None
    port: int | None = None
    base: str = ""
    whole: bool = False  # `base` is all of the path: an address of the operator's own, next to others
    row: Host | None = field(default=None, repr=False)
    dialects: Dialects = field(default_factory=dict, repr=False)

    def takes(self, scheme: str, port: int | None, path: str) -> bool:
        """Whether a URL on this host is meant."""
        if self.row is not None:
            return self.row.takes(path)
        if self.scheme != scheme or self.port != (port or PORTS.get(scheme)):
            return False
        if not self.base:
            return True
        base = self.base.lower()
        found = readings(path) or (plain_path(path).lower(),)  # one that cannot be read is the operator's own affair
        return any(one == base if self.whole else f"{one}/".startswith(f"{base}/") for one in found)

    def rest(self, path: str) -> str:
        """The part of a path that is the vendor's own; `/` where the endpoint's part is spelled in another way."""
        path = plain_path(path)
        return (path[len(self.base) :] or "/") if path.startswith(self.base) else "/"

    def pick(self, call: Call, limit: int) -> Destination | None:
        """The candidate whose account the call is for; where that cannot be told, the first."""
        if len(self.candidates) > 1 and (body := _body(call, limit)) is not None:
            for to in self.candidates:
                if _is_for(to, call, body, self.dialects):
                    return to
        return self.candidates[0] if self.candidates else None

    @property
    def answer(self) -> Answer:
        """What the SDK expects, as far as it is known without reading the call."""
        return Answer(204) if self.row is None else self.row.answer


class Routes:
    """All rules of one policy, by host."""

    def __init__(self, policy: Policy | None) -> None:
        self._rules: dict[str, tuple[Rule, ...]] = {}
        destinations = () if policy is None else tuple(policy.destinations.values())
        dialects: Dialects = {} if policy is None else policy.dialects
        allowed = frozenset[str]() if policy is None else frozenset(policy.file.outbound.allow)
        for name, rows in KNOWN.items():
            self._rules[name] = tuple(
                Rule(
                    name,
                    tuple(to for to in destinations if row.kind == (to.settings.get("speaks") or to.kind.name)),
                    row=row,
                    dialects=dialects,
                )
                for row in rows
            )
        self._allowed = allowed
        self._hosts: dict[str, tuple[tuple[Rule, ...], bool]] = {}  # what `_look` said, by the host as it was written
        named = () if policy is None else (policy.file.audit.anchor, policy.file.server.app_upstream)
        self._named = {plain_host(urlsplit(url).hostname or "") for url in named if url is not None and "//" in url}
        self._own: dict[str, tuple[Rule, ...]] = {}
        for rule in _endpoints(destinations, dialects):
            self._own[rule.host] = (*self._own.get(rule.host, ()), rule)

    def find(self, scheme: str, host: str, port: int | None, path: str) -> Rule | None:
        """The rule of a URL; `None`: not ours."""
        for rule in self._at(host)[0]:
            if rule.takes(scheme, port, path):
                return rule
        return None

    def lists(self, host: str) -> bool:
        """Whether a host is in any table: a known one, or one that the policy names or allows."""
        return self._at(host)[1]

    def _at(self, host: str) -> tuple[tuple[Rule, ...], bool]:
        """The rules of a host, those of the policy's endpoints first, and whether it is in any table."""
        found = self._hosts.get(host)  # fast: 0.2 µs instead of 5; `self._look(plain_host(host))`
        if found is None:
            found = self._look(plain_host(host))
            if len(self._hosts) >= _MOST:
                self._hosts.clear()
            if len(host) <= _LONGEST:
                self._hosts[host] = found
        return found

    def _look(self, host: str) -> tuple[tuple[Rule, ...], bool]:
        own = self._own.get(host, ())
        if host in self._allowed:
            return own, True
        known_as = [name for name in names(host) if name in self._rules]
        rules = self._rules[known_as[0]] if known_as else ()
        listed = bool(own or known_as) or host in self._named or any(name in self._allowed for name in names(host))
        return (*own, *rules), listed


def _endpoints(destinations: Iterable[Destination], dialects: Dialects) -> list[Rule]:
    """A rule per endpoint the policy names; longer paths first. Vendors' own hosts are in hosts.toml already."""
    found: dict[tuple[str, str, int | None, str, bool], tuple[Destination, ...]] = {}
    for to in destinations:
        parts = urlsplit(to.endpoint)
        host = plain_host(parts.hostname or "")
        if not host or known(host):
            continue
        key = (parts.scheme, host, parts.port or PORTS[parts.scheme], parts.path.rstrip("/"))
        whole = not _speaks(to, dialects) and bool(key[3])
        found[*key, whole] = (*found.get((*key, whole), ()), to)
    rules = [
        Rule(host, candidates, scheme, port, base, whole, dialects=dialects)
        for (scheme, host, port, base, whole), candidates in found.items()
    ]
    return sorted(rules, key=lambda rule: -len(rule.base))


def _speaks(to: Destination, dialects: Dialects) -> bool:
    """Whether a destination takes calls in a vendor's protocol, on paths below its endpoint."""
    return to.kind.name in dialects and to.settings.get("speaks", "its own") is not None


def _body(call: Call, limit: int) -> bytes | None:
    """A call's body as it was before it was coded; `None` for one that cannot be read, which `plan_call` blocks."""
    coded = header_values(call.headers, b"content-encoding")
    try:
        return coding.decode(call.body, coded[-1].decode("latin-1") if coded else "", limit)
    except Exception:  # noqa: BLE001  # in whatever way it is broken
        return None


def _is_for(to: Destination, call: Call, body: bytes, dialects: Dialects) -> bool:
    try:
        dialect = find(to, call.method, call.path, dialects)
        if dialect is None or dialect.ACCOUNT is None:
            return False
        return dialect.decode(call, to, body).account == str(to.settings.get(dialect.ACCOUNT))
    except Exception:  # noqa: BLE001  # not readable, or a format from outside that fails: `plan_call` blocks it
        return False
