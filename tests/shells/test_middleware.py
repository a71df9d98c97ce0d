"""The middleware: what is not ours passes untouched; `track` speaks for the visitor being served."""

import asyncio
import logging
import re

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

import gatekeeper
from gatekeeper import ConfigError, GatekeeperMiddleware, context
from gatekeeper.errors import GatekeeperError
from gatekeeper.shells.asgi.caller import here
from tests.builders import NOW, RING, own_cookie
from tests.running import running


@pytest.fixture(scope="module")
def wrapped(tmp_path_factory):
    with running("middleware", tmp_path_factory.mktemp("wrapped")) as up:
        yield up


def middleware(app, tmp_path):
    from tests.builders import make_policy

    return GatekeeperMiddleware(
        app, config=make_policy(audit={"path": str(tmp_path / "a")}, keys={"path": str(tmp_path / "k")})
    )


@pytest.mark.parametrize("path", ["/buy", "/buy-async"])
def test_track_speaks_for_the_visitor_of_the_request(wrapped, path):
    """From a sync view in a thread pool and from an async one."""
    wrapped.sims.clear()
    cookie = gatekeeper.issue_consent(config=wrapped.runtime.policy, analytics=True).partition(";")[0]
    consented = wrapped.http.get(path, headers={"Cookie": cookie}).text
    refused = wrapped.http.get(path).text
    assert wrapped.statuses(wrapped.finished(consented))["ga4"] == "delivered"
    assert wrapped.statuses(wrapped.finished(refused))["ga4"] == "no_analytics_consent"
    assert len(wrapped.sims.ga4.received) == 1


def test_visitors_never_mix(wrapped):
    """200 requests at once, of alternating consent: each event has its own visitor's consent."""
    cookie = gatekeeper.issue_consent(config=wrapped.runtime.policy, analytics=True).partition(";")[0]

    async def buy():
        async with httpx.AsyncClient(base_url=wrapped.url, trust_env=False, timeout=30) as http:
            return await asyncio.gather(
                *(http.get("/buy-async", headers={"Cookie": cookie} if n % 2 else {}) for n in range(200))
            )

    answers = asyncio.run(buy())
    for answer in answers:  # a view does not wait for the disk
        wrapped.finished(answer.text)
    by_id = {line["request_id"]: line for line in wrapped.lines() if line["kind"] == "decision"}
    granted = [by_id[answer.text]["consent_state"]["analytics"] for answer in answers]
    assert granted == [bool(n % 2) for n in range(200)]


def test_a_refused_event_is_logged_without_values_and_the_view_goes_on(tmp_path, caplog):
    """`track` never raises into the host."""
    app = middleware(lambda *args: None, tmp_path)
    mark = context.current.set(context.Here(app.runtime.gate))
    try:
        with caplog.at_level(logging.ERROR):
            assert gatekeeper.track("1 bad name", email="jane@example.com") is None
            assert gatekeeper.track("purchase", email=object()) is None
    finally:
        context.current.reset(mark)
    assert "jane" not in caplog.text


def test_a_policy_that_cannot_be_used_is_told_at_start(tmp_path):
    """Never at the first request."""
    with pytest.raises(ConfigError, match="no such file"):
        GatekeeperMiddleware(lambda *args: None, config=tmp_path / "nothing.toml")


def test_an_audit_folder_that_cannot_be_written_is_told_at_start(tmp_path):
    """Nothing could be sent anyway."""
    from tests.builders import make_policy

    (tmp_path / "file").write_text("")
    policy = make_policy(audit={"path": str(tmp_path / "file" / "audit")}, keys={"path": str(tmp_path / "k")})
    with pytest.raises(ConfigError, match=r"audit.path: cannot write"):
        GatekeeperMiddleware(lambda *args: None, config=policy)


async def call(app, scope, *messages):
    """Drive an ASGI app by hand; what it sent."""
    waiting, sent = list(messages), []

    async def receive():
        return waiting.pop(0) if waiting else {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    return sent


async def test_lifespan_and_websockets_reach_the_app_as_they_are(tmp_path):
    """The same scope object, state included, and the same message objects by receive and send."""
    seen, asked, sent = [], {"type": "asked"}, []

    async def app(scope, receive, send):
        answer = {"type": "answer"}
        seen.append((scope, await receive(), answer))
        await send(answer)

    wrapped = middleware(app, tmp_path)
    for kind in ("lifespan", "websocket", "http"):
        scope = {"type": kind, "path": "/ws", "headers": [], "state": {}}

        async def receive():
            return asked

        async def send(message):
            sent.append(message)

        await wrapped(scope, receive, send)
        assert seen[-1][0] is scope and seen[-1][1] is asked and seen[-1][2] is sent[-1]


async def test_an_exception_of_the_app_is_the_apps(tmp_path):
    """The middleware neither swallows nor wraps it, and the context does not leak."""

    async def app(scope, receive, send):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await call(middleware(app, tmp_path), {"type": "http", "path": "/", "headers": []})
    assert context.current.get() is None


async def test_a_body_that_breaks_off_is_not_taken(tmp_path):
    """Complete only after its last part: a disconnect in the middle is no event and no answer."""
    app = middleware(lambda *args: None, tmp_path)
    scope = {"type": "http", "method": "POST", "path": "/gk/collect", "headers": [], "client": ("127.0.0.1", 1)}
    part = {"type": "http.request", "body": b'{"event":"x"}', "more_body": True}
    assert await call(app, scope, part) == []


async def test_under_a_mount_the_prefix_is_still_found(tmp_path):
    """`root_path` is part of the path in ASGI; the app below the mount is wrapped, and its pages name the mount."""

    def page(request):
        return PlainTextResponse(f"{gatekeeper.page_head()}\n{gatekeeper.preferences_page()}")

    inner = middleware(Starlette(routes=[Route("/", page)]), tmp_path)
    outer = Starlette(routes=[Mount("/shop", app=inner)])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(outer), base_url="http://test") as http:
        assert (await http.get("/shop/gk/healthz")).json() == {"status": "ok"}
        text = (await http.get("/shop/")).text
        assert text.endswith("\n/shop/gk/consent?next=%2F")
        for address in re.findall(r'src="([^"]+)"', text):
            assert (await http.get(address)).status_code == 200
        assert text.count("<script") == text.count('src="/shop/gk/') == 2


def test_a_visitor_can_be_passed_on_and_is_the_same_there(tmp_path):
    """dump() in a request, load() in a worker: same signals, and the place the request came from."""
    app = middleware(lambda *args: None, tmp_path)
    gate = app.runtime.gate
    cookie = gatekeeper.issue_consent(config=gate.policy, analytics=True, subject="v_9").partition(";")[0]
    scope = {"type": "http", "headers": [(b"cookie", cookie.encode())], "client": ("127.0.0.1", 1)}
    mark = context.current.set(here(gate, scope))
    token = context.dump()
    context.current.reset(mark)
    with context.load(token):
        caller = context.current.get().caller()
        assert caller.visitor.subject == "v_9" and caller.address is None
    with pytest.raises(GatekeeperError):
        context.dump()


def test_the_context_header_speaks_for_the_visitor(wrapped):
    """A service that posts with Gatekeeper-Context acts for the visitor in it; a forged one denies."""
    gate = wrapped.runtime.gate
    cookie = gatekeeper.issue_consent(config=gate.policy, analytics=True).partition(";")[0]
    scope = {"type": "http", "headers": [(b"cookie", cookie.encode())], "client": ("127.0.0.1", 1)}
    mark = context.current.set(here(gate, scope))
    token = context.dump()
    context.current.reset(mark)
    event = {"event": "purchase", "consent": {"analytics": True}, "data": {"session_id": "s"}}
    good = wrapped.record(wrapped.post(event, headers={"Gatekeeper-Context": token}))
    forged = wrapped.record(wrapped.post(event, headers={"Gatekeeper-Context": token[:-3] + "AAA"}))
    assert wrapped.statuses(good)["ga4"] == "delivered"
    assert set(wrapped.statuses(forged).values()) == {"consent_unreadable"}


def test_the_cookie_of_the_tests_is_ours():
    """The builders sign with a ring of their own: what they make is not valid elsewhere by accident."""
    assert RING.signing[0].id == "s1" and own_cookie(at=NOW).startswith("gatekeeper_consent=2.")
