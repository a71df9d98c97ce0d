"""The standard library's urllib.request: every request of every opener, redirects' second hops included."""

from __future__ import annotations

import email.message
import urllib.request
from collections.abc import Callable
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit
from urllib.response import addinfourl

from gatekeeper.model import Answer, Outgoing
from gatekeeper.outbound import http_client
from gatekeeper.outbound.intercept import drained, pairs, readable, watch
from gatekeeper.outbound.marks import passing
from gatekeeper.outbound.patched import Patched

_patched = Patched()


def install() -> None:
    """Catch the requests of all openers."""
    _patched.replace(urllib.request.AbstractHTTPHandler, "do_open", _do_open)
    http_client.install()


def uninstall() -> None:
    """Leave the openers as they were."""
    _patched.restore()


def _do_open(original: Any) -> Any:
    def do_open(self: Any, http_class: Any, req: urllib.request.Request, **options: Any) -> Any:
        parts = urlsplit(req.full_url)
        match = watch(parts.scheme, parts.hostname or "", parts.port, parts.path)
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

        return _response(req.full_url, call.carry(sent))

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


def _response(url: str, answer: Answer) -> addinfourl:
    headers = email.message.Message()
    for name, value in answer.headers:
        headers[name] = value
    response = addinfourl(BytesIO(answer.body), headers, url, answer.status)
    response.msg = "OK"  # type: ignore[attr-defined]  # as http.client's own responses have it
    return response
