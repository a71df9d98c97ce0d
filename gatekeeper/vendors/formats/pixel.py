"""Pixels: one event in the parameters of a request, by GET or in a POSTed form. Pure.

A vendor is a `Pixel`: a table, paths, which parameter names the account and which the event, what is needed, and what
becomes of its consent flags. Parameters in the query and in the body are those of one event, and go out where they
stood. Consent flags are written anew by `flags`, never passed on as they are.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from gatekeeper.model import Answer, Call, Outcome, Outgoing, Personal
from gatekeeper.vendors.dialect import FLAG, Element, Kept, Leaf, Native, Unreadable, origin
from gatekeeper.vendors.formats import answers, form, json_body, names, pairs
from gatekeeper.vendors.formats.table import Table
from gatekeeper.vendors.kind import Destination, Shaping

GIF: Final = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
_QUERY: Final = "query"

Flags = Mapping[str, str]


def gif(native: Native) -> Answer:
    """The transparent pixel; nothing for a beacon's POST."""
    if native.call.method != "GET":
        return Answer(200)
    return Answer(200, (("Content-Type", "image/gif"),), GIF)


def as_it_stands(leaf: Leaf, table: Table) -> Iterable[Leaf]:
    """For parameters that are plain values."""
    return (leaf,)


def as_pairs(leaves: Sequence[Leaf]) -> list[tuple[str, object]]:
    """The pairs of leaves that are plain values."""
    return [(str(leaf.path[2]), leaf.value) for leaf in leaves]


@dataclass(frozen=True, slots=True)
class Pixel:
    """One vendor's pixel.

    `account` and `named` are parameters; `needs` must all be left, `any_of` in one of its groups. `read` makes leaves
    of a parameter that holds more than one value, `write` makes pairs of those that are left at one place. `flags`
    takes the consent flags as they came, and gives those to send. `signals` takes them too, and gives what they say as
    `signals.flags` reads it.
    """

    KIND: str
    NAME: str
    ACCOUNT: str | None
    table: Table
    paths: re.Pattern[str]
    at: str
    account: str
    named: str
    needs: tuple[str, ...]
    hashes: Callable[[str, Personal], str | None]
    flags: Callable[[Flags, Shaping], Iterable[tuple[str, str]]]
    any_of: tuple[tuple[str, ...], ...] = ()
    canonical: Mapping[str, str] = field(default_factory=dict)
    read: Callable[[Leaf, Table], Iterable[Leaf]] = as_it_stands
    write: Callable[[Sequence[Leaf]], list[tuple[str, object]]] = as_pairs
    signals: Callable[[Flags], Mapping[str, object]] = field(default=lambda given: {})
    taken: Callable[[Native], Answer] = gif

    def matches(self, method: str, path: str) -> bool:
        """GET or POST to the vendor's own path."""
        return method in ("GET", "POST") and self.paths.fullmatch(path) is not None

    def decode(self, call: Call, to: Destination, body: bytes) -> Native:
        """One element with all parameters. Raises Unreadable if they name two accounts."""
        coat, posted = form.read(body, form.content_type(call)) if body else (_QUERY, [])
        plain = (
            *form.leaves(pairs.read_pairs(call.query), self.table, _QUERY),
            *form.leaves(posted, self.table, coat),
        )
        accounts = {str(leaf.value) for leaf in plain if leaf.name == self.account}
        if len(accounts) > 1:
            raise Unreadable("it is for two accounts")
        leaves = tuple(inner for leaf in plain for inner in self.read(leaf, self.table))
        name = json_body.text(leaves, self.named)
        element = Element(
            self.canonical.get(name or "") or names.canonical(name),
            leaves,
            id=next((str(leaf.value) for leaf in leaves if leaf.role == "event_id"), None),
            stamp=json_body.stamp(leaves),
            flags=self.signals({leaf.name: str(leaf.value) for leaf in leaves if leaf.role == FLAG}),
        )
        return Native(call, (element,), (), next(iter(accounts), None), {"coat": coat})

    def personal(self, field: str, value: Personal) -> str | None:
        """By the vendor's own rules."""
        return self.hashes(field, value)

    def minimum(self, leaves: Sequence[Leaf], shaping: Shaping) -> str | None:
        """The account, the event's name, and whatever the vendor wants besides."""
        left = {leaf.name for leaf in leaves}
        missing = [name for name in (self.account, self.named, *self.needs) if name not in left]
        if missing:
            return f"{', '.join(missing)} missing"
        if self.any_of and not any(left.issuperset(group) for group in self.any_of):
            return "nothing is left to match it by"
        return None

    def encode(self, native: Native, shared: Sequence[Leaf], kept: Sequence[Kept | None]) -> Outgoing:
        """The same parameters in the same places; consent flags last, in the query."""
        (one,) = (one for one in kept if one is not None)
        coat = native.frame["coat"]
        leaves = [leaf for leaf in one.leaves if leaf.role != FLAG]
        given = {leaf.name: str(leaf.value) for leaf in one.leaves if leaf.role == FLAG}
        query = self.write([leaf for leaf in leaves if leaf.path[0] == _QUERY])
        query += self.flags(given, one.shaping)
        headers: tuple[tuple[str, str], ...] = ()
        body = b""
        if coat != _QUERY:
            kind, body = form.write(coat, self.write([leaf for leaf in leaves if leaf.path[0] == coat]))
            headers = (("Content-Type", kind),)
        address = f"{origin(one.shaping.to, self.at)}{native.call.path}"
        return Outgoing(
            native.call.method, f"{address}?{pairs.write_pairs(query)}" if query else address, headers, body
        )

    def read_answer(self, answer: Answer, count: int) -> tuple[Outcome, ...]:
        """By the status alone."""
        return answers.by_status(answer, count)

    def accepted(self, native: Native) -> Answer:
        """What the page expects."""
        return self.taken(native)

    def relayed(self, answer: Answer, native: Native, kept: Sequence[Kept | None]) -> Answer:
        """Success as ever (cookies and redirects to other hosts are left out), else the status."""
        return self.taken(native) if 200 <= answer.status < 400 else Answer(answer.status)
