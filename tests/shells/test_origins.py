"""Whose pages may talk to the gate: the product of method, Origin, Sec-Fetch-Site and Referer, as a table and live."""

from __future__ import annotations

from itertools import product

import httpx
import pytest

from gatekeeper.shells.asgi.origins import Sender, admit, sender
from tests.running import ORIGIN, running
from tests.shells.test_relay import HIT, PROTOCOL, PURCHASE, consent

HOST = "gate.example"
ABSENT = None
ORIGINS = {
    "absent": (),
    "own": (f"https://{HOST}",),
    "own-by-http": (f"http://{HOST}",),
    "listed": (ORIGIN,),
    "null": ("null",),
    "foreign": ("https://evil.example",),
    "sibling": (f"https://evil.{HOST}",),
    "longer": (f"https://{HOST}.evil.example",),
    "garbage": ("x",),
    "two": (ORIGIN, "https://evil.example"),
}
SITES = (ABSENT, "same-origin", "same-site", "cross-site", "none", "garbage")
PAGES = {
    "absent": ABSENT,
    "own": f"https://{HOST}/shop?x=1",
    "listed": f"{ORIGIN}/cart",
    "foreign": f"https://evil.example/?https://{HOST}/",
    "user-info": f"https://{HOST}@evil.example/",
    "garbage": "https://[",
}


def head(origin, site, page):
    """The head of a request."""
    lines = [(b"host", HOST.encode()), *((b"origin", one.encode()) for one in ORIGINS[origin])]
    lines += [] if site is None else [(b"sec-fetch-site", site.encode())]
    return [*lines, *([] if PAGES[page] is None else [(b"referer", PAGES[page].encode())])]


def expected(origin, site, page):
    """Written anew from the rule: what counts, in this order, is Origin, Sec-Fetch-Site, Referer."""
    if origin != "absent":
        if origin == "listed":
            return Sender.LISTED
        if origin == "null":
            return Sender.OWN if site == "same-origin" else Sender.STRANGER
        return Sender.OWN if origin in ("own", "own-by-http") and site in (None, "same-origin") else Sender.STRANGER
    if site is not None:
        return Sender.OWN if site in ("same-origin", "none") else Sender.STRANGER
    return {"absent": Sender.SERVER, "own": Sender.OWN, "listed": Sender.LISTED}.get(page, Sender.STRANGER)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_the_whole_product_is_as_the_table_says(method):
    """Of every method; a stranger reads without cookies, and posts nothing."""
    for origin, site, page in product(ORIGINS, SITES, PAGES):
        who = expected(origin, site, page)
        assert sender(head(origin, site, page), {ORIGIN}) is who, (origin, site, page)
        admitted = admit(method, head(origin, site, page), {ORIGIN})
        if who is Sender.STRANGER and method not in ("GET", "HEAD"):
            assert admitted is None
            continue
        assert admitted.foreign is (who is Sender.STRANGER)
        assert bool(admitted.cors) is (who is Sender.LISTED and origin == "listed")


def test_a_referer_says_nothing_of_who_shows_a_key_or_a_context():
    """A server passes the page's on; no page of another site can send either. An Origin still counts."""
    for origin, site, page in product(ORIGINS, SITES, PAGES):
        who = sender(head(origin, site, page), {ORIGIN}, vouched=True)
        by_page = origin == "absent" and site is None and page != "absent"
        assert who is (Sender.SERVER if by_page else expected(origin, site, page))


IMAGE = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "image", "Referer": f"{ORIGIN}/"}


@pytest.mark.parametrize(
    ("head_of", "sent"),
    [
        pytest.param({"Sec-Fetch-Site": "same-origin"}, True, id="own-page"),
        pytest.param({"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site"}, True, id="listed-page"),
        pytest.param({"Origin": "null", "Sec-Fetch-Site": "same-origin"}, True, id="own-page-without-a-referrer"),
        pytest.param({"Referer": ORIGIN + "/"}, True, id="old-browser-on-a-listed-page"),
        pytest.param({}, True, id="server"),
        pytest.param(IMAGE, False, id="image-on-another-site"),
        pytest.param({"Sec-Fetch-Site": "same-site"}, False, id="image-on-a-sibling"),
        pytest.param({"Origin": "https://evil.example"}, False, id="fetch-of-another-site"),
        pytest.param({"Referer": "https://evil.example/"}, False, id="old-browser-on-another-site"),
        pytest.param({"Origin": "null"}, False, id="sandboxed-frame"),
    ],
)
def test_another_sites_page_never_uses_a_visitors_consent(gate, head_of, sent):
    """GET: the vendor's own answer, and nothing sent; POST: refused, at both endpoints."""
    headers = head_of | consent(gate, analytics=True)
    answer = gate.http.get(HIT, headers=headers)
    assert answer.headers["gatekeeper-decision"].startswith("sent" if sent else "blocked")
    assert len(gate.sims.ga4.received) == int(sent)
    posted = gate.http.post(PROTOCOL, json=PURCHASE, headers=headers).status_code
    collected = gate.post({"event": "page_view"}, headers=headers).status_code
    assert (posted, collected) == ((204, 202) if sent else (403, 403))
    assert len(gate.sims.ga4.received) == 2 * int(sent)


def test_the_apps_own_requests_are_nobodys_business(tmp_path):
    """A form of another site, answered by the app behind the middleware as it would be without the gate."""
    with running("middleware", tmp_path) as gate:
        headers = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
        answer = httpx.get(gate.url + "/buy", headers=headers, trust_env=False)
        assert answer.status_code == 200 and answer.text.startswith("req_")
