"""One request to the console: session, rate, scope, form, the `admin` line, the page; in this order."""

from __future__ import annotations

import contextlib
import logging
import secrets
import time
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from gatekeeper.console import session as sessions
from gatekeeper.console import static
from gatekeeper.console.page import HTML, Answer, Asked, File, Moved, Page, Shown, Stream
from gatekeeper.console.render import rendered
from gatekeeper.console.session import Session
from gatekeeper.errors import EventError
from gatekeeper.policy.compiled import Admin
from gatekeeper.runtime.limits import network
from gatekeeper.shells.admin.admitted import beside
from gatekeeper.shells.asgi import IN_ONE_PIECE, Headers, Read, Reply, Scope
from gatekeeper.shells.asgi.caller import identify
from gatekeeper.shells.console import cookies, forms, live, pieces
from gatekeeper.shells.console.house import House

RENEW: Final = 60  # seconds after which a look writes the cookie again
LOGIN: Final = "login"
LOGOUT: Final = "logout"
_log = logging.getLogger("gatekeeper")


class Guest(NamedTuple):
    """Who looks: their session, and the token's row in the policy once they have logged in."""

    session: Session
    admin: Admin | None = None


class Visit:
    """One request to the console."""

    def __init__(
        self, house: House, scope: Scope, headers: Headers, read: Read, base: str, rest: str
    ) -> None:  # fmt: skip
        self._house, self._gate, self._scope, self._headers, self._read = house, house.gate, scope, headers, read
        self._base, self._rest = base, rest
        method = str(scope["method"])
        self._method = "GET" if method == "HEAD" else method
        self._now = time.time()
        self._guest = self._who()

    def _who(self) -> Guest | None:
        policy = self._gate.policy
        for value in cookies.values(self._headers):
            session = sessions.read(value, policy.admins, self._gate.keys, self._now)
            if session is not None:
                admin = next((one for one in policy.admins if one.name == session.name), None)
                return Guest(session, admin)
        return None

    async def answer(self) -> Reply:
        """The answer. Raises EventError and what pages raise."""
        if self._rest == LOGIN:
            return await self._login()
        guest = self._guest
        if guest is None or guest.admin is None:
            return self._to_login()
        wait = self._house.rate.over(guest.admin.name, time.monotonic())
        if wait:
            raise EventError(429, "too many requests", detail="wait a second, and load the page again")
        if self._rest == LOGOUT:
            return await self._logout(guest)
        if self._rest == "":
            return self._moved(self._house.first(guest.admin))
        stream = self._house.streams.get(self._rest)
        if stream is not None:
            return await self._stream(stream, guest, guest.admin)
        return await self._page(guest, guest.admin)

    async def _page(self, guest: Guest, admin: Admin) -> Reply:
        there = self._house.there(self._rest)
        found = next(((page, parts) for page, parts in there if page.method == self._method), None)
        if found is None:
            raise EventError(405, "the method is not one of this page")
        page, parts = found
        desk = self._house.desk(admin.name)
        if page.may not in admin.may:
            await beside(lambda: desk.office.record(page.action, result="forbidden"))
            raise EventError(403, "your token may not see this", detail=f'it needs "{page.may}" in its `may`')
        form, files = await self._form(guest) if page.method == "POST" else ({}, {})
        query = forms.query(bytes(self._scope.get("query_string", b"")), page.query)
        asked = Asked(parts, query, form, files, admin.may)

        def do() -> Answer:
            """Write down the look, then look."""
            desk.office.record(page.action)
            return page.do(desk, asked)

        await self._house.looks.turn()
        with contextlib.ExitStack() as seat:
            seat.callback(self._house.looks.leave)
            answer = await beside(do)
            if not isinstance(answer, Shown) or answer.later is None:
                return self._lasting(await beside(lambda: self._shown(answer, page)), guest)
            is_whole = self._scope["method"] == "HEAD" or IN_ONE_PIECE in self._scope.get("extensions", {})
            values = self._values(answer, page)
            return self._lasting(
                await pieces.reply(answer, answer.later, values, is_whole=is_whole, seat=seat.pop_all()), guest
            )

    async def _form(self, guest: Guest) -> forms.Form:
        """The form of a POST, which must come from a page of this session."""
        if cookies.is_foreign(self._headers):
            raise EventError(403, "the form came from another site")
        form, files = forms.form(await self._read(), self._headers)
        if not sessions.is_of_form(form.get("form_token", ""), guest.session, self._gate.keys):
            raise EventError(
                403, "the form is not one of this session", detail="load the page again, and send it again"
            )
        return {name: value for name, value in form.items() if name != "form_token"}, files

    async def _login(self) -> Reply:
        keys, policy = self._gate.keys, self._gate.policy
        if self._method == "GET":
            if self._guest is not None and self._guest.admin is not None:
                return self._moved(self._house.first(self._guest.admin))
            query = forms.query(bytes(self._scope.get("query_string", b"")), ("next",))
            return self._login_page(200, query.get("next", ""))
        if self._method != "POST":
            raise EventError(405, "the method is not one of this page")
        wait = self._house.wait_for_login(
            network(identify(self._scope, self._headers, self._gate)) or b"", time.monotonic()
        )
        if wait:
            return self._login_page(429, "", f"There were too many attempts. Try again in {wait} s.")
        if self._guest is None:
            return self._login_page(403, "", "This page was open for too long. Try again.")
        form, _ = await self._form(self._guest)
        admin = sessions.admin_of(form.get("token", ""), policy.admins)
        if admin is None:
            _log.warning("console: a login was refused: the token is not known")
            return self._login_page(403, form.get("next", ""), "This is not a token of the policy.")
        desk = self._house.desk(admin.name)
        await beside(lambda: desk.office.record("console/login"))
        session = sessions.begun(admin.name, secrets.token_bytes(16), self._now)
        cookie = self._cookie(sessions.written(session, policy.admins, keys))
        wanted = form.get("next", "")
        there = [page for page, parts in self._house.there(wanted) if page.method == "GET" and page.may in admin.may]
        moved = self._moved(wanted if there else "")
        return moved._replace(headers=(*moved.headers, cookie))

    def _login_page(self, status: int, wanted: str, problem: str | None = None) -> Reply:
        """The login page, with a session that has not been logged in to."""
        if not self._house.there(wanted):
            wanted = ""
        session = sessions.begun("", secrets.token_bytes(16), self._now)
        if self._guest is not None and self._guest.admin is None:  # the login is open in another tab, too
            session = session._replace(random=self._guest.session.random)
        frame = self._frame(None) | {"form_token": sessions.form_token(session, self._gate.keys)}
        html = rendered("login.html", {"frame": frame, "title": "Log in", "problem": problem, "next": wanted})
        cookie = self._cookie(sessions.written(session, self._gate.policy.admins, self._gate.keys))
        return Reply(status, html.encode(), ((b"content-type", HTML.encode()), cookie))

    async def _logout(self, guest: Guest) -> Reply:
        if self._method != "POST":
            raise EventError(405, "the method is not one of this page")
        await self._form(guest)
        desk = self._house.desk(guest.session.name)
        await beside(lambda: desk.office.record("console/logout"))
        moved = self._moved(LOGIN)
        return moved._replace(headers=(*moved.headers, self._cookie(None)))

    async def _stream(self, stream: Stream, guest: Guest, admin: Admin) -> Reply:
        if self._method != "GET":
            raise EventError(405, "the method is not one of this page")
        forms.query(bytes(self._scope.get("query_string", b"")), ())
        desk = self._house.desk(admin.name)
        if stream.may not in admin.may:
            await beside(lambda: desk.office.record(stream.action, result="forbidden"))
            raise EventError(403, "your token may not see this", detail=f'it needs "{stream.may}" in its `may`')
        return await live.reply(self._house.seats, stream, desk, guest.session, self._gate.keys, self._headers, beside)

    def _shown(self, answer: Answer, page: Page) -> Reply:
        match answer:
            case Shown():
                html = rendered(answer.template, self._values(answer, page))
                return Reply(answer.status, html.encode(), ((b"content-type", HTML.encode()),))
            case Moved():
                return self._moved(answer.path)
            case File():
                headers = [(b"content-type", answer.media.encode())]
                if answer.name is not None:
                    headers.append((b"content-disposition", f'attachment; filename="{answer.name}"'.encode()))
                return Reply(200, answer.data, tuple(headers))

    def _values(self, answer: Shown, page: Page) -> dict[str, Any]:
        return {"title": answer.title, **answer.values, "frame": self._frame(page)}

    def _frame(self, page: Page | None) -> dict[str, Any]:
        """What every page shows: the navigation, who looks, the form's token."""
        guest, policy = self._guest, self._gate.policy
        admin = None if guest is None else guest.admin
        rows = [] if admin is None else self._house.navigation(admin)
        return {
            "base": self._base,
            "static": f"{self._base}{static.FOLDER}/{static.version()}/",
            "controller": policy.file.policy.controller,
            "who": None if admin is None else admin.name,
            "may": frozenset() if admin is None else admin.may,
            "nav": rows,
            "first": rows[0].path if rows else LOGIN,
            "here": "" if page is None else _head(page.path),
            "form_token": "" if guest is None else sessions.form_token(guest.session, self._gate.keys),
        }

    def problem(self, status: int, title: str, detail: str | None = None) -> Reply:
        """A refusal as a page."""
        values = {"frame": self._frame(None), "title": _TITLES.get(status, "This was not done"), "detail": detail}
        html = rendered("problem.html", values | {"sentence": title[:1].upper() + title[1:] + "."})
        more: Headers = ((b"retry-after", b"1"),) if status in (429, 503) else ()
        return Reply(status, html.encode(), ((b"content-type", HTML.encode()), *more))

    def _to_login(self) -> Reply:
        if self._method != "GET" or self._rest in self._house.streams:
            raise EventError(401, "there is no session, or it is over", detail="log in, and do it again")
        wanted = [page for page, _ in self._house.there(self._rest) if page.method == "GET"]
        return self._moved(f"{LOGIN}?next={self._rest}" if wanted and "{}" not in wanted[0].path else LOGIN)

    def _moved(self, path: str) -> Reply:
        return Reply(303, b"", ((b"location", f"{self._base}{path}".encode()),))

    def _cookie(self, value: str | None) -> tuple[bytes, bytes]:
        return cookies.header(value, self._base.rstrip("/"), str(self._scope.get("scheme", "http")), self._headers)

    def _lasting(self, reply: Reply, guest: Guest) -> Reply:
        """With the session's cookie written again, where this look is much later than the last one."""
        if self._now - guest.session.seen < RENEW:
            return reply
        session = guest.session._replace(seen=int(self._now))
        cookie = self._cookie(sessions.written(session, self._gate.policy.admins, self._gate.keys))
        return reply._replace(headers=(*reply.headers, cookie))


_TITLES: Final[Mapping[int, str]] = {
    401: "You are not logged in", 403: "You may not do this", 404: "This is not there", 429: "Too often",
    503: "Nothing was done",
}  # fmt: skip


def _head(path: str) -> str:
    """The page of the navigation that a path belongs to."""
    return path.partition("/")[0]
