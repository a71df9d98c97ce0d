"""requests: every request of every session, redirects' second hops and mounted adapters included.

session.mount("https://", gatekeeper.outbound.requests.adapter())          for one session only
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3 import HTTPResponse

from gatekeeper.model import Answer, Outgoing
from gatekeeper.outbound import http_client
from gatekeeper.outbound.intercept import Match, watch
from gatekeeper.outbound.marks import covering
from gatekeeper.outbound.patched import Patched
from gatekeeper.outbound.pools import response_of
from gatekeeper.outbound.reading import body_of, pairs, readable

_patched = Patched()


def install() -> None:
    """Catch the requests of all sessions."""
    _patched.replace(requests.Session, "get_adapter", _get_adapter)


def uninstall() -> None:
    """Leave the sessions as they were."""
    _patched.restore()


def adapter(inner: BaseAdapter | None = None) -> BaseAdapter:
    """An adapter to mount on one session; `inner` is the one that sends."""
    return _Adapter(inner or HTTPAdapter())


def _get_adapter(original: Any) -> Any:
    def get_adapter(self: requests.Session, url: str) -> BaseAdapter:
        found: BaseAdapter = original(self, url)
        return found if _watch(url, again=True) is None else _Adapter(found)

    return get_adapter


def _is_judged(request: requests.PreparedRequest) -> bool:
    parts, body = urlsplit(request.url or ""), request.body or b""
    raw = body.encode() if isinstance(body, str) else body
    if not isinstance(raw, bytes):
        return False
    return covering(request.method or "", parts.hostname or "", parts.path, parts.query, raw) is not None


def _watch(url: str, *, again: bool = False, below: bool = False) -> Match | None:
    try:
        parts = urlsplit(url)
        return watch(parts.scheme, parts.hostname or "", parts.port, parts.path, again=again, below=below)
    except ValueError:  # no URL: the library says so itself
        return None


class _Adapter(BaseAdapter):
    """Judges, then sends through the adapter that would have."""

    def __init__(self, inner: BaseAdapter) -> None:
        super().__init__()
        self._inner = inner

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        started = time.monotonic()
        match = None if _is_judged(request) else _watch(request.url or "", below=True)
        if match is None:
            return self._inner.send(request, *args, **options)
        parts = urlsplit(request.url or "")
        headers = pairs(request.headers)
        call = match.judge(request.method or "", parts.path, parts.query, headers, body_of(request.body, match.limit))

        def sent(outgoing: Outgoing) -> Answer:
            http_client.ask()
            response = self._inner.send(_prepared(outgoing), *args, **options | {"stream": False})
            return readable(response.status_code, pairs(response.headers), response.content)

        timeout = options.get("timeout", args[1] if len(args) > 1 else None)
        within = max((one for one in timeout if one), default=None) if isinstance(timeout, tuple) else timeout
        response = _response(self._inner, request, call.carry(sent, within))
        response.elapsed = timedelta(seconds=time.monotonic() - started)
        return response

    def close(self) -> None:
        self._inner.close()


def _prepared(outgoing: Outgoing) -> requests.PreparedRequest:
    asked = requests.Request(outgoing.method, outgoing.url, headers=dict(outgoing.headers), data=outgoing.body or None)
    return asked.prepare()


def _response(inner: BaseAdapter, request: requests.PreparedRequest, answer: Answer) -> requests.Response:
    """As the app's own adapter makes it of what urllib3 gives."""
    raw: HTTPResponse = response_of(answer, preload=False, kind=HTTPResponse)
    adapter = inner if isinstance(inner, HTTPAdapter) else HTTPAdapter()
    return adapter.build_response(request, raw)
