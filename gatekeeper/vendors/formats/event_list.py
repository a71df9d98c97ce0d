"""Events in a list inside a JSON object: the conversion APIs of ad vendors. Pure.

Rows of the table begin with `event.` inside an event and with `query.` in the query; everything else stands beside the
list. Consent flags are never passed on as they came: `flags` writes them into the event that was built again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from gatekeeper.model import Call, Outgoing
from gatekeeper.vendors.dialect import FLAG, SECRET, Element, Kept, Leaf, Native, Unreadable
from gatekeeper.vendors.formats import contents, credentials, json_body, pairs, tree
from gatekeeper.vendors.formats.format import Format, Rest
from gatekeeper.vendors.formats.parts import Given, given
from gatekeeper.vendors.formats.table import Table
from gatekeeper.vendors.formats.usual import no_flags, nothing, unchanged
from gatekeeper.vendors.kind import Destination, Shaping

_TOKEN: Final = (credentials.authorization("Bearer|OAuth", r"[\x20-\x7e]{1,4096}"),)  # a signature has spaces in it


@dataclass(frozen=True, slots=True)
class EventList:
    """The events of a list.

    `ways` lead to the list, the first that is there counts; `alone`: the object itself may be the one event. `flags`
    writes the consent flags of an event; `signals` gives what they say as `signals.flags` reads it. `products` are the
    vendor's keys of a product, `texts` the numbers that the vendor wants as text. `query_token` puts the policy's token
    into the query, not into a header. `headers` are the vendor's own (lower case) that are passed on: how each is
    written, and what it may be. `read_event` and `write_event` do what a table cannot say.
    """

    ways: tuple[tuple[str, ...], ...]
    flags: Callable[[dict[str, Any], Given, Shaping], None] = nothing
    signals: Callable[[Given], Mapping[str, object]] = no_flags
    products: Mapping[str, str] = field(default_factory=lambda: contents.META)
    texts: frozenset[str] = frozenset()
    alone: bool = False
    query_token: bool = False
    headers: Mapping[bytes, tuple[str, re.Pattern[str]]] = field(default_factory=dict)
    read_event: Callable[[Sequence[Leaf], Table], Sequence[Leaf]] = unchanged
    write_event: Callable[[Sequence[Leaf]], Sequence[Leaf]] = unchanged

    def read(self, call: Call, to: Destination, body: bytes, vendor: Format) -> Native:
        """Each event is an element; query, secret and what stands beside the list are shared."""
        way, rows, beside = self._rows(json_body.read_object(body))
        shared = (
            *pairs.beside(call.query, vendor.table, "query"),
            *tree.flatten(beside, vendor.table, "", ("body",)),
            *credentials.read_valid(call, _TOKEN),
        )
        stamp = json_body.stamp(shared)
        events = tuple([self._element(row, stamp, vendor) for row in rows])
        return Native(call, events, shared, vendor.route.account(call.path), {"way": way})

    def _rows(self, data: dict[str, Any]) -> tuple[tuple[str, ...] | None, list[dict[str, Any]], dict[str, Any]]:
        """The way to the list (`None`: the object is the event), its events, and what stands beside it."""
        for way in self.ways:
            node: Any = data
            for step in way:
                node = node.get(step) if isinstance(node, dict) else None
            if node is not None:
                return way, json_body.objects(node, ".".join(way)), _without(data, way)
        if self.alone:
            return None, [data], {}
        raise Unreadable("there is no list of events")

    def _element(self, row: dict[str, Any], stamp: str | None, vendor: Format) -> Element:
        leaves = self.read_event(tuple(tree.flatten(row, vendor.table, "event")), vendor.table)
        leaves = contents.each(leaves, lambda rows: contents.read(rows, self.products))
        return vendor.naming.event(leaves, stamp, self.signals(given(leaves)))

    def write(self, rest: Rest, vendor: Format) -> Outgoing:
        """The same object, every event in it built again."""
        events = [self._event(one, vendor) for one in rest.sent]
        way = rest.native.frame["way"]
        data: dict[str, Any] = tree.below(rest.shared, "body", vendor.table)
        if way is None:
            (data,) = events
        else:
            node = data
            for step in way[:-1]:
                node = node.setdefault(step, {})
            node[way[-1]] = events
        query = pairs.rows(rest.shared, "query")
        headers = [("Content-Type", "application/json"), *self._headers(rest.native.call)]
        token = rest.to.secrets.get("access_token")
        if token is not None and not any(leaf.role == SECRET for leaf in rest.native.shared):
            if self.query_token:
                query.append(("access_token", token.value))
            else:
                headers.append(("Authorization", f"Bearer {token.value}"))
        url = vendor.route.url(rest.to, rest.native.call.path, pairs.write_pairs(query))
        return Outgoing("POST", url, tuple(headers), orjson.dumps(data))

    def _event(self, one: Kept, vendor: Format) -> dict[str, Any]:
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
            leaves.append(leaf)
        event: dict[str, Any] = tree.rebuild(self.write_event(leaves), vendor.table)
        self.flags(event, given(one.leaves), one.shaping)
        return event

    def _headers(self, call: Call) -> list[tuple[str, str]]:
        headers: dict[str, str] = {}
        for name, value in call.headers:
            title, pattern = self.headers.get(name, ("", None))
            if pattern is not None and pattern.fullmatch(value.decode("latin-1")):
                headers.setdefault(title, value.decode("latin-1"))
        return list(headers.items())


def _without(data: dict[str, Any], way: tuple[str, ...]) -> dict[str, Any]:
    rest = {key: value for key, value in data.items() if key != way[0]}
    return rest if len(way) == 1 else {**rest, way[0]: _without(data[way[0]], way[1:])}
