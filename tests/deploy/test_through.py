"""Visitors come through nginx and Caddy, as the snippets of `deploy/` set them up, to a gate and a shop that run."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from tests.deploy.test_deploy import CADDY, NGINX, PRIVATE
from tests.running import answers, begun, by_uvicorn, ended, free_port, running, until
from tests.shells.test_proxies import BERLIN

EVENT = {"event": "purchase", "data": {"session_id": "s_1", "order_value": 10.0, "currency": "EUR"}}
HIT = "/gk/to/ga4/g/collect?v=2&tid=G-TEST&cid=1.2&sid=17&en=page_view"
EXEC = "import os, sys; os.execvp(sys.argv[1], sys.argv[1:])"
OPEN = {"trusted_proxies": ["127.0.0.1"]}


def shop() -> Starlette:
    """It says what it is, whatever it is asked."""
    return Starlette(routes=[Route("/{path:path}", lambda request: PlainTextResponse("the shop"))])


def moved(text, front, gate, behind):
    """A snippet with the ports of this test."""
    for known, here in (("127.0.0.1:8787", gate), ("127.0.0.1:8000", behind), ("127.0.0.1:8080", front)):
        text = text.replace(known, here)
    return text


def nginx(folder, front, gate, behind):
    """The command that starts it, with the least that goes around the snippet."""
    temporary = " ".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    around = f"daemon off; master_process off; pid {folder}/pid; error_log stderr; events {{}}"
    snippet = moved(NGINX.read_text(), front, gate, behind)
    (folder / "nginx.conf").write_text(f"{around} http {{ access_log off; {temporary} {snippet} }}")
    return ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")]


def caddy(folder, front, gate, behind):
    """The same, without the certificate that it would fetch for the shop's name."""
    snippet = moved(CADDY.read_text(), front, gate, behind).replace("shop.example {", f"http://{front} {{")
    (folder / "Caddyfile").write_text("{\n\tadmin off\n\tauto_https off\n}\n" + snippet)
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


@contextmanager
def started(command, folder, front):
    """A proxy that answers at `front`, until the block ends."""
    home = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    one = begun(["-c", EXEC, *command], folder, env=home)
    try:
        until(lambda: answers(f"http://{front}/"), folder)
        yield
    finally:
        ended(one)


@pytest.fixture(scope="module", params=[nginx, caddy], ids=["nginx", "caddy"])
def through(request, tmp_path_factory):
    """A gate with vendors' simulators, and a client of the proxy that stands before it and a shop."""
    name = request.param.__name__
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    folder = tmp_path_factory.mktemp(name)
    with running("sidecar", folder, server=OPEN) as up, by_uvicorn(shop()) as behind:
        front = f"127.0.0.1:{free_port()}"
        command = request.param(folder, front, up.url.removeprefix("http://"), behind)
        with started(command, folder, front), httpx.Client(base_url=f"http://{front}", trust_env=False) as http:
            yield up, http


def test_an_event_of_a_page_is_decided_and_recorded(through):
    """With the visitor's own header, by which marketing is refused."""
    up, http = through
    record = up.record(http.post("/gk/collect", json=EVENT, headers={"Sec-GPC": "1"}))
    assert "sec-gpc" in {signal["source"] for signal in record["signals"]}
    assert up.statuses(record)["meta_capi"] != "delivered"


def test_a_vendors_request_comes_to_the_gate_with_its_query(through):
    """It is dropped, as that of a visitor who chose nothing."""
    answer = through[1].get(HIT)
    assert answer.status_code == 204 and answer.headers["gatekeeper-decision"].startswith("blocked")


def test_a_place_that_a_client_claims_is_not_believed(through):
    """The proxy says who asks it, in place of what the client wrote."""
    up, http = through
    record = up.record(http.post("/gk/collect", json=EVENT, headers={"X-Forwarded-For": BERLIN}))
    assert record["jurisdiction"]["how"] != "address"


@pytest.mark.parametrize("path", ["/", "/checkout", *PRIVATE, "/gk/admin/requests"])
def test_what_is_not_for_the_street_is_the_shops(through, path):
    """As are the shop's own pages."""
    assert through[1].get(path).text == "the shop"


def test_a_body_over_the_bound_is_refused_before_the_gate(through):
    """By nginx as too large; Caddy of this age calls what it cuts short a bad gateway."""
    up, http = through
    before = len(up.lines())
    answer = http.post("/gk/collect", content=os.urandom(1_200_000), headers={"Content-Type": "application/json"})
    assert answer.status_code in (413, 502) and len(up.lines()) == before
