"""Django, sync and async: endpoints, context, settings, checks; what is not ours behaves as without the gate."""

import asyncio
import io
import re

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.template import TemplateSyntaxError, engines
from django.test import AsyncClient, Client, RequestFactory, override_settings

import gatekeeper
from gatekeeper.django.scope import answered
from gatekeeper.policy.load import parse_policy
from gatekeeper.shells.asgi import IN_ONE_PIECE
from tests.builders import policy_data


def visitor(shop, *granted, gpc=False):
    """Headers of a browser."""
    names = {b"cookie": "Cookie", b"sec-gpc": "Sec-GPC"}
    return {names[name]: value.decode() for name, value in shop.headers(*granted, gpc=gpc)}


def get_sync(path, headers):
    """As under WSGI."""
    return Client().get(path, headers=headers)


def get_async(path, headers):
    """As under ASGI."""
    return asyncio.run(AsyncClient().get(path, headers=headers))


both = pytest.mark.parametrize("get", [get_sync, get_async], ids=["wsgi", "asgi"])
VIEWS = ["/buy/requests/1", "/buy/httpx/1", "/buy-async/httpx/1", "/buy-async/aiohttp/1", "/buy-in-thread/requests/1"]


@both
@pytest.mark.parametrize("path", VIEWS)
def test_a_views_tracking_call_is_the_visitors(shop, get, path):
    """Sent with consent, dropped without; the view is served either way."""
    assert get(path, visitor(shop, "analytics")).content == b"bought"
    assert len(shop.sims.ga4.received) == 1
    assert get(path, visitor(shop)).content == b"bought"
    assert get(path, visitor(shop, "marketing")).content == b"bought"
    assert len(shop.sims.ga4.received) == 1


@both
def test_track_speaks_for_the_visitor(shop, get):
    """`gatekeeper.track()` in a view."""
    request_id = get("/track", visitor(shop, "analytics")).content.decode()
    line = shop.decided(request_id)
    assert line["consent_state"] == {"necessary": True, "analytics": True, "marketing": False}


def test_a_streamed_body_is_made_in_the_visitors_context(shop):
    """Its parts come after the middleware has returned."""
    response = get_sync("/stream", visitor(shop, "analytics"))
    request_id = b"".join(response.streaming_content).decode()
    line = shop.decided(request_id)
    assert line["consent_state"]["analytics"] is True


@both
def test_the_endpoints_are_served_under_the_prefix(shop, get):
    """Under WSGI too, before CSRF."""
    assert get("/gk/healthz", {}).json() == {"status": "ok"}
    assert get("/gk/nothing", {}).status_code == 404
    assert get("/.well-known/gpc.json", {}).json()["gpc"] is True


def test_an_event_can_be_posted_under_wsgi(shop):
    """`POST /gk/collect` from a page, without a CSRF token."""
    client = Client(headers=visitor(shop, "analytics"), enforce_csrf_checks=True)
    event = {"event": "purchase", "data": {"order_value": 3, "currency": "EUR", "session_id": "s_1"}}
    answer = client.post("/gk/collect", event, content_type="application/json")
    assert answer.status_code == 202
    assert shop.decided(answer.json()["request_ids"][0])["event_type"] == "purchase"
    large = client.post("/gk/collect", b" " * (2**20 + 1), content_type="application/json")
    assert large.status_code == 413


@pytest.mark.parametrize("way", ["wsgi", "asgi"])
def test_a_choice_sets_every_cookie_under_django(shop, way):
    """Django keeps one cookie of a name; a write expires the other scope of the same name, too."""
    environ = {
        "wsgi.input": io.BytesIO(b'{"choices":{"analytics":false}}'), "REQUEST_METHOD": "POST", "SERVER_PORT": "443",
        "PATH_INFO": "/gk/consent", "SERVER_NAME": "shop.example", "HTTP_HOST": "shop.example", "CONTENT_LENGTH": "31",
        "CONTENT_TYPE": "application/json", "HTTP_ORIGIN": "https://shop.example", "wsgi.url_scheme": "https",
        "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1",
    }  # fmt: skip
    told = []
    if way == "wsgi":
        from django.core.handlers.wsgi import WSGIHandler

        WSGIHandler()(environ, lambda status, headers: told.extend([status, *headers]))
        status = int(told[0][:3])
        lines = [value.strip() for name, value in told[1:] if name.lower() == "set-cookie"]
    else:
        status, lines = asyncio.run(_posted_under_asgi(environ["wsgi.input"].read()))
    assert status == 201
    assert [line.partition(";")[0].partition("=")[0] for line in lines] == [
        "gatekeeper_choice", "gatekeeper_consent", "gatekeeper_choice", "gatekeeper_consent",
    ]  # fmt: skip
    assert "Domain=shop.example" in lines[0] and lines[-1].endswith("SameSite=Lax; Secure; HttpOnly")


async def _posted_under_asgi(body):
    from django.core.handlers.asgi import ASGIHandler

    names = {"host": "shop.example", "origin": "https://shop.example", "content-type": "application/json"}
    scope = {
        "type": "http", "http_version": "1.1", "method": "POST", "scheme": "https", "path": "/gk/consent",
        "raw_path": b"/gk/consent", "query_string": b"", "root_path": "", "client": ("127.0.0.1", 1),
        "headers": [(name.encode(), value.encode()) for name, value in names.items()],
    }  # fmt: skip
    sent, given = [], [{"type": "http.request", "body": body, "more_body": False}]

    async def receive():
        if given:
            return given.pop()
        await asyncio.sleep(30)  # cancelled once the answer is out

    async def send(message):
        sent.append(message)

    await ASGIHandler()(scope, receive, send)
    lines = [value.decode() for name, value in sent[0]["headers"] if name.lower() == b"set-cookie"]
    return sent[0]["status"], lines


@both
def test_a_vendors_call_can_be_sent_through_the_endpoint(shop, get):
    """`/gk/to/<destination>/…` from a page: the browser's own visitor, under WSGI too."""
    hit = "/gk/to/ga4/g/collect?v=2&tid=G-TEST&cid=1.2&en=page_view&dl=https%3A%2F%2Fshop.example%2F"
    page = {"Origin": "http://testserver"}
    answer = get(hit, visitor(shop) | page)
    assert answer.status_code == 204 and answer["Gatekeeper-Decision"] == "blocked; reason=no_analytics_consent"
    assert get(hit, visitor(shop, "analytics") | page)["Gatekeeper-Decision"] == "sent; elements=1/1"
    (received,) = [one for one in shop.sims.ga4.received if one.path == "/g/collect"]
    assert received.query["en"] == ["page_view"]


@both
def test_the_opt_out_is_shown_as_honoured(shop, get):
    """The header that every shell of ours adds."""
    assert get("/banner", visitor(shop, gpc=True))["Gatekeeper-Opt-Out"] == "honoured; signal=sec-gpc"
    assert "Gatekeeper-Opt-Out" not in get("/banner", visitor(shop))


def test_a_template_can_ask_what_is_permitted(shop):
    """For a banner."""
    assert get_sync("/banner", visitor(shop, "analytics")).content == b"True False False"
    assert get_sync("/banner", visitor(shop, "marketing", gpc=True)).content == b"False False True"


def test_the_tags_of_a_template_are_those_of_the_policy(shop):
    """Scripts that the browser keeps for ever, with the page's nonce; the way back; a tag that waits. All escaped."""
    head, link, tag = get_sync("/tags", {}).content.decode().split("|")
    assert re.fullmatch(
        r'<script src="/gk/gatekeeper\.js\?v=[\w-]{12}" nonce="n&quot;1"></script>\n'
        r'<script src="/gk/banner\.js\?v=[\w-]{12}" defer nonce="n&quot;1"></script>',
        head,
    )
    assert link == ('<a href="/gk/consent?next=%2Ftags" data-gatekeeper-show="preferences">Privacy</a>')
    assert tag == (
        '<script type="text/plain" data-purpose="analytics marketing" data-src="https://v.example/x.js"></script>'
    )
    text = engines["django"].from_string("{% load gatekeeper %}{% gatekeeper_tag 'sales' src='x' %}")
    with pytest.raises(TemplateSyntaxError, match='"sales" is not a purpose'):
        text.render({})


@pytest.mark.parametrize("forced", [False, True], ids=["SCRIPT_NAME", "FORCE_SCRIPT_NAME"])
def test_below_a_path_the_tags_name_the_addresses_there(shop, forced):
    """Of a project that the server mounts, or that says itself where it stands; the gate answers at them."""
    with override_settings(FORCE_SCRIPT_NAME="/shop" if forced else None):
        served = Client().get("/tags", **({} if forced else {"SCRIPT_NAME": "/shop"}))
    head, link, _ = served.content.decode().split("|")
    assert re.findall(r'src="(/shop/gk/[a-z]+\.js)', head) == ["/shop/gk/gatekeeper.js", "/shop/gk/banner.js"]
    assert 'href="/shop/gk/consent?next=%2Fshop%2Ftags"' in link
    assert Client().get("/gk/banner.js", SCRIPT_NAME="/shop").status_code == 200


def test_outside_a_request_scripts_need_a_policy():
    """And the error says so."""
    with pytest.raises(gatekeeper.ConfigError, match="page_head: no gate serves this request"):
        gatekeeper.page_head()
    policy = parse_policy(policy_data())
    assert gatekeeper.page_head(policy, banner=False).count("<script") == 1
    assert gatekeeper.preferences_page("/a?b=c", policy) == "/gk/consent?next=%2Fa%3Fb%3Dc"


def test_an_exception_of_a_view_is_the_projects(shop):
    """Neither swallowed nor wrapped."""
    with pytest.raises(ZeroDivisionError):
        get_sync("/fail", {})
    assert gatekeeper.context.current.get() is None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, "GATEKEEPER: missing; add GATEKEEPER"),
        ("gatekeeper.toml", "GATEKEEPER: is not a dict"),
        ({"conifg": "x"}, 'GATEKEEPER: unknown key "conifg"; did you mean "config"?'),
        ({"config": 3}, 'GATEKEEPER["config"]: 3 is not a path'),
        ({"config": "x", "outbound": "no"}, "GATEKEEPER[\"outbound\"]: 'no' is not True or False"),
        ({"config": "/nowhere/gatekeeper.toml"}, "no such file"),
    ],
)
def test_wrong_settings_are_told_by_the_check_and_at_start(shop, given, said):
    """With key, value and remedy; never at the first request."""
    from gatekeeper.django import GatekeeperMiddleware, settings
    from gatekeeper.django.checks import check_policy

    with override_settings(GATEKEEPER=given):
        assert any(said in str(one.msg) and one.id == "gatekeeper.E001" for one in check_policy(None))
        with pytest.raises(CommandError) as caught:
            call_command("gatekeeper_check")
        assert said in str(caught.value)
        made = settings.runtime
        settings.runtime = made.__wrapped__  # as a process that starts now
        try:
            with pytest.raises(ImproperlyConfigured) as refused:
                GatekeeperMiddleware(lambda request: None)
        finally:
            settings.runtime = made
        assert said in str(refused.value)


def test_the_check_tells_a_policys_faults_and_where_the_middleware_belongs(shop, tmp_path, capsys):
    """The same sentences as `gatekeeper check`."""
    from gatekeeper.django.checks import check_policy

    path = tmp_path / "gatekeeper.toml"
    path.write_text('[policy]\nversion = "1"\ncontroller = "Shop"\n[destinations.ga4]\nkind = "ga5"\n')
    with override_settings(GATEKEEPER={"config": path}, MIDDLEWARE=[]):
        found = check_policy(None)
    assert [one.id for one in found] == ["gatekeeper.E001", "gatekeeper.W002"]
    path.write_text('[policy]\nversion = "1"\ncontroller = "Shop"\n')
    middleware = ["django.middleware.csrf.CsrfViewMiddleware", "gatekeeper.django.GatekeeperMiddleware"]
    with override_settings(GATEKEEPER={"config": path}, MIDDLEWARE=middleware):
        assert {one.id for one in check_policy(None)} == {"gatekeeper.W001", "gatekeeper.W003"}
        call_command("gatekeeper_check")
    assert "the policy can be used" in capsys.readouterr().out


def test_our_endpoints_hear_that_an_answer_is_kept():
    """So that a page of the console is whole: what comes behind a first part would not be sent."""
    heard = []

    async def endpoint(scope, receive, send):
        heard.append(scope["extensions"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"whole"})

    response = asyncio.run(answered(endpoint, RequestFactory().get("/gk/admin/now"), 10))
    assert response.content == b"whole" and IN_ONE_PIECE in heard[0]
