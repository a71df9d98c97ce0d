"""The console's frame: the login, the session, scopes, forms, the admin line; every page that there is."""

import asyncio
import re
import time
from concurrent.futures import Future

import httpx
import pytest

from gatekeeper.console import session as sessions
from gatekeeper.console import static
from gatekeeper.console.pages import PAGES, STREAMS
from gatekeeper.errors import AuditError
from gatekeeper.shells.admin import admitted
from gatekeeper.shells.admin.acts import ACTS
from gatekeeper.shells.console import live, seats
from gatekeeper.shells.server import sidecar
from tests.console.conftest import SIGNING
from tests.console.visiting import TOKENS, Visitor, make_app
from tests.running import threaded

LOOKS = [*[one for one in PAGES if one.method == "GET"], *STREAMS]
ROWS = [pytest.param(one, id=f"{getattr(one, 'method', 'GET')}-{one.path}") for one in (*PAGES, *STREAMS)]
STRICT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types gatekeeper"
)


def where(row):
    """An address of a page; its variable parts name nothing that is there."""
    return row.path.replace("{}", "er_unknown0")


def ask(visitor, row, form=None):
    """A request for a page, with a form that is good unless another one is given."""
    method = getattr(row, "method", "GET")
    if method == "POST" and form is None:
        form = {"form_token": token_of(visitor)}
    return visitor.ask(method, where(row), form)


def token_of(visitor):
    """The form's token of a visitor's session."""
    policy, keys = visitor.app.runtime.policy, visitor.app.runtime.keys
    found = sessions.read(visitor.cookie or "", policy.admins, keys, time.time())
    return "" if found is None else sessions.form_token(found, keys)


def test_there_is_no_console_without_admins(tmp_path):
    """404 for every page, the login and the style sheet, as for the API."""
    app = make_app(tmp_path, admins=[])
    visitor = Visitor(app)
    for path in ("", "login", "logout", f"static/{static.version()}/console.css", *[where(one) for one in LOOKS]):
        assert visitor.get(path).status_code == 404, path
    assert visitor.get("/gk/admin").status_code == 404
    app.runtime.close(0.0)


def test_pages_and_api_have_no_path_in_common():
    """The content goes by the path, never by what a client says that it accepts."""
    api = {act.path for act in ACTS}
    own = {one.path for one in (*PAGES, *STREAMS)}
    assert not api & own
    for path in api:
        for one in own:
            pairs = list(zip(path.split("/"), one.split("/"), strict=False))
            same = path.count("/") == one.count("/") and all(a == b or "{}" in (a, b) for a, b in pairs)
            assert not same, (path, one)


@pytest.mark.parametrize("row", ROWS)
def test_every_page_wants_a_session_with_its_scope(shared, row):
    """None, a forged one, a token's header alone: no page and no line; another scope: 403 and a line that says so."""
    visitor = Visitor(shared)
    before = len(visitor.acts())
    for cookie in (None, "dpo.x", f"dpo.{'0' * 32}.1.9999999999.s1.{'A' * 43}"):
        visitor.cookie = cookie
        answer = ask(visitor, row, {})
        assert answer.status_code in (303, 401), row
        assert answer.status_code == 401 or "/login" in answer.headers["location"]
    visitor.cookie = None
    with_token = visitor.ask(
        getattr(row, "method", "GET"), where(row), headers={"authorization": f"Bearer {TOKENS['DPO']}"}
    )
    assert with_token.status_code in (303, 401)
    assert len(visitor.acts()) == before
    for who in ("READER", "REPORTER"):
        other = Visitor(shared).enter(who)
        may = {"READER": {"read"}, "REPORTER": {"report"}}[who]
        answer = ask(other, row)
        assert (answer.status_code == 403) is (row.may not in may), (who, answer.text[:300])
        last = other.acts()[-1]
        assert last["who"] == who.lower() and (last["result"] == "forbidden") is (row.may not in may)


@pytest.mark.parametrize("row", ROWS)
def test_every_look_is_written_down_before_it_is_shown(known, row, monkeypatch):
    """One line with the token's name; and where the log is full there is no page, and nothing is looked up."""
    before = len(known.acts())
    answer = ask(known, row)
    assert answer.status_code < 500
    lines = known.acts()[before:]
    assert lines and lines[0]["who"] == "dpo" and lines[0]["action"] == row.action

    def full(batch, **more):
        done = Future()
        done.set_exception(AuditError("full"))
        return done

    monkeypatch.setattr(known.app.runtime.gate.recorder, "append", full)
    answer = ask(known, row)
    assert answer.status_code == 503 and "nothing was done" in answer.text


@pytest.mark.parametrize("row", [one for one in ROWS if getattr(one.values[0], "method", "") == "POST"])
def test_every_form_is_one_of_this_session(shared, known, row):
    """Without its token, with that of another session, or from another site: 403, and no act."""
    other = Visitor(shared).enter()
    before = len(known.acts())
    good = token_of(known)
    for token in ("", "x", token_of(other), good[:-5] + ("A" if good[-5] != "A" else "B") + good[-4:]):
        assert ask(known, row, {"form_token": token}).status_code == 403, token
    for headers in (
        {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, {"origin": "https://evil.example"},
    ):  # fmt: skip
        answer = known.ask("POST", where(row), {"form_token": good}, headers=headers)
        assert answer.status_code == 403, headers
    assert len(known.acts()) == before


@pytest.mark.parametrize("row", ROWS)
def test_every_answer_says_what_a_browser_may_do_with_it(known, row):
    """No cache, no referrer, no frame, no script or style that is not ours; nothing inline that would need one."""
    answer = ask(known, row)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-security-policy"] == STRICT
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?! type=\"module\" src=)|javascript:", answer.text)


@pytest.mark.parametrize("row", [one for one in ROWS if one.values[0] in LOOKS])
def test_an_address_holds_nothing_that_a_page_does_not_know(known, row):
    """An identifier in a query is refused, and not repeated."""
    answer = known.get(where(row) + "?email=jane.doe@example.com")
    assert answer.status_code == 422 and "jane.doe" not in answer.text


def test_the_login_takes_a_token_in_the_body_and_gives_a_cookie(app):
    """HttpOnly, Strict, of the console's path alone; Secure but on this machine itself; the look is in the log."""
    visitor = Visitor(app)
    page = visitor.get("login")
    assert page.status_code == 200 and "Log in" in page.text
    visitor.log_in()
    line = visitor.set_cookies[-1]
    assert "; Path=/gk/admin; HttpOnly; SameSite=Strict" in line and "Secure" not in line
    assert TOKENS["DPO"] not in line
    assert visitor.acts()[-1]["action"] == "console/login"
    for scheme, host in (("https", "shop.example"), ("https", "localhost"), ("http", "shop.example")):
        other = Visitor(app, scheme, host)
        other.log_in()
        assert other.set_cookies[-1].endswith("; Secure"), (scheme, host)


def test_a_wrong_token_gives_no_session(app, caplog):
    """403, and the token is neither on the page nor in the process log."""
    visitor = Visitor(app)
    answer = visitor.post("login", token="wrong-token-0123456789abcdef")
    assert answer.status_code == 403 and "not a token" in answer.text
    assert "wrong-token" not in answer.text and "wrong-token" not in caplog.text
    assert visitor.get("now").status_code == 303


def test_the_login_cannot_be_sent_by_another_page(app):
    """A form without the cookie and token of our own login page, or of another site, is refused."""
    visitor = Visitor(app)
    assert visitor.ask("POST", "login", {"token": TOKENS["DPO"]}).status_code == 403
    fields = visitor.form("login") | {"token": TOKENS["DPO"]}
    kept, visitor.cookie = visitor.cookie, None
    assert visitor.ask("POST", "login", fields).status_code == 403
    visitor.cookie = kept
    assert visitor.ask("POST", "login", fields, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert visitor.acts() == []


def test_the_login_may_be_open_in_two_tabs(app):
    """The form of the first one is still good."""
    visitor = Visitor(app)
    fields = visitor.form("login") | {"token": TOKENS["DPO"]}
    visitor.get("login")
    assert visitor.ask("POST", "login", fields).status_code == 303


def test_a_login_begins_a_session_of_its_own(app):
    """What the login page's cookie was is of no use afterwards."""
    visitor = Visitor(app)
    visitor.get("login")
    before = visitor.cookie.split(".")[1]
    visitor.log_in()
    assert visitor.cookie.split(".")[1] != before


def test_tries_to_log_in_are_bounded(app):
    """Ten a minute of a network; the eleventh is told how long to wait."""
    visitor = Visitor(app)
    codes = [visitor.post("login", token=f"wrong-token-{n}").status_code for n in range(11)]
    assert codes == [403] * 10 + [429]


@pytest.mark.parametrize("wanted", ["now", "audit", "nowhere", "https://evil.example/", "//evil.example"])
def test_the_login_leads_to_pages_of_ours_alone(app, wanted):
    """An open redirect would lend our name to another site."""
    visitor = Visitor(app)
    answer = visitor.post("login", token=TOKENS["DPO"], next=wanted)
    assert answer.headers["location"] == f"/gk/admin/{wanted if wanted in ('now', 'audit') else ''}"


def test_a_session_is_of_a_token(shared):
    """It holds in any process with the same keys; not for another token of that name, and not once the name is gone."""
    visitor = Visitor(shared).enter()
    policy, keys, now = shared.runtime.policy, shared.runtime.keys, time.time()
    assert sessions.read(visitor.cookie, policy.admins, keys, now).name == "dpo"
    changed = [one._replace(token=type(one.token)("another-token-0123456789")) for one in policy.admins]
    assert sessions.read(visitor.cookie, changed, keys, now) is None
    assert sessions.read(visitor.cookie, [one for one in policy.admins if one.name != "dpo"], keys, now) is None


@pytest.mark.parametrize("part", range(6))
def test_a_session_that_was_changed_is_none(shared, part):
    """Every part is under the MAC."""
    visitor = Visitor(shared).enter()
    policy, keys, now = shared.runtime.policy, shared.runtime.keys, time.time()
    parts = visitor.cookie.split(".")
    parts[part] = {0: "reader", 1: "0" * 32, 2: str(int(parts[2]) + 1), 3: str(int(parts[3]) + 1)}.get(part, "x" * 43)
    assert sessions.read(".".join(parts), policy.admins, keys, now) is None


def test_a_session_ends(shared):
    """A quarter of an hour after the last look, eight hours after the login in any case, and never before."""
    policy, keys = shared.runtime.policy, shared.runtime.keys
    one = sessions.begun("dpo", b"0" * 16, 1_000_000)
    value = sessions.written(one, policy.admins, keys)
    assert sessions.read(value, policy.admins, keys, 1_000_000 + 899)
    assert sessions.read(value, policy.admins, keys, 1_000_000 + 900) is None
    assert sessions.read(value, policy.admins, keys, 1_000_000 - 3_600) is None
    late = sessions.written(one._replace(seen=1_000_000 + 8 * 3_600 - 10), policy.admins, keys)
    assert sessions.read(late, policy.admins, keys, 1_000_000 + 8 * 3_600 - 1)
    assert sessions.read(late, policy.admins, keys, 1_000_000 + 8 * 3_600) is None


def test_a_look_goes_on_with_the_session(shared):
    """The cookie is written again when a minute has passed, with the same beginning; a stream never writes it."""
    policy, keys, now = shared.runtime.policy, shared.runtime.keys, int(time.time())
    old = sessions.begun("dpo", b"0" * 16, now - 600)
    visitor = Visitor(shared)
    visitor.cookie = sessions.written(old, policy.admins, keys)
    assert "set-cookie" not in visitor.get("now/stream").headers
    assert "set-cookie" in visitor.get("now").headers
    found = sessions.read(visitor.cookie, policy.admins, keys, time.time())
    assert found.began == now - 600 and found.seen >= now
    assert "set-cookie" not in visitor.get("now").headers


def test_the_logout_removes_the_cookie(dpo):
    """By a form of its own; the next page is the login."""
    answer = dpo.post("now", "logout")
    assert answer.status_code == 303 and answer.headers["location"] == "/gk/admin/login"
    assert dpo.cookie is None and dpo.get("now").status_code == 303
    assert dpo.acts()[-1]["action"] == "console/logout"


def test_a_page_shows_the_pages_that_the_token_may_see(shared):
    """The navigation of a token that may only report has no page of the readers'."""
    reader = Visitor(shared).enter("READER")
    html = reader.get("now").text
    for one in PAGES:
        if one.nav:
            assert (f'href="/gk/admin/{one.path}"' in html) is (one.may == "read")


def test_static_files_are_served_by_their_hash(shared):
    """For ever; under another hash there is none."""
    visitor = Visitor(shared)
    for name, media in (("console.css", "text/css"), ("console.js", "text/javascript"), ("live.js", "text/javascript")):
        answer = visitor.get(f"static/{static.version()}/{name}")
        assert answer.status_code == 200 and answer.headers["content-type"].startswith(media)
        assert "immutable" in answer.headers["cache-control"]
    assert visitor.get("static/another/console.css").status_code == 404
    assert visitor.get(f"static/{static.version()}/../page.py").status_code == 404


def events(answer):
    """The events of a stream that ended: name, id and data."""
    found = []
    for block in answer.text.split("\n\n"):
        pairs = [line.partition(": ")[::2] for line in block.splitlines()]
        fields = dict(pairs)
        if "event" in fields:
            data = "\n".join(value for name, value in pairs if name == "data")
            found.append((fields["event"], fields.get("id"), data))
    return found


def test_a_stream_writes_one_line_for_one_look(known):
    """A connection goes on with a look by the last event's id; with an id that was made up it is a look of its own."""
    before = len(known.acts())
    first = known.get("now/stream")
    assert first.headers["content-type"].startswith("text/event-stream")
    name, mark, html = events(first)[0]
    assert name == "part" and '<div id="live">' in html
    known.get("now/stream", headers={"last-event-id": mark})
    assert len(known.acts()) == before + 1
    known.get("now/stream", headers={"last-event-id": mark.replace(mark[0], "9", 1)})
    known.get("now/stream", headers={"last-event-id": "x"})
    assert len(known.acts()) == before + 3


def test_streams_are_bounded(known, monkeypatch):
    """The one that is too many is told so."""
    monkeypatch.setattr(seats.Seats, "left", lambda self: False)
    monkeypatch.setattr(seats, "PATIENCE", 0.0)
    assert known.get("now/stream").status_code == 503


def test_looks_wait_for_their_turn_and_not_for_ever(known, monkeypatch):
    """Threads are other requests', too: a look that finds none free is told so, and there is no line of it."""
    before = len(known.acts())
    monkeypatch.setattr(seats, "PATIENCE", 0.0)
    monkeypatch.setattr(seats.Seats, "left", lambda self: False)
    assert known.get("now").status_code == 503
    assert len(known.acts()) == before


def test_a_token_has_a_rate(app, monkeypatch):
    """Ten requests at once; then it waits for a second, whichever pages they are for. Here the time stands still."""
    visitor = Visitor(app).enter()
    monkeypatch.setattr(admitted, "RATE", 10.0)
    over, begun = admitted.Rate.over, time.monotonic() + 60
    monkeypatch.setattr(admitted.Rate, "over", lambda self, name, now: over(self, name, begun))
    codes = [visitor.get("audit/verification").status_code for _ in range(12)]
    assert codes == [200] * 10 + [429] * 2


def test_a_stream_goes_on_behind_its_first_event(tmp_path, monkeypatch):
    """Over a real server: the first event at once, a heartbeat or another event behind it, and then its end."""
    monkeypatch.setenv("GATEKEEPER_SIGNING_KEYS", SIGNING)
    monkeypatch.setattr(live, "LASTS", 0.5)
    app = make_app(tmp_path)
    cookie = {"cookie": f"gatekeeper_console={Visitor(app).enter().cookie}"}
    with threaded(sidecar.server(app)) as at, httpx.Client(trust_env=False, headers=cookie) as client:
        assert client.get(f"http://{at}/gk/admin/now").status_code == 200
        with client.stream("GET", f"http://{at}/gk/admin/now/stream") as answer:
            parts = list(answer.iter_text())
        assert answer.headers["transfer-encoding"] == "chunked" and "content-length" not in answer.headers
    whole = "".join(parts)
    assert whole.startswith("retry: 1000\nevent: part\n") and len(parts) >= 2
    assert whole.endswith("\n\n") and (": still here" in whole or whole.count("event: part") > 1)


def test_a_client_that_is_gone_ends_its_stream(shared, monkeypatch):
    """At once, and its seat is free; so a shell that cannot send parts, as Django's WSGI, has the first event alone."""
    monkeypatch.setattr(live, "LASTS", 3_600.0)
    cookie = f"gatekeeper_console={Visitor(shared).enter().cookie}".encode()
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
        "path": "/gk/admin/now/stream", "raw_path": b"/gk/admin/now/stream", "query_string": b"", "root_path": "",
        "headers": [(b"host", b"localhost"), (b"cookie", cookie)], "client": ("127.0.0.1", 1),
        "server": ("localhost", 80),
    }  # fmt: skip
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "http.disconnect"}

    async def go():
        async with asyncio.timeout(10):
            for _ in range(seats.STREAMS + 1):
                await shared(scope, receive, send)

    asyncio.run(go())
    assert [one["status"] for one in sent if one["type"] == "http.response.start"] == [200] * (seats.STREAMS + 1)
    assert all(one["body"].count(b"event: part") <= 1 for one in sent if one["type"] == "http.response.body")


def test_the_page_that_is_shown_is_marked_in_the_navigation(known):
    """For readers of screens, by an attribute and no text that looks like one."""
    for one in PAGES:
        if one.nav:
            html = known.get(one.path).text
            assert f'href="/gk/admin/{one.path}" aria-current="page">{one.nav}</a>' in html
            assert "=&#34;" not in html.partition("<main")[0]
