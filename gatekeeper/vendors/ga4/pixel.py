"""GA4's web hits: what gtag.js and server containers' clients send.

    GET  <origin>/g/collect?v=2&tid=G-…&cid=…&en=…
    POST <origin>/g/collect?v=2&tid=G-…          one event per line; a line's keys override the query's
    GET  <origin>/collect?<any>=<base64 of a whole /g/collect?…>      a custom loader's wrapping

Success is 204 and empty. Source: the documents named in pixel.toml; TulevaEE's scrubber tests for lines and `em`.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import parse_qsl, quote, unquote

from msgspec import structs

from gatekeeper.model import Answer, Call, Outgoing
from gatekeeper.vendors.dialect import FLAG, Element, Leaf, Native, Unreadable
from gatekeeper.vendors.formats import pairs, table
from gatekeeper.vendors.formats.format import Format, OwnBody, Rest
from gatekeeper.vendors.formats.parts import GET_OR_POST, Needs, Route
from gatekeeper.vendors.formats.replies import Reply, status_only
from gatekeeper.vendors.formats.table import Table
from gatekeeper.vendors.kind import Destination

MOST: Final = 25  # events of a request, as Google limits them (the Measurement Protocol's own limit)
_WRAPPED: Final = re.compile(r"/g/(?:s/)?collect\?.+", re.DOTALL)
# prN=idSKU~nmName~…: two letters, then the value. Source: ga4Schema.js.
_ITEM: Final = {
    "id": "item_id", "nm": "item_name", "br": "item_brand", "ca": "item_category", "c2": "item_category2",
    "c3": "item_category3", "c4": "item_category4", "c5": "item_category5", "va": "item_variant", "pr": "price",
    "qt": "quantity", "ds": "discount", "cp": "coupon", "li": "item_list_id", "ln": "item_list_name", "lp": "index",
    "af": "affiliation",
}  # fmt: skip
_ITEM_CODE: Final = {field: code for code, field in _ITEM.items()}
_DENIED: Final = str.maketrans("trnvel", "pqmumm")  # a granted or unset switch -> the same one, denied
_DENY: Final = {"npa": "1", "_npa": "1", "dma_cps": "-", "pscdl": "denied", "_rdi": "1"}


def _read_call(call: Call, to: Destination, body: bytes, dialect: Format) -> Native:
    """The query's leaves are shared when the body has lines, else they are the one event's own."""
    frame: dict[str, Any] = {}
    if call.path == "/collect":
        call, frame["wrapper"] = _unwrapped(call)
    query = _leaves(call.query, dialect.table)
    try:
        lines = [line for line in re.split(r"\r?\n", body.decode("utf-8"), maxsplit=8 * MOST) if line]
    except UnicodeDecodeError:
        raise Unreadable("the body is not UTF-8") from None
    if len(lines) > MOST:
        raise Unreadable("there are too many events")
    frame["newline"] = "\r\n" if b"\r\n" in body else "\n"
    account = next((str(leaf.value) for leaf in query if leaf.name == "tid"), None)
    if not lines:
        return Native(call, (_element(query, ""),), (), account, frame)
    shared_name = next((leaf for leaf in query if leaf.name == "en"), None)
    elements = []
    for line in lines:
        own = _leaves(line, dialect.table)
        if shared_name is not None and not any(leaf.name == "en" for leaf in own):
            own = (shared_name, *own)
        elements.append(_element(own, line))
    shared = tuple(leaf for leaf in query if leaf.name != "en")
    return Native(call, tuple(elements), shared, account, frame | {"lines": True})


def _write_call(rest: Rest, dialect: Format) -> Outgoing:
    """The same hit without what may not be sent, its consent flags never looser than what was decided."""
    granted = all(one.shaping.marketing_granted for one in rest.sent)
    if rest.native.frame.get("lines"):
        query = _write(rest.shared, granted)
        lines = [_write(one.leaves, granted, add=False) for one in rest.sent]
        body = (rest.native.frame["newline"].join(lines)).encode()
        headers: tuple[tuple[str, str], ...] = (("Content-Type", "text/plain;charset=UTF-8"),)
    else:
        query, body, headers = _write(rest.sent[0].leaves, granted), b"", ()
    wrapper = rest.native.frame.get("wrapper")
    path = rest.native.call.path
    if wrapper is not None:
        inner = base64.urlsafe_b64encode(f"{path}?{query}".encode()).rstrip(b"=").decode()
        path, query = "/collect", f"{quote(wrapper)}={inner}"
    return Outgoing(rest.native.call.method, dialect.route.url(rest.to, unquote(path), query), headers, body)


def _element(leaves: tuple[Leaf, ...], query: str) -> Element:
    name = next((str(leaf.value) for leaf in leaves if leaf.name == "en"), "")
    event_id = next((str(leaf.value) for leaf in leaves if leaf.role == "event_id"), None)
    return Element(name or "page_view", leaves, id=event_id, query=query)


def _leaves(text: str, table: Table) -> tuple[Leaf, ...]:
    read = pairs.read(text, table)
    return tuple([leaf.but(value=_item(str(leaf.value))) if leaf.role == "items" else leaf for leaf in read])


def _item(text: str) -> object:
    item: dict[str, object] = {}
    for part in text.split("~"):
        name, value = _ITEM.get(part[:2], part[:2] + "*"), part[2:]
        item[name] = value
    return [item]


def _unwrapped(call: Call) -> tuple[Call, str]:
    """The hit inside the only parameter. A text that cannot be decoded could be anything, so it counts as personal."""
    parameters = parse_qsl(call.query, keep_blank_values=True, max_num_fields=20)
    if len(parameters) == 1:
        name, text = parameters[0]
        try:
            inner = base64.urlsafe_b64decode(text.replace("+", "-").replace("/", "_") + "=" * (-len(text) % 4)).decode()
        except (binascii.Error, ValueError):
            inner = ""
        if _WRAPPED.fullmatch(inner) and re.fullmatch(r"[A-Za-z0-9_-]{1,32}", name):
            path, _, query = inner.partition("?")
            return structs.replace(call, path=path, query=query), name
    raise Unreadable("the wrapped hit cannot be read")


def _write(leaves: Sequence[Leaf], granted: bool, *, add: bool = True) -> str:
    """The pairs of some leaves, with advertising denied in every consent flag unless it is granted."""
    items = 0
    out: list[tuple[str, object]] = []
    for leaf in leaves:
        name, value = str(leaf.path[-1]), leaf.value
        if leaf.role == "items":
            items += 1
            name, value = f"pr{items}", _item_text(value)
        elif leaf.role == FLAG and not granted:
            if name == "gcs":
                continue
            value = _denied(str(value)) if name == "gcd" else _DENY.get(name, value)
        out.append((name, value))
    if add and not granted:
        out.append(("gcs", "G101"))
        if not any(leaf.name == "npa" for leaf in leaves):
            out.append(("npa", "1"))
    return pairs.write_pairs(out)


def _item_text(value: object) -> str:
    rows = value if isinstance(value, (tuple, list)) else ()
    return "~".join(
        f"{_ITEM_CODE[field]}{pairs.text(inner)}" for row in rows for field, inner in row.items() if field in _ITEM_CODE
    ).replace("\n", " ")


def _denied(gcd: str) -> str:
    """`gcd` with the switches of advertising (the first, third and fourth letter) denied."""
    places = [n for n, letter in enumerate(gcd) if letter.isalpha()]
    return "".join(
        letter.translate(_DENIED) if n in {place for k, place in enumerate(places) if k in (0, 2, 3)} else letter
        for n, letter in enumerate(gcd)
    )


DIALECT: Final = Format(
    KIND="ga4",
    NAME="ga4 /g/collect",
    ACCOUNT="measurement_id",
    table=table.load(__package__, "pixel.toml"),
    route=Route(re.compile(r"/(?:g/|g/s/)?collect"), "https://www.google-analytics.com", GET_OR_POST),
    body=OwnBody(_read_call, _write_call),
    needs=Needs(("v", "tid", "en", "cid")),
    reply=Reply(lambda native: Answer(204), success=range(200, 400), refusal=status_only),
)
