"""Batches of Meta's Graph API: one request with calls in it. Pure. Opened, and written again with fewer calls.

    POST <origin>/v26.0/    batch=[{"method": "POST", "relative_url": "v26.0/123/events", "body": "data=…"}, …]

The parameters come in the query, as a form, as multipart or as JSON; `batch` may be a list or its JSON as text. The
answer is a list with `{"code", "headers", "body"}` for each call, `null` for one that was not done.
Source: developers.facebook.com/docs/graph-api/batch-requests, facebook_business.api.FacebookAdsApiBatch 26.0.3.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import orjson
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from gatekeeper.model import Answer, Call, Outgoing
from gatekeeper.vendors.dialect import Unreadable
from gatekeeper.vendors.formats import form, json_body, pairs

KIND: Final = "meta_capi"
ORIGIN: Final = "https://graph.facebook.com"
MAX_CALLS: Final = 50  # Graph's own limit
_ROOT: Final = re.compile(r"/(?:v[0-9]{1,3}\.[0-9]/?)?", re.IGNORECASE)
_BATCH: Final = "batch"
_JSON: Final = "application/json"
_TOKEN: Final = re.compile(r"(?:^|[?&])access_token=")
# What stands beside the calls and is written again: who asks, and how the answer looks.
_BESIDE: Final = ("access_token", "appsecret_proof", "include_headers")
# Mechanics of a call in a batch that is written again.
_MECHANICS: Final = {
    "method": re.compile(r"[A-Za-z]{3,6}"),
    "name": re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}"),
    "depends_on": re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}"),
}
_ABSOLUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_TYPED: Final = {"name": "Content-Type", "value": "application/json; charset=UTF-8"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One call of a batch: as it was given, and as the call it stands for."""

    given: Mapping[str, Any] = field(repr=False)
    call: Call = field(repr=False)

    @property
    def plain(self) -> bool:
        """Whether all of it is in here: no attached file, no value out of another call's answer in its address."""
        return "attached_files" not in self.given and "{" not in self.call.path


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch: its calls, where its parameters came (`coat`), and those beside the calls. `files`: it has some."""

    entries: tuple[Entry, ...]
    coat: str
    beside: Mapping[str, str] = field(repr=False)
    files: bool
    bearer: bytes | None = field(repr=False)


def opens(path: str) -> bool:
    """Whether a path is where batches are posted."""
    return _ROOT.fullmatch(path) is not None


def read(call: Call, body: bytes) -> Batch | None:
    """The batch of a request; `None` if there is none in it. Raises Unreadable for one that can be read in two ways.

    `body` is without its Content-Encoding.
    """
    query = pairs.read_pairs(call.query)
    coat, rows, files = _posted(call, body)
    given = [value for name, value in (*query, *rows) if name == _BATCH]
    if not given:
        return None
    if len(given) > 1:
        raise Unreadable("the batch is not there exactly once")
    listed = json_body.read(given[0].encode("utf-8", "replace")) if isinstance(given[0], str) else given[0]
    if not isinstance(listed, list) or not 0 < len(listed) <= MAX_CALLS:
        raise Unreadable(f"the batch is not a list of at most {MAX_CALLS} calls")
    beside = {name: pairs.text(value) for name, value in (*query, *rows) if name in _BESIDE}
    bearer = next((value for name, value in call.headers if name == b"authorization"), None)
    token = f"Bearer {beside['access_token']}".encode("utf-8", "replace") if "access_token" in beside else bearer
    return Batch(tuple(_entry(one, token) for one in listed), coat, beside, files, bearer)


def _posted(call: Call, body: bytes) -> tuple[str, list[tuple[str, Any]], bool]:
    """The coat and the parameters of the body, and whether there are files beside them."""
    if not body:
        return form.URLENCODED, [], False
    if body.lstrip()[:1] == b"{":
        return _JSON, list(json_body.read_object(body).items()), False
    kind, options = parse_options_header(form.content_type(call))
    if kind != form.MULTIPART:
        _, rows = form.read(body, kind)
        return form.URLENCODED, list(rows), False
    found: list[tuple[str, Any]] = []
    value, name, files = bytearray(), "", False
    try:
        with PushMultipartParser(options.get("boundary", ""), max_segment_count=pairs.MAX_PAIRS, strict=True) as parser:
            for event in parser.parse(body):
                if isinstance(event, MultipartSegment):
                    files |= event.filename is not None
                    name, value = ("" if event.filename is not None else event.name), bytearray()
                elif event is None:
                    found += [(name, value.decode("utf-8"))] if name else []
                elif name:
                    value += event
    except (MultipartError, ValueError):
        raise Unreadable("the body is not multipart/form-data") from None
    return form.URLENCODED, found, files


def _entry(given: Any, token: bytes | None) -> Entry:
    """The call that an entry stands for. The batch's own token is its token, if it has none."""
    if not isinstance(given, dict):
        raise Unreadable("a call of the batch is not an object")
    method, url, body = given.get("method", "GET"), given.get("relative_url"), given.get("body", "")
    if not isinstance(method, str) or not isinstance(url, str) or not isinstance(body, str):
        raise Unreadable("a call of the batch has no method, address or body")
    url = url.strip()
    try:
        parts = urlsplit(url if _ABSOLUTE.match(url) else "/" + url.lstrip("/"))
    except ValueError:
        raise Unreadable("the address of a call of the batch cannot be read") from None
    headers = []
    if body:
        headers.append((b"content-type", (_type(given.get("headers")) or form.URLENCODED).encode("utf-8")))
    if token is not None and not _TOKEN.search(parts.query) and not _TOKEN.search(body):
        headers.append((b"authorization", token))
    path = re.sub("//+", "/", "/" + parts.path)
    return Entry(given, Call(method.upper(), path, parts.query, tuple(headers), body.encode("utf-8", "replace")))


def _type(headers: Any) -> str | None:
    """The content type that a call of the batch names."""
    for one in headers if isinstance(headers, list) else []:
        if (
            isinstance(one, dict)
            and str(one.get("name")).lower() == "content-type"
            and isinstance(one.get("value"), str)
        ):
            return str(one["value"])
    return None


def shaped(entry: Entry, outgoing: Outgoing) -> dict[str, Any]:
    """An entry as it may be sent: the rebuilt request in the place of the one that was given."""
    found: dict[str, Any] = {
        name: entry.given[name]
        for name, pattern in _MECHANICS.items()
        if isinstance(entry.given.get(name), str) and pattern.fullmatch(entry.given[name])
    }
    if entry.given.get("omit_response_on_success") is False:
        found["omit_response_on_success"] = False
    parts = urlsplit(outgoing.url)
    found["method"] = outgoing.method
    found["relative_url"] = parts.path.lstrip("/") + (f"?{parts.query}" if parts.query else "")
    if outgoing.body:
        found["body"] = outgoing.body.decode("utf-8")
        kinds = [value for name, value in outgoing.headers if name.lower() == "content-type"]
        if kinds and kinds[0] != form.URLENCODED:
            found["headers"] = [{"name": "Content-Type", "value": kinds[0]}]
    return found


def write(batch: Batch, path: str, entries: Sequence[Mapping[str, Any]], origin: str) -> Outgoing:
    """The request with these entries, in the coat that the batch came in."""
    if batch.coat == _JSON:
        kind, body = _JSON, orjson.dumps({**batch.beside, _BATCH: list(entries)})
    else:
        rows = [*batch.beside.items(), (_BATCH, orjson.dumps(list(entries)).decode())]
        kind, body = form.write(form.URLENCODED, rows)
    token = () if batch.bearer is None else (("Authorization", batch.bearer.decode("latin-1")),)
    return Outgoing("POST", origin + path, (("Content-Type", kind), *token), body)


def answers(answer: Answer, count: int) -> list[Answer | None] | None:
    """Graph's answer to each of `count` calls, `None` for one that was not done; no list at all if it is no such."""
    try:
        listed = orjson.loads(answer.body)
    except ValueError:
        return None
    if not 200 <= answer.status < 300 or not isinstance(listed, list) or len(listed) != count:
        return None
    return [_answer(one) for one in listed]


def _answer(told: Any) -> Answer | None:
    if not isinstance(told, dict) or not isinstance(told.get("code"), int):
        return None
    headers = told.get("headers")
    return Answer(
        told["code"],
        tuple(
            (one["name"], one["value"])
            for one in (headers if isinstance(headers, list) else [])
            if isinstance(one, dict) and isinstance(one.get("name"), str) and isinstance(one.get("value"), str)
        ),
        told["body"].encode() if isinstance(told.get("body"), str) else b"",
    )


def joined(told: Sequence[Answer | None], batch: Batch) -> Answer:
    """The answers of a batch's calls as Graph writes them."""
    with_headers = batch.beside.get("include_headers", "true").lower() not in ("false", "0")
    rows = [None if one is None else _row(one, with_headers=with_headers) for one in told]
    return Answer(200, (("Content-Type", _JSON),), orjson.dumps(rows))


def _row(answer: Answer, *, with_headers: bool) -> dict[str, Any]:
    row: dict[str, Any] = {"code": answer.status}
    if with_headers:
        row["headers"] = [{"name": name, "value": value} for name, value in answer.headers] or [_TYPED]
    return row | {"body": answer.body.decode("utf-8", "replace")}


def refused(message: str) -> Answer:
    """Graph's own words for a call that it could not do."""
    told = {"error": {"message": message, "type": "OAuthException", "code": 2, "is_transient": True}}
    return Answer(503, (("Content-Type", _JSON),), orjson.dumps(told))
