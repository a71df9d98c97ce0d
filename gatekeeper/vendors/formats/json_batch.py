"""One event, a list of them, or a list inside an object, in whatever SDKs wrap around JSON: analytics products. Pure.

What stands beside the list holds for all of it. `json_form` knows the coats; where the pairs of a query or form are an
event themselves, they are read as one object. All go to the policy's own endpoint.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gatekeeper.fields.strict import MAX_KEYS
from gatekeeper.model import Call, Outgoing, Personal
from gatekeeper.vendors.dialect import SECRET, Element, Kept, Leaf, Native, Unreadable
from gatekeeper.vendors.formats import credentials, json_body, json_form, pairs, tree
from gatekeeper.vendors.formats.format import Format, Rest
from gatekeeper.vendors.formats.json_form import Coat
from gatekeeper.vendors.formats.usual import no_flags, nothing, unchanged
from gatekeeper.vendors.kind import Destination

_LINES: Final = ("application/x-ndjson", "application/jsonl")
_TYPES: Final = ("application/json", "text/plain", "application/x-www-form-urlencoded")


def came_hashed(field: str, value: Personal) -> str | None:
    """The operator's own analytics takes a hash that came as one, and nothing else."""
    return value.value if value.hashed else None


def an_object(event: Any) -> dict[str, Any] | None:
    """For vendors whose events are plain objects; `None` for anything else."""
    return event if isinstance(event, dict) else None


@dataclass(frozen=True, slots=True)
class Consents:
    """What an event says of consent: `read` for `signals.flags`, `restrict` makes it stricter in what goes out."""

    read: Callable[[Sequence[Leaf], Mapping[str, Any]], Mapping[str, Any]] = no_flags
    restrict: Callable[[Any, bool], None] = nothing  # (event, whether marketing is granted)
    leaves: Callable[[Sequence[Leaf]], Sequence[Leaf]] = unchanged  # makes flags of what the table cannot say


@dataclass(frozen=True, slots=True)
class Folding:
    """An event that hides JSON or pairs in text. `unfold` makes an object of it, `fold` writes it again.

    `fold` gets an event that is the whole body, or one of a list.
    """

    unfold: Callable[[Any], dict[str, Any] | None] = an_object
    fold: Callable[[dict[str, Any], bool], object] = unchanged


@dataclass(frozen=True, slots=True)
class JsonBatch:
    """The events of an analytics SDK's request.

    `key` is that of the list of events. `lists` says whether a bare list is a body, `alone` whether the pairs of a
    query or form are an event, `lines` are paths that take one event per line. `place_key` puts the policy's `api_key`
    into a body that came without one, `basic` says whether it may come as HTTP Basic authentication. `read_event` and
    `write_event` do what a table cannot say.
    """

    key: str = ""
    lists: bool = False
    alone: bool = False
    basic: bool = False
    place_key: Callable[[Any, str], None] = nothing
    lines: re.Pattern[str] | None = None
    read_event: Callable[[Sequence[Leaf], Call], Sequence[Leaf]] = unchanged
    write_event: Callable[[Sequence[Leaf]], Sequence[Leaf]] = unchanged
    headers: tuple[tuple[str, str], ...] = ()  # what every request says
    consents: Consents = Consents()
    folding: Folding = Folding()

    def read(self, call: Call, to: Destination, body: bytes, vendor: Format) -> Native:
        """One element per event; query, form, key and what stands beside the list are shared."""
        lines = self.lines is not None and self.lines.fullmatch(call.path) is not None
        data, coat = json_form.unwrap(call, body, alone=self.alone, lines=lines)
        but = frozenset({"data"} if coat.place else ())
        shared = list(credentials.read_valid(call, (credentials.BASIC,)) if self.basic else ())
        if coat.kind != "pairs":
            shared += pairs.beside(call.query, vendor.table, "query", but=but)
        if coat.kind in ("form", "base64") and coat.place == "form":
            shared += pairs.beside(coat.text, vendor.table, "form", but=but)
        key, events, beside = self._events(data)
        shared += self.consents.leaves([*tree.flatten(beside, vendor.table, "", ("body",))])
        stamp, flags = json_body.stamp(shared), self.consents.read(shared, beside)
        elements = tuple([self._element(event, stamp, flags, call, vendor) for event in events])
        return Native(call, elements, tuple(shared), None, {"coat": coat, "key": key})

    def _events(self, data: Any) -> tuple[str | None, list[dict[str, Any]], dict[str, Any]]:
        """The key of the events ("": a bare list, `None`: there is one), the events, and what is beside them."""
        key: str | None = None
        beside: dict[str, Any] = {}
        rows = [data]
        if isinstance(data, dict) and self.key and self.key in data:
            beside = {name: value for name, value in data.items() if name != self.key}
            key, rows = self.key, data[self.key]
        elif isinstance(data, list) and self.lists:
            key, rows = "", data
        if not isinstance(rows, list):
            raise Unreadable("the events are not a list")
        if len(rows) > json_body.MAX_ELEMENTS:
            raise Unreadable("there are too many events")
        events = [event for event in map(self.folding.unfold, rows) if event is not None]
        if len(events) != len(rows):
            raise Unreadable("an event is not an object")
        return key, events, beside

    def _element(
        self, data: dict[str, Any], stamp: str | None, flags: Mapping[str, Any], call: Call, vendor: Format
    ) -> Element:
        """One event; stamp and flags are those beside the list, where it has none of its own."""
        leaves = self.consents.leaves(self.read_event(tree.flatten(data, vendor.table, "", ("event",)), call))
        if len(leaves) > MAX_KEYS:
            raise Unreadable("an event has too many keys")
        return vendor.naming.event(leaves, stamp, {**flags, **self.consents.read(leaves, data)})

    def write(self, rest: Rest, vendor: Format) -> Outgoing:
        """The same request, in the same coat."""
        coat: Coat = rest.native.frame["coat"]
        data = self._data(rest.native, rest.shared, rest.sent, rest.to, vendor)
        query = pairs.rows(rest.shared, "query")
        body = b""
        if coat.kind == "pairs":
            query, body = (
                ([], json_form.form(data.items()).encode()) if coat.place == "form" else ([*data.items()], b"")
            )
        else:
            body, pair = json_form.wrap(data, coat)
            if pair is not None and coat.place == "form":
                body = json_form.form([*pairs.rows(rest.shared, "form"), pair]).encode()
            elif pair is not None:
                query.append(pair)
        came = {str(leaf.path[1]).lower() for leaf in rest.native.shared if leaf.path[:1] == ("header",)}
        headers = [("Content-Type", _content_type(rest.native.call, coat))] if body else []
        headers += [pair for pair in (*self.headers, *rest.to.headers) if pair[0].lower() not in came]
        url = vendor.route.url(rest.to, rest.native.call.path, json_form.form(query))
        return Outgoing(rest.native.call.method, url, tuple(headers), body)

    def _data(
        self, native: Native, shared: Sequence[Leaf], sent: Sequence[Kept], to: Destination, vendor: Format
    ) -> Any:
        """The JSON body, or the pairs, of what is left."""
        key: str | None = native.frame["key"]
        events = []
        for one in sent:
            event = tree.rebuild(self.write_event(one.leaves), vendor.table).get("event", {})
            self.consents.restrict(event, one.shaping.marketing_granted)
            events.append(self.folding.fold(event, key is None))
        data = events[0] if key is None else events
        if key:
            beside = tree.below(shared, "body", vendor.table)
            self.consents.restrict(beside, all(one.shaping.marketing_granted for one in sent))
            data = {**beside, key: events}
        secret = to.secrets.get("api_key")
        leaves = (*native.shared, *(leaf for one in sent for leaf in one.leaves))
        if secret is not None and not any(leaf.role == SECRET for leaf in leaves):
            self.place_key(data, secret.value)
        return data


def _content_type(call: Call, coat: Coat) -> str:
    """The caller's, if it is one of those that SDKs send; parameters are left out."""
    if coat.kind in ("form", "base64", "pairs"):
        return _TYPES[2]
    came = [
        value.decode("latin-1").partition(";")[0].strip().lower() for n, value in call.headers if n == b"content-type"
    ]
    known = (*_TYPES[:2], *_LINES) if coat.kind == "lines" else _TYPES[:2]
    return came[0] if came and came[0] in known else (_LINES if coat.kind == "lines" else _TYPES)[coat.kind == "gzip"]
