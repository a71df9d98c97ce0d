"""urllib3.future, which niquests is built upon: every request of every pool, sync and async, over HTTP/1, 2 and 3.

It is installed as `urllib3_future`, and unless told otherwise in the place of urllib3, too. Its protocols are its own,
not those of the standard library's `http.client`. So its connections are a lowest place: a judged request is sent with
the lines that were judged, whatever was added to it meanwhile.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any, Final

from gatekeeper.model import Answer, Outgoing
from gatekeeper.outbound.marks import first_byte, judged_head, lines, passing, target
from gatekeeper.outbound.patched import Patched
from gatekeeper.outbound.pools import Asked, urlopen_of
from gatekeeper.outbound.reading import body_of, pairs, readable

_patched = Patched()
NAMES: Final = ("urllib3", "urllib3_future")


def install() -> None:
    """Catch the requests of all pools, under each name that the library has here."""
    for name in NAMES:
        if importlib.util.find_spec(name) is None:
            continue
        library = importlib.import_module(name)
        if not hasattr(library, "AsyncPoolManager"):  # urllib3 itself
            continue
        if name != "urllib3":  # its sync pools have their file
            _patched.replace(library.HTTPConnectionPool, "urlopen", urlopen_of(library))
        _patched.replace(library.AsyncHTTPConnectionPool, "urlopen", _async_urlopen_of(library))
        backend = importlib.import_module(f"{name}.backend.hface")
        _patched.replace(backend.HfaceBackend, "endheaders", _endheaders)
        async_backend = importlib.import_module(f"{name}.backend._async.hface")
        _patched.replace(async_backend.AsyncHfaceBackend, "endheaders", _async_endheaders)


def uninstall() -> None:
    """Leave the pools as they were."""
    _patched.restore()


def _async_urlopen_of(library: Any) -> Any:
    def _urlopen(original: Any) -> Any:
        async def urlopen(
            self: Any, method: str, url: str, body: Any = None, headers: Any = None, *args: Any, **options: Any
        ) -> Any:
            asked = Asked(self, method, url, body, headers, options)
            match = asked.match()
            if match is None:
                with passing(asked.at[1]):
                    return await original(self, method, url, body, headers, *args, **options)

            async def _sent(outgoing: Outgoing) -> Answer:
                there, more = asked.rewritten(outgoing)
                if there is not None:
                    return await _answer(await original(self, outgoing.method, there, **more))
                async with library.AsyncPoolManager() as pool:
                    return await _answer(await pool.urlopen(outgoing.method, outgoing.url, **more))

            call = asked.judge(match, await _body(body, match.limit))
            return asked.response(await call.carry_async(_sent, asked.within), library.AsyncHTTPResponse)

        return urlopen

    return _urlopen


async def _answer(response: Any) -> Answer:
    return readable(response.status, pairs(response.headers), await response.data or b"")


async def _body(body: Any, limit: int) -> bytes:
    """A body as the async pools take it, read no further than is needed to see that it is too large."""
    if not hasattr(body, "__aiter__"):
        return body_of(body, limit)
    read = b""
    async for part in body:
        read += part.encode() if isinstance(part, str) else bytes(part)
        if len(read) > limit:
            break
    return read


def _endheaders(original: Any) -> Any:
    def endheaders(self: Any, *args: Any, **options: Any) -> Any:
        if not _restore(self, "_HfaceBackend__headers"):
            return original(self, *args, **options)
        if self.sock is None:
            self.connect()
        with first_byte():
            return original(self, *args, **options)

    return endheaders


def _async_endheaders(original: Any) -> Any:
    async def endheaders(self: Any, *args: Any, **options: Any) -> Any:
        if not _restore(self, "_AsyncHfaceBackend__headers"):
            return await original(self, *args, **options)
        if self.sock is None:
            await self.connect()
        with first_byte():
            return await original(self, *args, **options)

    return endheaders


def _restore(connection: Any, name: str) -> bool:
    """Have a judged request's head as it was judged; whether it is one. `:method`, `:path` and the like come first."""
    head = [(key.decode("latin-1").lower(), value.decode("latin-1")) for key, value in getattr(connection, name)]
    named = dict(head)
    where = named.get(":path", "")
    in_full = "://" in where
    path, _, query = (f"/{where.partition('//')[2].partition('/')[2]}" if in_full else where).partition("?")
    host = named.get("host") or named.get(":authority", "")
    judged = judged_head(named.get(":method", ""), host, path, query)
    if judged is None:
        return False
    pseudo = [(key, value) for key, value in head if key in (":method", ":authority", ":scheme")]
    pseudo.append((":path", target(judged, in_full=in_full)))
    rest = lines(judged, [(key, value) for key, value in head if not key.startswith(":")])
    sealed = [(key.lower().encode("latin-1"), value.encode("latin-1")) for key, value in [*pseudo, *rest]]
    setattr(connection, name, sealed)
    return True
