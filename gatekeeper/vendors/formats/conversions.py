"""Conversion APIs of ad vendors: a list of events in a JSON object. Pure.

A vendor is a `Conversions`: a table, a path that names the account, where the list stands, how personal values are
hashed, what an event needs, and what becomes of its consent flags. Rows of the table begin with `event.` inside an
event and with `query.` in the query; everything else stands beside the list. Consent flags are never passed on as they
are: `flags` writes them into the event that was built anew.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from gatekeeper.fields.accept import unix_time
from gatekeeper.model import Answer, Call, Outcome, Outgoing, Personal
from gatekeeper.vendors.dialect import FLAG, SECRET, Element, Kept, Leaf, Native, Unreadable, origin
from gatekeeper.vendors.formats import answers, contents, json_body, names, pairs, tree
from gatekeeper.vendors.formats.replies import Reply
from gatekeeper.vendors.formats.table import Table
from gatekeeper.vendors.kind import Destination, Shaping

_TOKEN: Final = re.compile(r"(?:Bearer|OAuth) [\x20-\x7e]{1,4096}", re.IGNORECASE)

Given = Mapping[str, object]


def unchanged(leaves: Sequence[Leaf], table: Table) -> Sequence[Leaf]:
    """For vendors whose leaves are what the table says."""
    return leaves


def as_they_are(leaf: Leaf) -> Sequence[Leaf]:
    """For values that are written as they are."""
    return (leaf,)


def no_flags(event: dict[str, Any], given: Given, shaping: Shaping) -> None:
    """For vendors without a consent flag: denied means not sent."""


@dataclass(frozen=True, slots=True)
class Conversions:
    """One vendor's conversion API.

    `batches` are the ways to the list of events, the first that is there counts; `alone`: the object itself may be the
    one event. `needs` must all be left, `any_of` in one of its groups. `query_token`: the policy's token goes into the
    query, else into the header. `headers` are the vendor's own (lower case) that are passed on: title, and what one is.
    `texts` are numbers that the vendor wants as text. `signals` takes the consent flags of an event, and gives what
    they say as `signals.flags` reads it.
    """

    KIND: str
    NAME: str
    ACCOUNT: str | None
    table: Table
    paths: re.Pattern[str]
    at: str
    batches: tuple[tuple[str, ...], ...]
    named: tuple[str, ...]
    needs: tuple[str, ...]
    any_of: tuple[tuple[str, ...], ...]
    hashes: Callable[[str, Personal], str | None]
    taken: Callable[[Native], Answer]
    reply: Reply
    alone: bool = False
    query_token: bool = False
    default: str = "conversion"
    canonical: Mapping[str, str] = field(default_factory=dict)
    products: Mapping[str, str] = field(default_factory=lambda: contents.META)
    texts: frozenset[str] = frozenset()
    headers: Mapping[bytes, tuple[str, re.Pattern[str]]] = field(default_factory=dict)
    read: Callable[[Sequence[Leaf], Table], Sequence[Leaf]] = unchanged
    write: Callable[[Leaf], Sequence[Leaf]] = as_they_are
    flags: Callable[[dict[str, Any], Given, Shaping], None] = no_flags
    signals: Callable[[Given], Mapping[str, object]] = field(default=lambda given: {})

    def matches(self, method: str, path: str) -> bool:
        """POST to the vendor's own paths."""
        return method == "POST" and self.paths.fullmatch(path) is not None

    def decode(self, call: Call, to: Destination, body: bytes) -> Native:
        """Each event is an element; query, secret and what stands beside the list are shared."""
        data = json_body.read_object(body)
        way, rows, beside = self._rows(data)
        query = pairs.read_pairs(call.query)
        shared = (
            *(self.table.leaf(f"query.{name}", value, ("query", n, name)) for n, (name, value) in enumerate(query)),
            *tree.flatten(beside, self.table, "", ("body",)),
            *_authorization(call),
        )
        match = self.paths.fullmatch(call.path)
        account = match.groupdict().get("account") if match else None
        stamp = json_body.stamp(shared)
        return Native(call, tuple(self._element(row, stamp) for row in rows), shared, account, {"way": way})

    def _rows(self, data: dict[str, Any]) -> tuple[tuple[str, ...] | None, list[dict[str, Any]], dict[str, Any]]:
        """The way to the list (`None`: the object is the event), its events, and what stands beside it."""
        for way in self.batches:
            node: Any = data
            for step in way:
                node = node.get(step) if isinstance(node, dict) else None
            if node is not None:
                if not isinstance(node, list) or any(not isinstance(one, dict) for one in node):
                    raise Unreadable("the events are not a list of objects")
                if len(node) > json_body.MAX_ELEMENTS:
                    raise Unreadable("there are too many events")
                return way, node, _without(data, way)
        if self.alone:
            return None, [data], {}
        raise Unreadable("there is no list of events")

    def _element(self, row: dict[str, Any], stamp: str | None) -> Element:
        leaves = [
            leaf.but(value=contents.read(leaf.value, self.products)) if leaf.role == "items" else leaf
            for leaf in self.read(tuple(tree.flatten(row, self.table, "event")), self.table)
        ]
        name = next((text for one in self.named if (text := json_body.text(leaves, one)) is not None), None)
        moment = next((leaf.value for leaf in leaves if leaf.role == "event_time"), None)
        return Element(
            self.canonical.get(name or "") or names.canonical(name, self.default),
            tuple(leaves),
            id=next((str(leaf.value) for leaf in leaves if leaf.role == "event_id"), None),
            time=_seconds(moment),
            stamp=json_body.stamp(leaves) or stamp,
            flags=self.signals(_given(leaves)),
        )

    def personal(self, field: str, value: Personal) -> str | None:
        """By the vendor's own rules."""
        return self.hashes(field, value)

    def minimum(self, leaves: Sequence[Leaf], shaping: Shaping) -> str | None:
        """What the vendor needs to take an event, and to match it to anybody."""
        left = {leaf.name for leaf in leaves}
        missing = [name for name in self.needs if name not in left]
        if missing:
            return f"{', '.join(missing)} missing"
        if not any(left.issuperset(group) for group in self.any_of):
            return "nothing is left to match it by"
        return None

    def encode(self, native: Native, shared: Sequence[Leaf], kept: Sequence[Kept | None]) -> Outgoing:
        """The same object, every event in it built anew."""
        to = next(one for one in kept if one is not None).shaping.to
        events = [self._event(one) for one in kept if one is not None]
        way = native.frame["way"]
        data: dict[str, Any] = tree.rebuild(
            leaf.but(path=leaf.path[1:]) for leaf in shared if leaf.path[:1] == ("body",)
        )
        if way is None:
            (data,) = events
        else:
            node = data
            for step in way[:-1]:
                node = node.setdefault(step, {})
            node[way[-1]] = events
        query = [(str(leaf.path[2]), leaf.value) for leaf in shared if leaf.path[:1] == ("query",)]
        headers = [("Content-Type", "application/json"), *self._headers(native.call)]
        token = to.secrets.get("access_token")
        if token is not None and not any(leaf.role == SECRET for leaf in native.shared):
            if self.query_token:
                query.append(("access_token", token.value))
            else:
                headers.append(("Authorization", f"Bearer {token.value}"))
        address = f"{origin(to, self.at)}{native.call.path}"
        url = f"{address}?{pairs.write_pairs(query)}" if query else address
        return Outgoing("POST", url, tuple(headers), orjson.dumps(data))

    def _event(self, one: Kept) -> dict[str, Any]:
        leaves: list[Leaf] = []
        for leaf in one.leaves:
            if leaf.role == FLAG:
                continue
            if leaf.role == "items":
                bare = leaf.name.endswith(("content_ids", "itemIds"))
                rows = contents.write(leaf.value, self.products, text=bool(self.texts))
                leaf = leaf.but(value=contents.ids(leaf.value) if bare else rows)
            elif leaf.name in self.texts:
                leaf = leaf.but(value=pairs.text(leaf.value))
            leaves += self.write(leaf)
        event: dict[str, Any] = tree.rebuild(leaves)
        self.flags(event, _given(one.leaves), one.shaping)
        return event

    def _headers(self, call: Call) -> list[tuple[str, str]]:
        found: dict[str, str] = {}
        for name, value in call.headers:
            title, pattern = self.headers.get(name, ("", None))
            if pattern is not None and pattern.fullmatch(value.decode("latin-1")):
                found.setdefault(title, value.decode("latin-1"))
        return list(found.items())

    def read_answer(self, answer: Answer, count: int) -> tuple[Outcome, ...]:
        """By the status alone."""
        return answers.by_status(answer, count)

    def accepted(self, native: Native) -> Answer:
        """The vendor's own success."""
        return self.taken(native)

    def relayed(self, answer: Answer, native: Native, kept: Sequence[Kept | None]) -> Answer:
        """The vendor's answer in the caller's numbering."""
        return self.reply.relayed(answer, kept)


def _without(data: dict[str, Any], way: tuple[str, ...]) -> dict[str, Any]:
    rest = {key: value for key, value in data.items() if key != way[0]}
    return rest if len(way) == 1 else {**rest, way[0]: _without(data[way[0]], way[1:])}


def _given(leaves: Sequence[Leaf]) -> Given:
    """The consent flags of an event, by their last name; of several the last."""
    return {leaf.name.rpartition(".")[2]: leaf.value for leaf in leaves if leaf.role == FLAG}


def _authorization(call: Call) -> tuple[Leaf, ...]:
    found = [value.decode("latin-1") for name, value in call.headers if name == b"authorization"]
    if len(found) != 1 or not _TOKEN.fullmatch(found[0]):
        return ()
    return (Leaf("header:Authorization", SECRET, found[0], ("header", "Authorization")),)


def _seconds(moment: object) -> float | None:
    """Unix seconds from seconds, milliseconds or ISO 8601."""
    if isinstance(moment, str) and moment.isascii() and moment.isdigit() and len(moment) <= 16:
        moment = int(moment)
    if isinstance(moment, (int, float)) and not isinstance(moment, bool) and moment > 1e11:
        moment = moment / 1_000
    return unix_time(moment)
