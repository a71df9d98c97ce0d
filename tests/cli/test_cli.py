"""The commands, as a user types them."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading

import httpx
import pytest

from tests.builders import GUIDE_EVENT
from tests.running import answers, free_port, process, until

PURCHASE = {"event": "purchase", "data": {"order_value": 1}}
ENV = {"GA4_API_SECRET": "s", "META_ACCESS_TOKEN": "t"}
POLICY = """
[policy]
version = "1"
controller = "Example"

[destinations.ga4]
kind = "ga4"
measurement_id = "G-X"
api_secret = { env = "GA4_API_SECRET" }

[destinations.meta_capi]
kind = "meta_capi"
pixel_id = "1"
access_token = { env = "META_ACCESS_TOKEN" }

[destinations.errors]
kind = "sentry"
dsn = "http://a@127.0.0.1:9/1"
"""


@pytest.fixture
def policy(tmp_path):
    path = tmp_path / "gatekeeper.toml"
    path.write_text(POLICY)
    return path


def test_init_writes_a_policy_that_check_accepts(gatekeeper, tmp_path):
    """Commented, loadable once its secrets are set, and not overwritten."""
    gatekeeper("init", code=0)
    assert 'always = ["gdpr"]' in (tmp_path / "gatekeeper.toml").read_text()
    gatekeeper("check", env=ENV, code=0)
    assert "exists already" in gatekeeper("init", code=1).stderr
    gatekeeper("init", "--force", code=0)


def test_check_is_0_on_warnings_and_1_on_errors(gatekeeper, policy):
    """And says both as JSON."""
    found = json.loads(gatekeeper("check", "--json", env=ENV, code=0).stdout)
    assert found["errors"] == [] and any(
        line["key"].endswith(".dpa") and line["problem"] == "missing" for line in found["warnings"]
    )
    missing = json.loads(gatekeeper("check", "--json", code=1).stdout)
    assert [line["key"] for line in missing["errors"]] == [
        "destinations.ga4.api_secret",
        "destinations.meta_capi.access_token",
    ]
    policy.write_text("[policy")
    assert "is not TOML" in gatekeeper("check", code=1).stdout


def explained(gatekeeper, event, *options):
    done = gatekeeper("explain", "-", "--json", *options, stdin=json.dumps(event), code=0)
    record = json.loads(done.stdout)
    return {d["destination"]: d for d in record["deliveries"]}, record


def test_explain_shows_the_guides_purchase(gatekeeper, policy):
    """Fields kept and stripped with causes, rules in order; secrets need not be set to explain."""
    deliveries, record = explained(gatekeeper, GUIDE_EVENT)
    assert deliveries["ga4"]["fields_sent"] == ["page_url", "order_value", "session_id"]
    assert deliveries["ga4"]["stripped_because"] == {"email_hash": "invalid", "fbclid": "purpose"}
    assert deliveries["meta_capi"]["reason"] == "no_marketing_consent"
    assert [rule["rule"] for rule in deliveries["meta_capi"]["rules"]][-1] == "needs marketing"
    assert record["kind"] == "explanation"


def test_explain_takes_cookie_header_address_and_gpc(gatekeeper, policy):
    """As a request would bring them."""
    event = GUIDE_EVENT | {"consent": {"analytics": True, "marketing": True}}
    assert explained(gatekeeper, event, "--gpc")[0]["meta_capi"]["reason"] == "gpc_opt_out"
    assert explained(gatekeeper, event, "--header", "Sec-GPC: 1")[0]["meta_capi"]["reason"] == "gpc_opt_out"
    tampered = explained(gatekeeper, event, "--cookie", "gatekeeper_consent=x")[0]
    assert tampered["ga4"]["reason"] == "consent_unreadable"
    assert explained(gatekeeper, event, "--ip", "127.0.0.1")[1]["jurisdiction"]["how"] == "local"


def test_explain_is_readable_and_writes_nothing(gatekeeper, policy, tmp_path):
    """Marks, reasons and causes in words; no folder appears."""
    out = gatekeeper("explain", "-", stdin=json.dumps(GUIDE_EVENT), code=0).stdout
    assert "✓ ga4 sent, basis: analytics" in out
    assert "✗ meta_capi blocked: no_marketing_consent" in out
    assert re.search(r"fbclid +stripped +purpose", out)
    assert [path.name for path in tmp_path.iterdir()] == ["gatekeeper.toml"]


@pytest.mark.parametrize(
    ("stdin", "said"),
    [
        ("{", "not JSON"),
        ('{"event": 1}', "event"),
        ('{"event":"x","consent":{"analytics":"yes"}}', "consent.analytics"),
    ],
)
def test_a_bad_event_is_one_message(gatekeeper, policy, stdin, said):
    """On stderr, exit code 1, no traceback."""
    done = gatekeeper("explain", "-", stdin=stdin, code=1)
    assert said in done.stderr and "Traceback" not in done.stderr


def test_schema_is_json_schema(gatekeeper):
    """For editors."""
    assert json.loads(gatekeeper("schema", code=0).stdout)["title"] == "gatekeeper.toml"


def test_keys_are_listed_by_id_and_rotated(gatekeeper, policy, tmp_path):
    """Never printed."""
    gatekeeper("cookie", code=0)  # makes them
    before = json.loads(gatekeeper("keys", "list", "--json", code=0).stdout)
    gatekeeper("keys", "rotate", "signing", code=0)
    after = gatekeeper("keys", "list", "--json", code=0).stdout
    assert len(json.loads(after)["signing"]) == len(before["signing"]) + 1
    for path in (tmp_path / "var/keys").iterdir():
        assert path.read_text().strip() not in after


def test_a_port_in_use_is_one_line(gatekeeper, policy):
    """With the remedy."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = gatekeeper("serve", "--port", taken.getsockname()[1], env=ENV, code=1)
    assert "in use" in done.stderr and "--port" in done.stderr and "Traceback" not in done.stderr


def test_a_missing_secret_or_folder_stops_serve_with_one_line(gatekeeper, policy, tmp_path):
    """At start, never at the first event."""
    assert "GA4_API_SECRET is not set" in gatekeeper("serve", code=1).stderr
    (tmp_path / "var").write_text("a file where the folder should be")
    done = gatekeeper("serve", "--port", "0", env=ENV, code=1)
    assert "audit.path: cannot write" in done.stderr and "Traceback" not in done.stderr


def test_serve_tail_and_show(gatekeeper, policy, tmp_path):
    """Serve, post, stop with SIGTERM: the record is there and printed."""
    port = free_port()
    with process(["-m", "gatekeeper", "serve", "--port", str(port)], tmp_path, env=ENV, cwd=tmp_path) as server:
        until(lambda: answers(f"http://127.0.0.1:{port}/gk/healthz"), tmp_path, 20)
        event = {"event": "purchase", "data": {"order_value": 1}}
        answer = httpx.post(f"http://127.0.0.1:{port}/gk/collect", json=event, trust_env=False)
        (request_id,) = answer.json()["request_ids"]
    said = (tmp_path / "stderr").read_text()
    assert f"http://127.0.0.1:{port}/gk" in said and server.returncode in (0, -signal.SIGTERM)
    record = json.loads(gatekeeper("audit", "show", request_id, "--json", code=0).stdout)
    assert list(record)[:5] == ["timestamp", "request_id", "event_type", "consent_state", "deliveries"]
    assert "no_analytics_consent" in gatekeeper("audit", "show", request_id, code=0).stdout
    assert request_id in gatekeeper("audit", "tail", code=0).stdout
    lines = [json.loads(line) for line in gatekeeper("audit", "tail", "--json", code=0).stdout.splitlines()]
    # By time, in whole seconds: a decision may be a second older than the stream that it begins.
    assert sorted(line["kind"] for line in lines) == ["close", "decision", "genesis"]
    assert [line["request_id"] for line in lines if line["kind"] == "decision"] == [request_id]
    assert "Nothing was changed" in gatekeeper("audit", "verify", code=0).stdout
    assert "no record" in gatekeeper("audit", "show", "req_nothing", code=3).stderr


def test_the_demo_walks_through_four_purchases(gatekeeper):
    """Every promise on one screen, and no personal value in clear at any simulator."""
    done = gatekeeper("demo", "--once", "--port", "0", code=0)
    out = done.stdout
    assert done.stderr == ""
    for title in ("1. no consent given", "2. analytics yes, marketing no", "3. both", "4. both, and the browser"):
        assert title in out
    assert "gpc_opt_out" in out and "confirmed" in out and "VIOLATED" not in out


def test_the_demo_serves_its_shop_until_it_is_stopped(tmp_path):
    """On loopback, at the address it prints; Ctrl-C ends it at once and without a traceback."""
    demo = subprocess.Popen(
        [sys.executable, "-m", "gatekeeper", "demo", "--port", "0"],
        cwd=tmp_path, env=os.environ | {"COLUMNS": "120"}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    limit = threading.Timer(120, demo.kill)  # reading its lines has no end of its own
    limit.start()
    try:
        found = (re.search(r"open (http://127\.0\.0\.1:\d+/) in a browser", line) for line in demo.stdout)
        shop = next(filter(None, found))[1]
        with httpx.Client(trust_env=False, base_url=shop) as browser:
            assert "What arrived" in browser.get("/").text
            assert browser.get("/demo/board").json()["total"] == 4
            demo.send_signal(signal.SIGINT)
            out, err = demo.communicate(timeout=10)
    finally:
        limit.cancel()
        demo.kill()
        demo.wait()
        demo.stdout.close()
        demo.stderr.close()
    assert "stopped" in out and (err, demo.returncode) == ("", 0)


def test_help_and_version(gatekeeper):
    """Every command explains itself."""
    assert gatekeeper("--version", code=0).stdout.startswith("gatekeeper ")
    for command in ("init", "check", "serve", "explain", "demo", "schema", "audit", "keys"):
        assert "Usage" in gatekeeper(command, "--help", code=0).stdout
