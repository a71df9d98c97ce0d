"""urllib3: every request of every pool, and with it of all that is built upon it (requests has its own file)."""

from __future__ import annotations

from functools import cache
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import urllib3
from urllib3.connectionpool import HTTPConnectionPool

from gatekeeper.model import Answer, Outgoing
from gatekeeper.outbound import http_client
from gatekeeper.outbound.intercept import body_of, pairs, readable, watch
from gatekeeper.outbound.marks import passing
from gatekeeper.outbound.patched import Patched
from gatekeeper.outbound.routes import PORTS

_patched = Patched()
Address = tuple[str, str, int | None]
_OPTIONS = ("timeout", "retries", "assert_same_host")  # of the app's own call, that hold for the rewritten one too


def install() -> None:
    """Catch the requests of all pools."""
    _patched.replace(HTTPConnectionPool, "urlopen", _urlopen)
    http_client.install()


def uninstall() -> None:
    """Leave the pools as they were."""
    _patched.restore()


def response_of(answer: Answer, *, preload: bool = True, method: str | None = None) -> urllib3.HTTPResponse:
    """An answer as urllib3 gives it; not `preload`: to be read by the caller."""
    return urllib3.HTTPResponse(
        body=BytesIO(answer.body),
        headers=dict(answer.headers),
        status=answer.status,
        reason="OK" if answer.status < 300 else "",
        version=11,
        preload_content=preload,
        request_method=method,
    )


def _urlopen(original: Any) -> Any:
    def urlopen(
        self: HTTPConnectionPool,
        method: str,
        url: str,
        body: Any = None,
        headers: Any = None,
        *args: Any,
        **options: Any,
    ) -> Any:
        parts = urlsplit(url)
        at = (parts.scheme, parts.hostname or "", parts.port)  # in full where the pool is a proxy's
        if not parts.netloc:
            at = (self.scheme or "http", self.host, self.port)
        match = watch(*at, parts.path)
        if match is None:
            with passing(at[1]):
                return original(self, method, url, body, headers, *args, **options)
        given = pairs(self.headers if headers is None else headers)
        call = match.judge(method, parts.path, parts.query, given, body_of(body, match.limit))
        more = {key: options[key] for key in _OPTIONS if key in options}

        def sent(outgoing: Outgoing) -> Answer:
            more["headers"] = dict(outgoing.headers)
            if parts.netloc:
                more["headers"] |= {name: value for name, value in given if name.lower() == "proxy-authorization"}
            response = _send(self, original, outgoing, at, bool(parts.netloc), more)
            return readable(response.status, pairs(response.headers), response.data)

        return response_of(call.carry(sent), preload=options.get("preload_content", True), method=method)

    return urlopen


def _send(
    pool: HTTPConnectionPool, original: Any, outgoing: Outgoing, at: Address, in_full: bool, options: dict[str, Any]
) -> Any:
    """By the app's own pool if the call goes where the app sent it; `in_full`: that pool is a proxy's."""
    parts = urlsplit(outgoing.url)
    options |= {"body": outgoing.body or None, "redirect": False}
    scheme, host, port = at
    if (parts.scheme, parts.hostname, parts.port or PORTS[parts.scheme]) == (scheme, host, port or PORTS.get(scheme)):
        target = outgoing.url if in_full else parts.path + ("?" + parts.query if parts.query else "")
        return original(pool, outgoing.method, target, **options)
    return _elsewhere().urlopen(outgoing.method, outgoing.url, **options)


@cache
def _elsewhere() -> urllib3.PoolManager:
    """For destinations whose endpoint in the policy is another host than the app called."""
    return urllib3.PoolManager()
