"""`GET`, `POST` and `DELETE /gk/consent`: what is asked, an answer, a withdrawal. The same in every shell.

A browser's own pages and those of `server.origins` may write; any other page is a stranger's (`asgi/origins.py`), as a
form is that another site posts here to set its visitors' cookies. A request with cookies and no header by which its
page can be told is refused, too, unless it shows a key. No cache keeps an answer.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl, urlencode

from msgspec import structs

from gatekeeper.consent.notice import Wording
from gatekeeper.errors import EventError
from gatekeeper.gate import Gate
from gatekeeper.model import Caller, Permission
from gatekeeper.shells.asgi import Header, Headers, Read, Reply, Scope, problem_reply
from gatekeeper.shells.asgi.admission import NOT_LISTED, admission
from gatekeeper.shells.asgi.caller import identify, presents_key
from gatekeeper.shells.asgi.cookies import host_of, is_loopback, set_cookies
from gatekeeper.shells.asgi.origins import Sender, cors, sender
from gatekeeper.shells.consent import asked as reading
from gatekeeper.shells.consent import page
from gatekeeper.shells.consent.bodies import Choosing, Conflict, Problem, State, Taken, Withdrawn
from gatekeeper.shells.consent.state import Visit, encoded, moment, said_word, state, visit, with_cookie
from gatekeeper.shells.consent.taking import Over, Result, Taking
from gatekeeper.signals import header_values, own

ALLOWED: Final = b"GET, HEAD, POST, DELETE, OPTIONS"
_UNCACHED: Final[tuple[Header, ...]] = (
    (b"cache-control", b"no-store"),
    (b"vary", b"Cookie, Origin, Sec-GPC, Accept-Language, Accept"),
)
_PREFLIGHT: Final[tuple[Header, ...]] = (
    (b"access-control-allow-methods", b"GET, POST, DELETE"),
    (b"access-control-allow-headers", b"content-type, authorization, gatekeeper-context"),
    (b"access-control-max-age", b"600"),
)
_JSON: Final[Header] = (b"content-type", b"application/json")
_PROBLEM: Final[Header] = (b"content-type", b"application/problem+json")


class ConsentEndpoint:
    """`<prefix>/consent` of one policy's gate. `over` says when a caller grants too often."""

    def __init__(self, gate: Gate, over: Over) -> None:
        self._gate = gate
        self._taking = Taking(gate, over)

    async def reply(self, scope: Scope, headers: Headers, read: Read) -> Reply:
        """The answer to a request."""
        try:
            found = await self._reply(scope, headers, read)
        except EventError as error:
            found = problem_reply(error.status, error.title, field=error.field, detail=error.detail)
        crossing = [header for header in cors(headers, self._gate.policy.origins) if header[0] != b"vary"]
        return found._replace(headers=(*found.headers, *crossing, *_UNCACHED))

    async def _reply(self, scope: Scope, headers: Headers, read: Read) -> Reply:
        method = scope["method"]
        caller = identify(scope, headers, self._gate)
        admitted = admission(method, headers, caller, self._gate.policy.origins)
        if admitted is None:
            return NOT_LISTED
        if method == "OPTIONS":
            return Reply(204, b"", _PREFLIGHT)
        if method not in ("GET", "HEAD", "POST", "DELETE"):
            return problem_reply(405, "the method is not one of this endpoint", headers=((b"allow", ALLOWED),))
        if not caller.trusted and presents_key(headers):
            raise EventError(401, "the bearer key is not known", detail="send one of server.api_keys, or none")
        if method in ("GET", "HEAD"):
            foreign = admitted.foreign and not _navigates(headers)
            return await self._get(scope, structs.replace(caller, foreign=foreign))
        if _untold(headers, caller, self._gate):
            detail = "send Origin, or one of server.api_keys"
            raise EventError(403, "the page of this request cannot be told", detail=detail)
        if method == "DELETE":
            return await self._delete(scope, caller)
        return await self._post(scope, caller, read)

    async def _get(self, scope: Scope, caller: Caller) -> Reply:
        visited = self._visit(caller)
        query = _query(scope)
        wording = self._wording(caller.headers, query.get("language"))
        shown = self._state(visited, wording)
        if not wants_page(caller.headers):
            return Reply(200, encoded(shown), (_JSON, (b"content-language", wording.notice.language.encode())))
        receipt = query.get("receipt", "")
        return page.reply(
            200, shown, page.View(
                action=self._action(scope),
                controller=self._gate.policy.file.policy.controller,
                saved="saved" in query,
                receipt=receipt if page.RECEIPT.fullmatch(receipt) else None,
                following=reading.own_path(query.get("next")),
            ),
        )  # fmt: skip

    async def _post(self, scope: Scope, caller: Caller, read: Read) -> Reply:
        if header_values(caller.headers, b"content-encoding") not in ((), (b"identity",)):
            raise EventError(415, "the content encoding is not supported", detail="send the body as it is")
        length = header_values(caller.headers, b"content-length")
        if length and length[0].isdigit() and int(length[0]) > reading.LIMIT:
            raise EventError(413, "the body is too large", detail=f"at most {reading.LIMIT} bytes")
        body = await read()
        if len(body) > reading.LIMIT:
            raise EventError(413, "the body is too large", detail=f"at most {reading.LIMIT} bytes")
        kind = (header_values(caller.headers, b"content-type") or (b"",))[0].decode("latin-1")
        asked, following = reading.choosing(body, kind, self._gate.policy.notices.purposes)
        says = reading.says(asked)
        self._check_trust(asked, caller)
        visited = self._visit(caller)
        result = await self._taking.take(visited, asked, says, len(body))
        cookies = self._cookies(scope, caller, result)
        if wants_page(caller.headers):
            return self._page_after(scope, visited, result, following, cookies)
        if result.status >= 400:
            return self._problem(visited, result, cookies)
        return Reply(result.status, encoded(self._taken(visited, result)), (_JSON, *cookies))

    async def _delete(self, scope: Scope, caller: Caller) -> Reply:
        purposes, asked = reading.withdrawal(bytes(scope.get("query_string", b"")))
        self._check_trust(asked, caller)
        visited = self._visit(caller)
        result = await self._taking.take(visited, asked, dict.fromkeys(purposes, False), 0)
        cookies = self._cookies(scope, caller, result)
        if result.status >= 400:
            return self._problem(visited, result, cookies)
        recorded = result.recorded
        receipt, cancelled = (None, 0) if recorded is None else (recorded.receipt, recorded.cancelled)
        done = Withdrawn([purpose.value for purpose in purposes], receipt, cancelled)
        return Reply(200, encoded(done), (_JSON, *cookies))

    def _visit(self, caller: Caller) -> Visit:
        return visit(self._gate, caller, self._gate.now())

    def _wording(self, headers: Headers, language: str | None = None) -> Wording:
        accepted = [value.decode("latin-1") for value in header_values(headers, b"accept-language")]
        return self._gate.policy.notices.choose(language, accepted)

    def _state(self, visited: Visit, wording: Wording) -> State:
        return state(self._gate, visited, wording, "d" + self._gate.new_id(visited.at))

    def _action(self, scope: Scope) -> str:
        return f"{scope.get('root_path', '')}{self._gate.policy.prefix}/consent"

    def _check_trust(self, asked: Choosing, caller: Caller) -> None:
        for name in () if caller.trusted else ("subject", "at", "evidence"):
            if getattr(asked, name) is not None:
                raise EventError(422, "is believed with one of server.api_keys only", field=name)
        if caller.trusted and asked.subject is None:
            raise EventError(422, "is missing: whose choice is it", field="subject")

    def _cookies(self, scope: Scope, caller: Caller, result: Result) -> tuple[Header, ...]:
        """The Set-Cookie headers of what was taken; a server that speaks for a visitor gets none."""
        if result.cookie is None or caller.trusted:
            return ()
        host = host_of(caller.headers)
        table = self._gate.policy.file.consent
        lines = set_cookies(
            result.cookie.signed,
            own.readable(result.cookie.said, notice_hash=result.cookie.notice_hash),
            table.cookie,
            host=host,
            max_age=table.max_age,
            secure=not (scope.get("scheme") == "http" and is_loopback(host)),
        )
        return tuple([(b"set-cookie", line.encode()) for line in lines])

    def _after(self, visited: Visit, result: Result) -> Visit:
        """The visitor as the next request finds them."""
        if result.cookie is None:
            return visited
        caller = with_cookie(visited.caller, result.cookie.signed)
        return visit(self._gate, caller, max(visited.at, self._gate.now()))

    def _taken(self, visited: Visit, result: Result) -> Taken:
        after = self._after(visited, result)
        table = self._gate.policy.file.consent
        lasts = min(table.notice.ask_again_after_grant, table.max_age or float("inf"))
        recorded = result.recorded
        return Taken(
            receipt=None if recorded is None else recorded.receipt,
            at=moment(result.at),
            choices={
                purpose.value: said_word(Permission.GRANTED if word else Permission.DENIED)
                for purpose, word in result.says.items()
            },
            effective={purpose.value: one.effective for purpose, one in after.asked.purposes.items()},
            conflicts=[Conflict(purpose.value, signal) for purpose, signal in result.conflicts.items()],
            valid_until=moment(result.at + lasts) if any(result.says.values()) else None,
            cancelled=0 if recorded is None else recorded.cancelled,
        )

    def _problem(self, visited: Visit, result: Result, cookies: tuple[Header, ...]) -> Reply:
        """An answer that is no success: with the state as it is now, where the banner has to begin again."""
        fresh = self._state(self._after(visited, result), self._wording(visited.caller.headers))
        problem = Problem(
            type="about:blank",
            status=result.status,
            title=result.title,
            code=result.code,
            refused=[purpose.value for purpose, word in result.says.items() if not word] or None,
            state=fresh if result.status == 409 else None,
        )
        return Reply(result.status, encoded(problem), (_PROBLEM, *_retry(result), *cookies))

    def _page_after(
        self, scope: Scope, visited: Visit, result: Result, following: str | None, cookies: tuple[Header, ...]
    ) -> Reply:
        """Where a form leads: on to `next`, back to the page, or to the page with what is to be done."""
        recorded = result.recorded
        receipt = None if recorded is None else recorded.receipt
        if result.status < 400:
            told = {"saved": "1", **({"receipt": receipt} if receipt else {})}
            where = following or f"{self._action(scope)}?{urlencode(told)}"
            return Reply(303, b"", ((b"location", where.encode()), *cookies))
        wording = self._wording(visited.caller.headers)
        fresh = self._state(self._after(visited, result), wording)
        stopping = result.status == 503 and recorded is not None
        error = "stopping" if stopping else "not_saved" if result.status == 409 else "try_later"
        view = page.View(
            action=self._action(scope),
            controller=self._gate.policy.file.policy.controller,
            receipt=receipt,
            following=following,
            error=wording.texts[error],
        )
        answer = page.reply(result.status, fresh, view)
        return answer._replace(headers=(*answer.headers, *_retry(result), *cookies))


def wants_page(headers: Headers) -> bool:
    """Whether a request asks for HTML by name: a browser that goes to a page does, a script does not."""
    for value in header_values(headers, b"accept"):
        for part in value.lower().split(b","):
            media, *parameters = [word.strip() for word in part.split(b";")]
            if media == b"text/html":
                return not any(word.replace(b" ", b"") in (b"q=0", b"q=0.0") for word in parameters)
    return False


def _navigates(headers: Headers) -> bool:
    """Whether the browser opens the page in a tab: no other page can read it then, so its cookies count."""
    return set(header_values(headers, b"sec-fetch-dest")) == {b"document"} and wants_page(headers)


def _untold(headers: Headers, caller: Caller, gate: Gate) -> bool:
    """Whether a request brings cookies, and nothing by which its page could be told."""
    who = sender(headers, gate.policy.origins)
    return who is Sender.SERVER and not caller.trusted and any(name == b"cookie" for name, _ in headers)


def _query(scope: Scope) -> dict[str, str]:
    try:
        return dict(parse_qsl(bytes(scope.get("query_string", b"")).decode("latin-1"), max_num_fields=20))
    except ValueError:
        return {}


def _retry(result: Result) -> tuple[Header, ...]:
    return () if result.retry is None else ((b"retry-after", str(result.retry).encode()),)
