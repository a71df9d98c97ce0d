"""Where a visitor is behind proxies, with uvicorn as apps run it: its `proxy_headers` on and off (facts: uvicorn
replaces the peer by what its trusted proxies say, and leaves the header)."""

from __future__ import annotations

import logging
from contextlib import contextmanager

import httpx
import pytest

import gatekeeper
from gatekeeper.policy.load import parse_policy
from gatekeeper.shells.asgi import undeclared
from gatekeeper.testing import Simulators
from tests.running import Running, by_uvicorn, shop, tables

EVENT = {"event": "page_view", "data": {"session_id": "s"}}
BERLIN = "193.99.144.80"
EDGE = "104.16.1.1"  # an edge that nobody declared
OURS = {"trusted_proxies": ["127.0.0.0/8"]}

WAYS = [
    pytest.param({}, {}, {}, "local", id="no-proxy"),
    pytest.param({}, {}, {"X-Forwarded-For": BERLIN}, "unknown", id="undeclared"),
    pytest.param({}, OURS, {"X-Forwarded-For": BERLIN}, "address", id="declared"),
    pytest.param({}, OURS, {"X-Forwarded-For": f"{BERLIN}, {EDGE}"}, "unknown", id="an-edge-before-the-declared-one"),
    pytest.param({"on": "127.0.0.1"}, {}, {}, "local", id="server-no-proxy"),
    pytest.param({"on": "127.0.0.1"}, {}, {"X-Forwarded-For": BERLIN}, "address", id="server-placed-it"),
    pytest.param({"on": "127.0.0.1"}, OURS, {"X-Forwarded-For": BERLIN}, "address", id="server-placed-it-and-declared"),
    pytest.param({"on": "127.0.0.1"}, {}, {"X-Forwarded-For": f"{BERLIN}, {EDGE}"}, "unknown", id="server-placed-edge"),
    pytest.param({"on": "*"}, {}, {"X-Forwarded-For": f"{BERLIN}, {EDGE}"}, "unknown", id="server-believes-anybody"),
    pytest.param({"on": "127.0.0.1"}, {}, {"X-Real-IP": BERLIN}, "unknown", id="a-header-it-does-not-read"),
    pytest.param({}, {}, {"Via": "1.1 edge"}, "unknown", id="via"),
    pytest.param({}, {}, {"Forwarded": f"for={BERLIN}"}, "unknown", id="forwarded"),
]


@contextmanager
def served(folder, mode, server):
    """A wrapped app on a plain uvicorn."""
    with Simulators(only=("ga4", "meta_capi", "sentry", "first_party")) as sims:
        app = gatekeeper.GatekeeperMiddleware(
            shop(), config=parse_policy(tables(folder, sims, server=server), environ={})
        )
        options = {"proxy_headers": "on" in mode, "forwarded_allow_ips": mode.get("on"), "lifespan": "on"}
        with by_uvicorn(app, **options) as at:
            up = Running(f"http://{at}", app.runtime, sims)
            with up.http:
                yield up


@pytest.mark.parametrize(("mode", "server", "headers", "how"), WAYS)
def test_a_visitor_is_where_the_declared_way_ends(tmp_path, mode, server, headers, how):
    """At our endpoint and in the app's own code; the address stands in no log."""
    with served(tmp_path, mode, server) as gate:
        posted = gate.record(gate.post(EVENT, headers=headers))
        tracked = gate.finished(httpx.get(gate.url + "/buy-async", headers=headers, trust_env=False).text)
        assert [one["jurisdiction"]["how"] for one in (posted, tracked)] == [how, how]
        assert {one["country"] for one in (posted, tracked)} == {"DE" if how == "address" else None}
        text = gate.runtime.scrape().decode()
        counted = next(line for line in text.splitlines() if line.startswith("gatekeeper_undeclared_proxy_total"))
        assert (float(counted.split()[-1]) > 0) is (how == "unknown")


def test_an_undeclared_proxy_is_logged_once_and_without_an_address(tmp_path, caplog, monkeypatch):
    """However many requests come, and whatever they name."""
    monkeypatch.setattr(undeclared, "_logged", set())
    with caplog.at_level(logging.WARNING, "gatekeeper"), served(tmp_path, {}, {}) as gate:
        for n in range(5):
            gate.record(gate.post(EVENT, headers={"X-Forwarded-For": f"193.99.144.{n}"}))
    said = [record.getMessage() for record in caplog.records if "trusted_proxies" in record.getMessage()]
    assert said == [undeclared.SENTENCE] and "193.99" not in caplog.text
