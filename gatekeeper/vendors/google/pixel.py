"""Google Ads' web tag: conversions, remarketing and form data, as gtag.js calls them.

    GET|POST <origin>/pagead/conversion/<id>/?label=…            also 1p-conversion, viewthroughconversion, 1p-user-list
    GET|POST <origin>/ccm/collect?en=…                           also /ccm/conversion/<id>, /rmkt/collect/<id>/
    GET|POST <origin>/ccm/form-data/<id>?em=…                    also /pagead/form-data/<id>: only what is personal
    GET|POST <origin>/pagead/landing?gclid=…

The tag's cookies stay behind, so what is left must have a click id or something about the person. A call is only ever
sent with advertising granted: consent flags go on as they came (a refusal in them has blocked it), with `npa` and
`rdp` set for a visitor who opted out of more than this. Source: see pixel.toml.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from gatekeeper.model import Answer, Call, Outcome, Outgoing
from gatekeeper.vendors.dialect import Element, Leaf, Native, Unreadable, origin
from gatekeeper.vendors.formats import answers, json_body, names, pairs, replies, table
from gatekeeper.vendors.formats.format import Format, OwnBody, Rest
from gatekeeper.vendors.formats.parts import GET_OR_POST, Needs, Route
from gatekeeper.vendors.formats.replies import Reply
from gatekeeper.vendors.google import conversion as google_conversion
from gatekeeper.vendors.google import person as google_person
from gatekeeper.vendors.google import token as google_token
from gatekeeper.vendors.kind import Destination, Shaping

_PATH: Final = re.compile(
    r"/pagead/(?:1p-)?(?P<conversion>conversion)/(?P<a>[0-9]{6,20})/?"
    r"|/ccm/conversion/(?P<b>[0-9]{6,20})/?"
    r"|/(?:pagead|ccm)/(?P<form>form-data)/(?P<c>[0-9]{6,20})/?"
    r"|/pagead/(?P<view>viewthroughconversion|landing)(?:/(?P<d>[0-9]{6,20}))?/?"
    r"|/(?:pagead/1p-user-list|rmkt/collect)/(?P<e>[0-9]{6,20})/?"
    r"|/ccm/(?:collect|conversion)/?"
)
_ORIGINS: Final = {"conversion": "https://www.googleadservices.com", "view": "https://googleads.g.doubleclick.net"}
_ELSEWHERE: Final = "https://www.google.com"
_TABLE: Final = table.load(__package__, "pixel.toml")
_QUERY: Final = "query"
_FORM: Final = "form"


def _read_call(call: Call, to: Destination, body: bytes, dialect: Format) -> Native:
    """One element, out of the query and of a form in the body. Raises Unreadable."""
    try:
        posted = body.decode("ascii")
    except UnicodeDecodeError:
        raise Unreadable("the body is not a form") from None
    if posted and call.method == "GET":
        raise Unreadable("a GET has a body")
    leaves = [*_leaves(call.query, _QUERY), *_leaves(posted, _FORM)]
    leaves = google_person.whole(leaves, to)
    name = json_body.text(leaves, "en")
    if name in (None, "conversion"):
        name = json_body.text(leaves, "bttype") or name
    element = Element(
        names.canonical(name, "form_data" if "form-data" in call.path else "conversion"),
        tuple(leaves),
        stamp=json_body.stamp(leaves),
        query=posted,
    )
    return Native(call, (element,), (), _account(call.path, leaves, to))


def _write_call(rest: Rest, dialect: Format) -> Outgoing:
    """The same parameters where they stood."""
    (one,) = rest.sent
    query = _pairs([leaf for leaf in one.leaves if leaf.path[0] == _QUERY])
    posted = _pairs([leaf for leaf in one.leaves if leaf.path[0] == _FORM])
    if one.shaping.restricted_use:
        posted = [pair for pair in posted if pair[0] not in ("npa", "rdp")]
        query = [*(pair for pair in query if pair[0] not in ("npa", "rdp")), ("npa", "1"), ("rdp", "1")]
    found = _PATH.fullmatch(rest.native.call.path)
    part = next((name for name in _ORIGINS if found is not None and found[name]), "")
    url = origin(one.shaping.to, _ORIGINS.get(part, _ELSEWHERE)) + rest.native.call.path
    if query:
        url += f"?{pairs.write_pairs(query)}"
    if not posted:
        return Outgoing(rest.native.call.method, url, (), b"")
    headers = (("Content-Type", "application/x-www-form-urlencoded"),)
    return Outgoing(rest.native.call.method, url, headers, pairs.write_pairs(posted).encode())


def _leaves(text: str, place: str) -> list[Leaf]:
    found: list[Leaf] = []
    for n, (name, value) in enumerate(pairs.read_pairs(text)):
        path = (place, n, name)
        if name == google_token.NAME:
            found += google_token.read(value, _TABLE, path)
        elif name == "data":
            found += _data(value, path)
        else:
            found.append(_TABLE.leaf(name, value, path))
    return found


def _data(text: str, path: tuple[str | int, ...]) -> list[Leaf]:
    """`event=add_to_cart;id=sku1`: pairs inside a parameter."""
    found = []
    for pair in text.split(";")[:100]:
        key, _, value = pair.partition("=")
        leaf = _TABLE.leaf(f"data.{key}", value, (*path, key))
        found.append(leaf.but(value=[{"item_id": value}]) if leaf.role == "items" else leaf)
    return found


def _account(path: str, leaves: Sequence[Leaf], to: Destination) -> str | None:
    """The setting itself, if path and parameters name that account alone; else the first that is another's."""
    found = _PATH.fullmatch(path)
    ids = [] if found is None else [value for name, value in found.groupdict().items() if len(name) == 1 and value]
    ids += [str(leaf.value) for leaf in leaves if leaf.name == "tid"]
    own = str(to.settings.get("conversion_id") or "")
    for one in ids:
        if one.removeprefix("AW-") != own.removeprefix("AW-"):
            return f"AW-{one.removeprefix('AW-')}"
    return own if ids else None


def _pairs(leaves: Sequence[Leaf]) -> list[tuple[str, object]]:
    """Parameters in their order; those that hold several values put together again."""
    groups: dict[tuple[str | int, ...], list[Leaf]] = {}
    for leaf in leaves:
        groups.setdefault(leaf.path[:3], []).append(leaf)
    out: list[tuple[str, object]] = []
    for (_, _, name), group in groups.items():
        value: object = group[0].value
        if name == google_token.NAME:
            value = google_token.write(group)
        elif name == "data":
            value = ";".join(f"{leaf.path[3]}={_plain(leaf)}" for leaf in group)
        if value is not None:
            out.append((str(name), value))
    return out


def _plain(leaf: Leaf) -> str:
    if leaf.role == "items" and isinstance(leaf.value, tuple):
        return ",".join(pairs.text(row["item_id"]) for row in leaf.value if "item_id" in row)
    return pairs.text(leaf.value)


def _lacks(leaves: Sequence[Leaf], shaping: Shaping) -> str | None:
    """Something Google can match a visitor by."""
    return google_conversion.unmatched(table.fields(leaf for leaf in leaves if not leaf.name.startswith("data.")))


def _fates(answer: Answer, count: int) -> tuple[Outcome, ...]:
    """By the status: a redirect leads to other hosts of Google's, after the conversion was taken."""
    return (answers.DELIVERED,) * count if 300 <= answer.status < 400 else answers.by_status(answer, count)


def _taken(native: Native) -> Answer:
    """The transparent pixel; nothing for a beacon's POST."""
    return replies.gif_answer() if native.call.method == "GET" else Answer(204)


DIALECT: Final = Format(
    KIND="google_ads",
    NAME="google_ads /pagead, /ccm",
    ACCOUNT="conversion_id",
    table=_TABLE,
    route=Route(_PATH, methods=GET_OR_POST),
    body=OwnBody(_read_call, _write_call),
    needs=Needs(more=_lacks),
    hashes=google_conversion.personal,
    # neither cookies nor redirects
    reply=Reply(_taken, refusal=replies.status_only, success=range(200, 400), fates=_fates),
)
