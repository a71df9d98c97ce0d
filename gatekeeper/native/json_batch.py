"""Analytics vendors whose requests are JSON: one event, a list of them, or a list inside an object. Pure.

A vendor is a `JsonBatch`: a table, paths, where the list stands, what an event needs, and the vendor's answers. What
stands beside the list holds for all of it. GET requests are one event in the query (a pixel). All go to the policy's
own endpoint.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from gatekeeper.destinations import answers
from gatekeeper.destinations.kind import Destination, Shaping
from gatekeeper.fields.accept import unix_time
from gatekeeper.model import Answer, Call, Outcome, Outgoing, Personal
from gatekeeper.native import json_body, json_form, names, pairs, parameters, tree
from gatekeeper.native.dialect import SECRET, UNKNOWN, Element, Kept, Leaf, Native, Unreadable, origin
from gatekeeper.native.json_form import Coat
from gatekeeper.native.table import Table

GIF: Final = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002014400 3b".replace(" ", ""))
_BASIC: Final = re.compile(r"Basic [A-Za-z0-9+/]{1,200}={0,2}", re.IGNORECASE)
_TYPES: Final = ("application/json", "text/plain", "application/x-www-form-urlencoded")


def json_answer(body: bytes, status: int = 200) -> Answer:
    """An answer in JSON."""
    return Answer(status, (("Content-Type", "application/json"),), body)


def text_answer(body: bytes, status: int = 200) -> Answer:
    """An answer in plain text."""
    return Answer(status, (("Content-Type", "text/plain"),), body)


def gif_answer() -> Answer:
    """The transparent pixel."""
    return Answer(200, (("Content-Type", "image/gif"),), GIF)


def no_flags(leaves: Sequence[Leaf], data: Mapping[str, Any]) -> Mapping[str, Any]:
    """For vendors whose events carry no consent."""
    return {}


def unchanged(leaves: Sequence[Leaf]) -> tuple[Leaf, ...]:
    """For vendors whose leaves are what the table says."""
    return tuple(leaves)


@dataclass(frozen=True, slots=True)
class JsonBatch:
    """One vendor. `needs`: of each group one name must be left; a name ending in a dot stands for all below it.

    `named` are the leaves that may hold the event's name, `default` the name without one. `place_key` puts the policy's
    `api_key` into a body that came without any. `read_leaves` makes leaves of an element out of what the table cannot say.
    """

    NAME: str
    table: Table
    paths: re.Pattern[str]
    taken: Callable[[Native], Answer]
    needs: tuple[tuple[str, ...], ...]
    named: tuple[str, ...]
    batch: str = ""
    default: str = "unnamed"
    methods: frozenset[str] = frozenset({"POST"})
    dropped: re.Pattern[str] | None = None  # paths of which nothing is ever sent
    basic: bool = False  # whether the key may come as HTTP Basic authentication
    place_key: Callable[[Any, str], None] | None = None
    flags: Callable[[Sequence[Leaf], Mapping[str, Any]], Mapping[str, Any]] = no_flags
    read_leaves: Callable[[Sequence[Leaf]], tuple[Leaf, ...]] = unchanged
    restrict: Callable[[Any, bool], None] | None = None  # (body, whether marketing is granted): makes flags stricter
    passed_on: Callable[[Answer, Native, Sequence[Kept | None]], Answer | None] | None = None
    KIND: str = "first_party"
    ACCOUNT: str | None = field(default=None)

    def matches(self, method: str, path: str) -> bool:
        """By the vendor's own paths."""
        return method in self.methods and self.paths.fullmatch(path) is not None

    def decode(self, call: Call, to: Destination, body: bytes) -> Native:
        """One element per event; query, form, key and what stands beside the list are shared."""
        if self.dropped is not None and self.dropped.fullmatch(call.path):
            return Native(call, (Element("recording", (Leaf("recording", UNKNOWN, None),)),))
        if call.method == "GET" and "data=" not in call.query:
            leaves = self.read_leaves(
                [replace(leaf, path=("query", *leaf.path)) for leaf in pairs.read(call.query, self.table)]
            )
            return Native(call, (self._element(leaves, {}),), (), None, {"coat": Coat("query")})
        data, coat = json_form.unwrap(call, body)
        shared = [
            *parameters.read(call.query, self.table, "query", but=frozenset({"data"} if coat.place == "query" else ())),
            *(parameters.read(coat.text, self.table, "form", but=frozenset({"data"})) if coat.place == "form" else ()),
            *self._basic(call),
        ]
        rows, beside = self._rows(data)
        shared += self.read_leaves([*tree.flatten(beside, self.table, "", ("body",))])
        return Native(
            call,
            tuple(self._element(self.read_leaves([*tree.flatten(row, self.table, "", path)]), row) for path, row in rows),
            tuple(shared),
            None,
            {"coat": coat},
        )

    def _rows(self, data: Any) -> tuple[list[tuple[tuple[str | int, ...], dict[str, Any]]], dict[str, Any]]:
        """Each event and where it stands, and what stands beside them."""
        beside: dict[str, Any] = {}
        if isinstance(data, dict) and self.batch and self.batch in data:
            beside = {name: value for name, value in data.items() if name != self.batch}
            data, where = data[self.batch], ("body", self.batch)
        elif isinstance(data, dict):
            return [(("body",), data)], {}
        else:
            where = ("body",)
        if not isinstance(data, list) or any(not isinstance(one, dict) for one in data):
            raise Unreadable("the events are not a list of objects")
        if len(data) > json_body.MAX_ELEMENTS:
            raise Unreadable("there are too many events")
        return [((*where, n), one) for n, one in enumerate(data)], beside

    def _element(self, leaves: tuple[Leaf, ...], data: Mapping[str, Any]) -> Element:
        name = next((text for one in self.named if (text := json_body.text(leaves, one)) is not None), None)
        event_id = next((str(leaf.value) for leaf in leaves if leaf.role == "event_id"), None)
        moment = next((leaf.value for leaf in leaves if leaf.role == "event_time"), None)
        return Element(
            names.canonical(name, self.default),
            leaves,
            id=event_id,
            time=_seconds(moment),
            stamp=json_body.stamp(leaves),
            flags=self.flags(leaves, data),
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
            if not any(name in left or (name[-1] == "." and any(one.startswith(name) for one in left)) for name in group)
        ]
        return "; ".join(" or ".join(group) for group in missing) + " missing" if missing else None

    def encode(self, native: Native, shared: Sequence[Leaf], kept: Sequence[Kept | None]) -> Outgoing:
        """The same request, in the same coat."""
        sent = [one for one in kept if one is not None]
        to = sent[0].shaping.to
        leaves = [*shared, *(leaf for one in sent for leaf in one.leaves)]
        coat: Coat = native.frame["coat"]
        query = parameters.write(leaves, "query") if coat.kind != "query" else _pixel(leaves)
        keyed = any(leaf.role == SECRET for leaf in (*leaves, *native.shared))
        key = to.secrets.get("api_key")
        body = b""
        if coat.kind != "query":
            data = tree.rebuild(leaf for leaf in leaves if leaf.path[:1] == ("body",))["body"]
            if self.restrict is not None:
                self.restrict(data, all(one.shaping.marketing_granted for one in sent))
            if key is not None and not keyed and self.place_key is not None:
                self.place_key(data, key.value)
            body, pair = json_form.wrap(data, coat)
            if pair is not None and coat.place == "form":
                body = json_form.form([*parameters.write(leaves, "form"), pair]).encode()
            elif pair is not None:
                query.append(pair)
        given = {str(leaf.path[1]).lower() for leaf in native.shared if leaf.path[:1] == ("header",)}
        url = f"{origin(to, '')}{native.call.path}" + (f"?{json_form.form(query)}" if query else "")
        headers = [("Content-Type", _content_type(native.call, coat))] if body else []
        headers += [pair for pair in policy_headers(to) if pair[0].lower() not in given]
        return Outgoing(native.call.method, url, tuple(headers), body)

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


def refused(answer: Answer) -> Answer:
    """A failure as the caller may see it: the status, and a Retry-After in seconds."""
    wait = answers.retry_after(answer)
    return Answer(answer.status, () if wait is None else (("Retry-After", str(int(wait))),))


def policy_headers(to: Destination) -> list[tuple[str, str]]:
    """The headers that the policy adds to every request."""
    return [
        (name.removeprefix("headers."), one.value) for name, one in to.secrets.items() if name.startswith("headers.")
    ]


def _pixel(leaves: Sequence[Leaf]) -> list[tuple[str, object]]:
    return [(str(leaf.path[2]), leaf.value) for leaf in leaves if leaf.path[:1] == ("query",)]


def _content_type(call: Call, coat: Coat) -> str:
    """The caller's, if it is one of those that SDKs send; parameters are left out."""
    if coat.kind in ("form", "base64"):
        return "application/x-www-form-urlencoded"
    came = [value.decode("latin-1").partition(";")[0].strip().lower() for n, value in call.headers if n == b"content-type"]
    return came[0] if came and came[0] in _TYPES[:2] else _TYPES[coat.kind == "gzip"]


def _seconds(moment: object) -> float | None:
    """Unix seconds from any way vendors write a time."""
    if isinstance(moment, str) and moment.isdigit():
        moment = int(moment)
    if isinstance(moment, (int, float)) and not isinstance(moment, bool) and moment > 1e14:
        moment = moment / 1_000_000
    elif isinstance(moment, (int, float)) and not isinstance(moment, bool) and moment > 1e11:
        moment = moment / 1_000
    return unix_time(moment)
