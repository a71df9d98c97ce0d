"""The standard library's urllib.request: every request of every opener, redirects' second hops included."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from gatekeeper.model import Answer, Outgoing
from gatekeeper.outbound.http_client import response_of
from gatekeeper.outbound.intercept import watch
from gatekeeper.outbound.marks import covering, passing
from gatekeeper.outbound.patched import Patched
from gatekeeper.outbound.reading import drained, pairs, readable

_patched = Patched()


def install() -> None:
    """Catch the requests of all openers."""
    _patched.replace(urllib.request.AbstractHTTPHandler, "do_open", _do_open)


def uninstall() -> None:
    """Leave the openers as they were."""
    _patched.restore()


def _do_open(original: Any) -> Any:
    def do_open(self: Any, http_class: Any, req: urllib.request.Request, **options: Any) -> Any:
        parts = urlsplit(req.full_url)
        given = req.data if isinstance(req.data, bytes) else b"" if req.data is None else None
        judged = given is not None and covering(req.get_method(), parts.hostname or "", parts.path, parts.query, given)
        match = None if judged else watch(parts.scheme, parts.hostname or "", parts.port, parts.path, below=True)
        if match is None:
            with passing(parts.hostname or ""):
                return original(self, http_class, req, **options)
        data: Any = req.data
        if data is None:
            body = b""
        elif isinstance(data, (bytes, bytearray)):
            body = bytes(data)
        else:
            body = drained([data.read(match.limit + 1)] if hasattr(data, "read") else data, match.limit)
        call = match.judge(req.get_method(), parts.path, parts.query, pairs(req.header_items()), body)

        def sent(outgoing: Outgoing) -> Answer:
            with _sent(outgoing, req, lambda one: original(self, http_class, one, **options)) as response:
                return readable(response.status, response.getheaders(), response.read())

        return _response(req, call.carry(sent, req.timeout))

    return do_open


class _Unfollowed(urllib.request.HTTPErrorProcessor):
    """Answers as they come: no redirect is followed, no status is an exception."""

    def http_response(self, request: Any, response: Any) -> Any:
        return response

    https_response = http_response


def _sent(outgoing: Outgoing, asked: urllib.request.Request, send: Callable[[urllib.request.Request], Any]) -> Any:
    """By the app's own opener and proxy if the call goes where the app sent it."""
    headers = dict(outgoing.headers)
    request = urllib.request.Request(outgoing.url, outgoing.body or None, headers, method=outgoing.method)  # noqa: S310
    request.timeout = asked.timeout
    if urlsplit(outgoing.url)[:2] != urlsplit(asked.full_url)[:2]:
        return urllib.request.build_opener(_Unfollowed).open(request, timeout=asked.timeout)
    if outgoing.body:
        request.add_unredirected_header("Content-length", str(len(outgoing.body)))
    if asked.has_proxy() or asked._tunnel_host:  # type: ignore[attr-defined]  # not in its stubs
        request.set_proxy(asked.host, asked.type)
        for name, value in asked.header_items():
            if name.lower() == "proxy-authorization":
                request.add_unredirected_header(name, value)
    request.add_unredirected_header("Host", urlsplit(outgoing.url).netloc)
    return send(request)


def _response(request: urllib.request.Request, answer: Answer) -> Any:
    """As the handler itself gives it: an HTTPResponse with the address, and its reason for `msg`."""
    response = response_of(answer, request.get_method())
    response.url = request.full_url
    response.msg = response.reason
    return response
