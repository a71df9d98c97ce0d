"""The shop's endpoints, as its page uses them."""

import re
import time

import httpx
import pytest

from gatekeeper.demo.shop import FILES
from gatekeeper.demo.stage import stage
from gatekeeper.demo.visitor import PLACES
from gatekeeper.demo.walk import PURCHASE

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
BUY = {"event": "purchase", "data": PURCHASE}


def choose(browser, **choice):
    """What the banner does."""
    state = browser.get("/gk/consent").json()
    answer = {"choices": choice, "token": state["token"], "rendered": state["notice"]["hash"], "method": "save"}
    origin = str(browser.base_url).rstrip("/")
    assert browser.post("/gk/consent", json=answer, headers={"origin": origin}).status_code == 201


def be(browser, **visitor):
    """What the switch does."""
    return browser.post("/demo/visitor", json=visitor).raise_for_status().json()


def entry(browser, answer):
    """What the board says of an accepted event once everything has arrived."""
    assert answer.status_code == 202, answer.text
    (request_id,) = answer.json()["request_ids"]
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for event in browser.get("/demo/board").json()["events"]:
            statuses = {one["status"] for one in event["record"]["deliveries"]}
            if event["record"]["request_id"] == request_id and "pending" not in statuses:
                return event
        time.sleep(0.01)
    raise AssertionError("the event did not get to the board in time")


def outcome(event):
    """Destination -> status, or the reason if blocked; and where something arrived."""
    deliveries = event["record"]["deliveries"]
    arrived = {name for name, requests in event["arrived"].items() if requests}
    return {one["destination"]: one.get("reason") or one["status"] for one in deliveries}, arrived


@pytest.mark.parametrize("path", FILES)
def test_every_answer_has_the_strict_policy(browser, path):
    """Pages, styles, scripts; nothing may be framed, sniffed or kept."""
    headers = browser.get(path).raise_for_status().headers
    assert headers["content-security-policy"] == POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"


def test_the_page_has_no_inline_and_no_foreign_code(browser):
    """Only files of the same origin; no style or handler attributes; data is never set as HTML."""
    page = browser.get("/").text
    assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=|javascript:", page) == []
    assert all(url.startswith(("/", "#")) for url in re.findall(r'(?:src|href)="([^"]*)"', page))
    scripts = "".join(browser.get(path).text for path in FILES if path.endswith(".js"))
    assert re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|https?://(?!shop\.example)",
                      scripts) == []  # fmt: skip


def test_every_control_has_a_label(browser):
    """For those who hear the page."""
    page = browser.get("/").text
    inputs = re.findall(r'<(?:input|select) id="(\w+)"', page)
    labelled = re.findall(r'<label[^>]* for="(\w+)"', page)
    assert len(inputs) == page.count("<input") + page.count("<select") and sorted(labelled) == sorted(inputs)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", ""])
@pytest.mark.parametrize("path", ["/", "/demo/board", "/demo/visitor"])
def test_a_foreign_host_is_refused(browser, path, host):
    """A name that was made to point at loopback (DNS rebinding) reads nothing here."""
    answer = browser.get(path, headers={"host": host})
    assert answer.status_code == 400
    assert host == "" or answer.headers["content-security-policy"] == POLICY  # without a name the shop is not asked


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_another_sites_page_cannot_choose_for_the_visitor(browser, method):
    """Its Origin gives it away."""
    answer = browser.request(method, "/demo/visitor", json={}, headers={"origin": "https://evil.example"})
    assert answer.status_code == 403 and "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'{"place": "FR"}', b'{"gpc": 1}', b'{"place": "DE", "name": "x"}'], ids=bytes.decode
)
def test_the_switch_takes_what_it_offers(browser, body):
    """Anything else is told, and changes nothing."""
    before = browser.get("/demo/visitor").json()
    assert browser.post("/demo/visitor", content=body).status_code == 422
    assert browser.get("/demo/visitor").json() == before


def test_a_body_without_end_is_not_read_to_its_end(browser):
    """413, not memory."""
    assert browser.post("/demo/visitor", content=b"x" * 70_000).status_code == 413


def test_a_choice_is_forgotten(browser):
    """The next visitor is a new one; a refusal would be a choice."""
    choose(browser, analytics=True, marketing=False)
    assert browser.get("/gk/consent").json()["decided"] is True
    browser.delete("/demo/visitor").raise_for_status()
    assert browser.get("/gk/consent").json()["decided"] is False


LAWS = {"DE": ("opt_in", "gdpr"), "US-CA": ("opt_out", "ccpa"), "US-TX": ("opt_out", "tdpsa"), "BR": ("opt_in", "lgpd")}


@pytest.mark.parametrize("place", PLACES)
def test_each_place_of_the_switch_has_its_law(browser, place):
    """Its address is still there in the packaged database; a refusal made elsewhere is none of this visitor's."""
    be(browser, place=place)
    state = browser.get("/gk/consent").json()
    where = state["jurisdiction"]
    assert "-".join(filter(None, (where["country"], where["region"]))) == place
    ask, law = LAWS[place]
    assert state["ask"] == ask and law in where["laws"]


NO, YES, GPC = "no_{}_consent".format, "delivered", "gpc_opt_out"


@pytest.mark.parametrize(
    ("choice", "gpc", "expected"),
    [
        pytest.param(None, False, (NO("analytics"), NO("marketing"), NO("analytics")), id="no choice"),
        pytest.param((True, False), False, (YES, NO("marketing"), YES), id="analytics only"),
        pytest.param((True, True), False, (YES, YES, YES), id="both"),
        pytest.param((True, True), True, (YES, GPC, YES), id="both and simulated GPC"),
    ],
)
def test_the_four_acts(browser, choice, gpc, expected):
    """The walk's four purchases, through the page's own endpoints: what is blocked does not arrive."""
    if choice is not None:
        choose(browser, analytics=choice[0], marketing=choice[1])
    be(browser, gpc=gpc)
    buy = BUY | {"event_id": f"e_{sum(choice or ())}_{gpc:d}"}  # of a page: the board finds it by that
    event = entry(browser, browser.post("/gk/collect", json={"events": [buy]}))
    statuses, arrived = outcome(event)
    ga4, advertising, own = expected
    wanted = {"ga4": ga4, **dict.fromkeys(("meta_capi", "tiktok"), advertising), "own": own}
    assert statuses == wanted
    assert arrived == {name for name, status in statuses.items() if status == YES}
    assert all(one["objections"] == [] for requests in event["arrived"].values() for one in requests)
    assert "jane" not in str(event["arrived"]).lower()


def test_a_browser_that_sends_gpc_itself_is_honoured(browser):
    """No simulation needed."""
    choose(browser, analytics=True, marketing=True)
    event = entry(browser, browser.post("/gk/collect", json=BUY, headers={"sec-gpc": "1"}))
    assert outcome(event)[0]["meta_capi"] == GPC and event["record"]["gpc"]["detected"] is True


def test_an_error_reaches_the_error_monitor_alone(browser):
    """Without any consent, and without what it does not need."""
    error = {"page_url": PURCHASE["page_url"], "error_type": "TypeError", "error_message": "did not answer",
             "email": PURCHASE["email"], "session_id": "s_1"}  # fmt: skip
    event = entry(browser, browser.post("/gk/collect", json={"event": "error", "data": error}))
    assert outcome(event) == ({"errors": "delivered"}, {"errors"})
    assert {"email_hash", "session_id"} <= event["record"]["deliveries"][0]["stripped_because"].keys()


def test_purchases_in_quick_succession_are_not_mixed_up(browser):
    """Each shows its own amount, although vendors' requests may carry several."""
    choose(browser, analytics=True, marketing=True)
    for amount in (11.5, 12.5, 13.5):
        data = PURCHASE | {"order_value": amount}
        event = entry(browser, browser.post("/gk/collect", json={"event": "purchase", "data": data}))
        assert all(str(amount) in one["body"] for requests in event["arrived"].values() for one in requests)


def test_the_board_forgets_the_oldest(up, browser):
    """Twenty events are shown, and how many there were is told."""
    for _ in range(21):
        browser.post("/gk/collect", json={"event": "purchase", "data": {"order_value": 1}})
    board = browser.get("/demo/board").json()
    assert len(board["events"]) == 20 < board["total"] == board["events"][0]["number"]


def test_an_earlier_run_is_not_on_the_board(tmp_path):
    """The audit log stays; the board begins anew, because the simulators do."""
    for _ in range(2):
        with stage(tmp_path) as again, httpx.Client(trust_env=False, base_url=again.shop) as client:
            entry(client, client.post("/gk/collect", json=BUY))
            assert client.get("/demo/board").json()["total"] == 1
