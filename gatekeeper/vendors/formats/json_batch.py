"""Analytics vendors whose requests are JSON: one event, a list of them, or a list inside an object. Pure.

A vendor is a `JsonBatch`: a table, paths, where the list stands, what an event needs, and the vendor's answers. What
stands beside the list holds for all of it. All go to the policy's own endpoint. `json_form` knows what SDKs wrap around
the JSON; where the pairs of a query or form are an event themselves, they are read as one object.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gatekeeper.fields.accept import unix_time
from gatekeeper.model import Answer, Call, Outcome, Outgoing, Personal
from gatekeeper.vendors.dialect import SECRET, UNKNOWN, Element, Kept, Leaf, Native, Unreadable
from gatekeeper.vendors.formats import answers, json_body, json_form, names, parameters, tree
from gatekeeper.vendors.formats.json_form import Coat
from gatekeeper.vendors.formats.short_answers import refused
from gatekeeper.vendors.formats.table import Table
from gatekeeper.vendors.kind import Destination, Shaping
from gatekeeper.wire import MAX_KEYS

_BASIC: Final = re.compile(r"Basic [A-Za-z0-9+/]{1,200}={0,2}", re.IGNORECASE)
_TYPES: Final = ("application/json", "text/plain", "application/x-www-form-urlencoded")


def no_flags(leaves: Sequence[Leaf], data: Mapping[str, Any]) -> Mapping[str, Any]:
    """For vendors whose events carry no consent."""
    return {}


def unchanged(leaves: Sequence[Leaf]) -> tuple[Leaf, ...]:
    """For vendors whose leaves are what the table says."""
    return tuple(leaves)


def first_of(*own: str) -> Callable[[Sequence[Leaf]], str | None]:
    """For vendors whose events have their name in one of these leaves."""

    def named(leaves: Sequence[Leaf]) -> str | None:
        return next((text for name in own if (text := json_body.text(leaves, name)) is not None), None)

    return named


def nothing_more(leaves: Sequence[Leaf]) -> str | None:
    """For vendors whose events need what `needs` says."""
    return None


def an_object(event: Any) -> dict[str, Any] | None:
    """For vendors whose events are plain objects; `None` for anything else."""
    return event if isinstance(event, dict) else None


def as_it_is(event: dict[str, Any], alone: bool) -> object:
    """For vendors whose events are plain objects."""
    return event


@dataclass(frozen=True, slots=True)
class JsonBatch:
    """One vendor. `needs`: of each group one name must be left; a name ending in a dot stands for all below it.

    `batch` is the key of the list of events; `lists` says whether a bare list is a body, `alone` whether the pairs of
    a query or form are an event. `named` finds the event's name, `default` is the name without one. `lacks` says what
    else is missing in what is left. `place_key` puts the policy's `api_key` into a body that came without any.
    `read_leaves` makes leaves of an element out of what the table cannot say. `unfold` makes an object of an event
    that hides JSON or pairs in text, `fold` writes it again (an event that is the whole body, or one of a list).
    """

    NAME: str
    table: Table
    paths: re.Pattern[str]
    taken: Callable[[Native], Answer]
    needs: tuple[tuple[str, ...], ...]
    named: Callable[[Sequence[Leaf]], str | None]
    batch: str = ""
    lists: bool = False
    alone: bool = False
    default: str = "unnamed"
    methods: frozenset[str] = frozenset({"POST"})
    lacks: Callable[[Sequence[Leaf]], str | None] = nothing_more
    dropped: re.Pattern[str] | None = None  # paths of which nothing is ever sent
    basic: bool = False  # whether the key may come as HTTP Basic authentication
    headers: tuple[tuple[str, str], ...] = ()  # what every request says
    place_key: Callable[[Any, str], None] | None = None
    unfold: Callable[[Any], dict[str, Any] | None] = an_object
    fold: Callable[[dict[str, Any], bool], object] = as_it_is
    flags: Callable[[Sequence[Leaf], Mapping[str, Any]], Mapping[str, Any]] = no_flags
    read_leaves: Callable[[Sequence[Leaf]], tuple[Leaf, ...]] = unchanged
    restrict: Callable[[Any, bool], None] | None = None  # (event, whether marketing is granted): makes flags stricter
    passed_on: Callable[[Answer, Native, Sequence[Kept | None]], Answer | None] | None = None
    KIND: str = "first_party"
    ACCOUNT: str | None = None

    def matches(self, method: str, path: str) -> bool:
        """By the vendor's own paths."""
        return method in self.methods and self.paths.fullmatch(path) is not None

    def decode(self, call: Call, to: Destination, body: bytes) -> Native:
        """One element per event; query, form, key and what stands beside the list are shared."""
        if self.dropped is not None and self.dropped.fullmatch(call.path):
            return Native(call, (Element("recording", (Leaf("recording", UNKNOWN, None),)),))
        data, coat = json_form.unwrap(call, body, alone=self.alone)
        but = frozenset({"data"} if coat.place else ())
        shared = list(self._basic(call))
        if coat.kind != "pairs":
            shared += parameters.read(call.query, self.table, "query", but=but)
        if coat.kind in ("form", "base64") and coat.place == "form":
            shared += parameters.read(coat.text, self.table, "form", but=but)
        key, events, beside = self._events(data)
        shared += self.read_leaves([*tree.flatten(beside, self.table, "", ("body",))])
        stamp, flags = json_body.stamp(shared), self.flags(shared, beside)
        elements = tuple(self._element(one, stamp, flags) for one in events)
        return Native(call, elements, tuple(shared), None, {"coat": coat, "key": key})

    def _events(self, data: Any) -> tuple[str | None, list[dict[str, Any]], dict[str, Any]]:
        """The key of the events ("": a bare list, `None`: there is one), the events, and what is beside them."""
        key: str | None = None
        beside: dict[str, Any] = {}
        rows = [data]
        if isinstance(data, dict) and self.batch and self.batch in data:
            beside = {name: value for name, value in data.items() if name != self.batch}
            key, rows = self.batch, data[self.batch]
        elif isinstance(data, list) and self.lists:
            key, rows = "", data
        if not isinstance(rows, list):
            raise Unreadable("the events are not a list")
        if len(rows) > json_body.MAX_ELEMENTS:
            raise Unreadable("there are too many events")
        events = [one for one in map(self.unfold, rows) if one is not None]
        if len(events) != len(rows):
            raise Unreadable("an event is not an object")
        return key, events, beside

    def _element(self, data: dict[str, Any], stamp: str | None, flags: Mapping[str, Any]) -> Element:
        """One event; stamp and flags are those beside the list, where it has none of its own."""
        leaves = self.read_leaves([*tree.flatten(data, self.table, "", ("event",))])
        event_id = next((str(leaf.value) for leaf in leaves if leaf.role == "event_id"), None)
        if len(leaves) > MAX_KEYS:
            raise Unreadable("an event has too many keys")
        moment = next((leaf.value for leaf in leaves if leaf.role == "event_time"), None)
        own = json_body.stamp(leaves)
        return Element(
            names.canonical(self.named(leaves), self.default),
            leaves,
            id=event_id,
            time=_seconds(moment),
            stamp=stamp if own is None else own,
            flags={**flags, **self.flags(leaves, data)},
        )

    def _basic(self, call: Call) -> tuple[Leaf, ...]:
        found = [value.decode("latin-1") for name, value in call.headers if name == b"authorization"]
        if not self.basic or len(found) != 1 or not _BASIC.fullmatch(found[0]):
            return ()
        return (Leaf("header:Authorization", SECRET, found[0], ("header", "Authorization")),)

    def personal(self, field: str, value: Personal) -> str | None:
        """The operator's own analytics takes a hash that came as one, and nothing else."""
        return value.value if value.hashed else None

    def minimum(self, leaves: Sequence[Leaf], shaping: Shaping) -> str | None:
        """What the vendor needs to count an event."""
        left = {leaf.name for leaf in leaves}
        missing = [
            group
            for group in self.needs
            if not any(
                name in left or (name[-1] == "." and any(one.startswith(name) for one in left)) for name in group
            )
        ]
        if missing:
            return "; ".join(" or ".join(group) for group in missing) + " missing"
        return self.lacks(leaves)

    def encode(self, native: Native, shared: Sequence[Leaf], kept: Sequence[Kept | None]) -> Outgoing:
        """The same request, in the same coat."""
        sent = [one for one in kept if one is not None]
        to = sent[0].shaping.to
        coat: Coat = native.frame["coat"]
        data = self._data(native, shared, sent)
        query = parameters.write(shared, "query")
        body = b""
        if coat.kind == "pairs":
            query, body = (
                ([], json_form.form(data.items()).encode()) if coat.place == "form" else ([*data.items()], b"")
            )
        else:
            body, pair = json_form.wrap(data, coat)
            if pair is not None and coat.place == "form":
                body = json_form.form([*parameters.write(shared, "form"), pair]).encode()
            elif pair is not None:
                query.append(pair)
        given = {str(leaf.path[1]).lower() for leaf in native.shared if leaf.path[:1] == ("header",)}
        url = f"{to.endpoint}{native.call.path}" + (f"?{json_form.form(query)}" if query else "")
        headers = [("Content-Type", _content_type(native.call, coat))] if body else []
        headers += [pair for pair in (*self.headers, *policy_headers(to)) if pair[0].lower() not in given]
        return Outgoing(native.call.method, url, tuple(headers), body)

    def _data(self, native: Native, shared: Sequence[Leaf], sent: Sequence[Kept]) -> Any:
        """The JSON body, or the pairs, of what is left."""
        key: str | None = native.frame["key"]
        events = []
        for one in sent:
            event = tree.rebuild(one.leaves).get("event", {})
            if self.restrict is not None:
                self.restrict(event, one.shaping.marketing_granted)
            events.append(self.fold(event, key is None))
        data = events[0] if key is None else events
        if key:
            beside = tree.rebuild(leaf for leaf in shared if leaf.path[:1] == ("body",)).get("body", {})
            if self.restrict is not None:
                self.restrict(beside, all(one.shaping.marketing_granted for one in sent))
            data = {**beside, key: events}
        secret = sent[0].shaping.to.secrets.get("api_key")
        leaves = (*native.shared, *(leaf for one in sent for leaf in one.leaves))
        if secret is not None and self.place_key is not None and not any(leaf.role == SECRET for leaf in leaves):
            self.place_key(data, secret.value)
        return data

    def read_answer(self, answer: Answer, count: int) -> tuple[Outcome, ...]:
        """By the status alone."""
        return answers.by_status(answer, count)

    def accepted(self, native: Native) -> Answer:
        """The vendor's own success."""
        return self.taken(native)

    def relayed(self, answer: Answer, native: Native, kept: Sequence[Kept | None]) -> Answer:
        """Success as ever; else the status, and when to come back."""
        if self.passed_on is not None:
            made = self.passed_on(answer, native, kept)
            if made is not None:
                return made
        return self.taken(native) if 200 <= answer.status < 300 else refused(answer)


def policy_headers(to: Destination) -> list[tuple[str, str]]:
    """The headers that the policy adds to every request."""
    return [
        (name.removeprefix("headers."), one.value) for name, one in to.secrets.items() if name.startswith("headers.")
    ]


def _content_type(call: Call, coat: Coat) -> str:
    """The caller's, if it is one of those that SDKs send; parameters are left out."""
    if coat.kind in ("form", "base64", "pairs"):
        return "application/x-www-form-urlencoded"
    came = [
        value.decode("latin-1").partition(";")[0].strip().lower() for n, value in call.headers if n == b"content-type"
    ]
    return came[0] if came and came[0] in _TYPES[:2] else _TYPES[coat.kind == "gzip"]


def _seconds(moment: object) -> float | None:
    """Unix seconds from any way vendors write a time."""
    if isinstance(moment, str) and re.fullmatch("[0-9]{10,16}", moment):
        moment = int(moment)
    if isinstance(moment, (int, float)) and not isinstance(moment, bool) and moment > 1e14:
        moment = moment / 1_000_000
    elif isinstance(moment, (int, float)) and not isinstance(moment, bool) and moment > 1e11:
        moment = moment / 1_000
    return unix_time(moment)
