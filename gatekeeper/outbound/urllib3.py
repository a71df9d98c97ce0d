"""urllib3: every request of every pool, and with it of all that is built upon it (requests has its own file)."""

from __future__ import annotations

from functools import cache
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import urllib3
from urllib3.connectionpool import HTTPConnectionPool

from gatekeeper.installation import forks
from gatekeeper.model import Answer, Outgoing
from gatekeeper.outbound.http_client import phrase
from gatekeeper.outbound.intercept import body_of, pairs, readable, watch
from gatekeeper.outbound.marks import covering, passing
from gatekeeper.outbound.patched import Patched
from gatekeeper.outbound.routes import PORTS

_patched = Patched()
Address = tuple[str, str, int | None]
_OPTIONS = ("timeout", "retries", "assert_same_host")  # of the app's own call, that hold for the rewritten one too


def install() -> None:
    """Catch the requests of all pools."""
    _patched.replace(HTTPConnectionPool, "urlopen", _urlopen)


def uninstall() -> None:
    """Leave the pools as they were."""
    _patched.restore()


def response_of(answer: Answer, *, preload: bool = True, method: str | None = None) -> urllib3.HTTPResponse:
    """An answer as urllib3 gives it; not `preload`: to be read by the caller."""
    return urllib3.HTTPResponse(
        body=BytesIO(answer.body),
        headers=dict(answer.headers),
        status=answer.status,
        reason=phrase(answer.status),
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
        judged = covering(method, at[1], parts.path, parts.query, body if isinstance(body, bytes) else None)
        match = None if judged is not None else watch(*at, parts.path, below=True)
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

        return response_of(
            call.carry(sent, _seconds(options.get("timeout"))),
            preload=options.get("preload_content", True),
            method=method,
        )

    return urlopen


def _seconds(timeout: Any) -> object:
    """The seconds that the app gave the call: the longest of them."""
    given = [getattr(timeout, name, None) for name in ("total", "connect_timeout", "read_timeout")]
    seconds = [one for one in given if isinstance(one, (int, float))]
    return max(seconds) if seconds else timeout


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
    return _elsewhere().pool.urlopen(outgoing.method, outgoing.url, **options)


class _Elsewhere:
    """For destinations whose endpoint in the policy is another host than the app called: a pool of this process."""

    def __init__(self) -> None:
        self.pool = urllib3.PoolManager()
        forks.register(self)

    def forked(self) -> None:
        """In a child: two processes that read from one connection get each other's answers."""
        forks.leave_behind(self.pool)
        self.pool = urllib3.PoolManager()


@cache
def _elsewhere() -> _Elsewhere:
    return _Elsewhere()
