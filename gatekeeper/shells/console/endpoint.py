"""`<prefix>/admin/…` as pages. A request in; a page, a file, or where to go on.

404 no admin token in the policy · 303 to the login without a session · 403 the scope, or no form of ours · 422 what was
sent · 429 too often · 503 the log or the store cannot be written: nothing was done and nothing is shown

In this order: session, rate, scope, form, the `admin` line, the page. Nothing is looked up before the line is durable.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from gatekeeper.console import static
from gatekeeper.console.page import Page, Stream
from gatekeeper.console.pages import PAGES, STREAMS
from gatekeeper.gate import Gate
from gatekeeper.runtime import Runtime
from gatekeeper.shells.admin.admitted import Rate
from gatekeeper.shells.asgi import Headers, Read, Reply, Scope, problem_reply
from gatekeeper.shells.console.faults import FAULTS, told
from gatekeeper.shells.console.house import House
from gatekeeper.shells.console.visit import LOGIN, LOGOUT, Visit

_FOLDER: Final = f"{static.FOLDER}/"
_SAFE: Headers = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy",
     b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
     b"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
     b"trusted-types gatekeeper"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"x-robots-tag", b"noindex"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)  # fmt: skip
_FOR_EVER: Final = (b"cache-control", b"public, max-age=31536000, immutable")


class ConsoleEndpoint:
    """The console of one policy."""

    def __init__(
        self,
        runtime: Runtime,
        gate: Gate,
        prefix: str,
        rate: Rate,
        pages: Iterable[Page] = PAGES,
        streams: Iterable[Stream] = STREAMS,
    ) -> None:
        self._prefix = prefix
        self._house = House(runtime, gate, rate, pages, streams)

    def answers(self, path: str) -> bool:
        """Whether a path is one of the console's; any other is the API's."""
        rest, house = path.removeprefix(self._prefix), self._house
        own = rest in ("", LOGIN, LOGOUT) or rest in house.streams or rest.startswith(_FOLDER)
        return own or bool(house.there(rest))

    async def reply(self, scope: Scope, headers: Headers, read: Read) -> Reply:
        """The answer; no cache keeps it, and no page of another origin sees it."""
        if not self._house.gate.policy.admins:
            return problem_reply(404, "there is no such endpoint", detail="the policy has no [[server.admins]]")
        base = f"{scope.get('root_path', '')}{self._prefix}"
        rest = str(scope["path"]).partition(self._prefix)[2]
        if rest.startswith(_FOLDER):
            return _static(rest.removeprefix(_FOLDER), str(scope["method"]))
        visit = Visit(self._house, scope, headers, read, base, rest)
        try:
            answer = await visit.answer()
        except FAULTS as error:
            answer = visit.problem(*told(error))
        given = {name for name, _ in answer.headers}
        return answer._replace(headers=(*answer.headers, *[one for one in _SAFE if one[0] not in given]))


def _static(rest: str, method: str) -> Reply:
    """A style sheet or module: public, and the same for everybody."""
    given, _, name = rest.partition("/")
    data = static.contents().get(name)
    if data is None or given != static.version() or method not in ("GET", "HEAD"):
        return problem_reply(404, "there is no such file")
    headers = [(b"content-type", static.TYPES[name.rpartition(".")[2]].encode()), _FOR_EVER]
    return Reply(200, data, (*headers, *[one for one in _SAFE if one[0] != b"cache-control"]))
