"""Pools with urllib3's interface, of whichever library: what one request to a pool is, judged and rewritten."""

from __future__ import annotations

from functools import cache
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

from gatekeeper.installation import forks
from gatekeeper.model import Answer, Outgoing
from gatekeeper.outbound.http_client import phrase
from gatekeeper.outbound.intercept import Intercepted, Match, watch
from gatekeeper.outbound.marks import covering, passing, target
from gatekeeper.outbound.reading import body_of, pairs, readable
from gatekeeper.outbound.routes import PORTS

Address = tuple[str, str, int | None]
_OPTIONS = (
    "timeout",
    "retries",
    "assert_same_host",
    "on_post_connection",
)  # of the app's own call, that hold for the rewritten one too


def response_of(answer: Answer, *, preload: bool = True, method: str | None = None, kind: Any) -> Any:
    """An answer as urllib3 gives it; not `preload`: to be read by the caller."""
    return kind(
        body=BytesIO(answer.body),
        headers=dict(answer.headers),
        status=answer.status,
        reason=phrase(answer.status),
        version=11,
        preload_content=preload,
        request_method=method,
    )


class Asked:
    """One request to a pool: where it goes, and the rewritten one by the same pool, or by one for elsewhere."""

    def __init__(self, pool: Any, method: str, url: str, body: Any, headers: Any, options: dict[str, Any]) -> None:
        self.parts = urlsplit(url)
        # In full where the pool is a proxy's.
        self.at: Address = (self.parts.scheme, self.parts.hostname or "", self.parts.port)
        if not self.parts.netloc:
            self.at = (pool.scheme or "http", pool.host, pool.port)
        self._method, self._body, self._options = method, body, options
        self._headers = pairs(pool.headers if headers is None else headers)

    def match(self) -> Match | None:
        """Whether the request is tracking, and was not judged above."""
        plain = b"" if self._body is None else self._body if isinstance(self._body, bytes) else None
        if covering(self._method, self.at[1], self.parts.path, self.parts.query, plain) is not None:
            return None
        return watch(*self.at, self.parts.path, below=True)

    def judge(self, match: Match, body: bytes) -> Intercepted:
        """Decide on the call, with the body as it was read."""
        return match.judge(self._method, self.parts.path, self.parts.query, self._headers, body)

    def rewritten(self, outgoing: Outgoing) -> tuple[str | None, dict[str, Any]]:
        """The target at the app's own pool, `None` if the call goes elsewhere; and the options of the call."""
        more = {key: self._options[key] for key in _OPTIONS if key in self._options}
        more |= {"headers": dict(outgoing.headers), "body": outgoing.body or None, "redirect": False}
        if self.parts.netloc:
            more["headers"] |= {name: value for name, value in self._headers if name.lower() == "proxy-authorization"}
        parts = urlsplit(outgoing.url)
        scheme, host, port = self.at
        there = (parts.scheme, parts.hostname, parts.port or PORTS[parts.scheme])
        is_here = there == (scheme, host, port or PORTS.get(scheme))
        return (target(outgoing, in_full=bool(self.parts.netloc)) if is_here else None), more

    @property
    def within(self) -> object:
        """The seconds that the app gave the call."""
        return _seconds(self._options.get("timeout"))

    def response(self, answer: Answer, kind: Any) -> Any:
        """The answer as this request asked for it."""
        preload = self._options.get("preload_content", True)
        return response_of(answer, preload=preload, method=self._method, kind=kind)


def urlopen_of(library: Any) -> Any:
    """The pools' method for one of the libraries with urllib3's interface."""

    def _urlopen(original: Any) -> Any:
        def urlopen(
            self: Any, method: str, url: str, body: Any = None, headers: Any = None, *args: Any, **options: Any
        ) -> Any:
            asked = Asked(self, method, url, body, headers, options)
            match = asked.match()
            if match is None:
                with passing(asked.at[1]):
                    return original(self, method, url, body, headers, *args, **options)

            def sent(outgoing: Outgoing) -> Answer:
                there, more = asked.rewritten(outgoing)
                if there is None:
                    response = _elsewhere(library).pool.urlopen(outgoing.method, outgoing.url, **more)
                else:
                    response = original(self, outgoing.method, there, **more)
                return readable(response.status, pairs(response.headers), response.data)

            call = asked.judge(match, body_of(body, match.limit))
            return asked.response(call.carry(sent, asked.within), library.HTTPResponse)

        return urlopen

    return _urlopen


def _seconds(timeout: Any) -> object:
    """The seconds that the app gave the call: the longest of them."""
    given = [getattr(timeout, name, None) for name in ("total", "connect_timeout", "read_timeout")]
    seconds = [one for one in given if isinstance(one, (int, float))]
    return max(seconds) if seconds else timeout


class _Elsewhere:
    """For destinations whose endpoint in the policy is another host than the app called: a pool of this process."""

    def __init__(self, library: Any) -> None:
        self._library = library
        self.pool = library.PoolManager()
        forks.register(self)

    def forked(self) -> None:
        """In a child: two processes that read from one connection get each other's answers."""
        forks.leave_behind(self.pool)
        self.pool = self._library.PoolManager()


@cache
def _elsewhere(library: Any) -> _Elsewhere:
    return _Elsewhere(library)
