"""Hosts in no table: counted in a bounded memory, shown to the bearer of the admin token, never in the audit."""

from __future__ import annotations

import logging
import socket

import httpx
import pytest

import gatekeeper
import gatekeeper.outbound
from gatekeeper import ConfigError, context
from gatekeeper.outbound import unlisted
from gatekeeper.policy.load import parse_policy
from gatekeeper.testing import Simulators
from tests.builders import make_policy
from tests.outbound.clients import CLIENTS
from tests.outbound.conftest import Shop
from tests.outbound.graph import graph
from tests.running import ADMIN, ADMIN_TOKEN, running, tables

HOST = "collector.newvendor.example"


@pytest.fixture
def shop(tmp_path, monkeypatch, request, caplog):
    """A process with a gate that has the mode, and hosts that are not there answered on loopback."""
    found = socket.getaddrinfo

    def resolved(host, *args, **options):
        name = host.decode() if isinstance(host, bytes) else host
        return found("127.0.0.1" if name.endswith((".example", ".example.")) else host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    mode = request.node.callspec.params.get("mode", "allow")
    caplog.set_level(logging.WARNING, "gatekeeper")
    with Simulators() as sims, graph() as server:
        allow = ["api.shop.example", ".pay.example"] if mode != "allow" else []
        raw = tables(tmp_path, sims, outbound={"unknown": mode, "allow": allow})
        runtime = gatekeeper.start(parse_policy(raw, environ={}))
        gatekeeper.outbound.install()
        here = Shop(runtime, sims)
        here.port, here.got = server.server_port, server.others
        yield here
        gatekeeper.outbound.uninstall()
        runtime.close()
        context.uninstall(runtime.gate)


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("mode", ["allow", "warn", "block"])
def test_a_call_to_a_host_in_no_table_is_counted_once(shop, client, mode, caplog):
    """And passes, is said, or is blocked, by every client."""
    for _ in range(2):
        status, _ = CLIENTS[client]("POST", f"http://{HOST}:{shop.port}/in", b"x=1")
    assert unlisted.counted() == ({HOST: 2}, 0)
    said = [record.getMessage() for record in caplog.records if record.name == "gatekeeper"]
    if mode == "allow":
        assert said == []
    else:
        done = "was blocked" if mode == "block" else "passed unseen"
        assert said == [
            f"a call to {HOST}, which is not in any table, {done}; name it in outbound.allow if it is not tracking"
        ]
    lines = shop.lines()
    assert HOST not in str(lines)
    if mode == "block":
        assert status == 204 and shop.got == []
        ends = [line["deliveries"][0] for line in lines]
        assert [(end["destination"], end["reason"]) for end in ends] == [("unlisted_host", "unlisted_destination")] * 2
    else:
        assert status == 200 and shop.got == ["/in", "/in"] and lines == []


@pytest.mark.parametrize("mode", ["block"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "api.shop.example", "eu.pay.example", "API.shop.example."])
def test_ones_own_machines_and_allowed_hosts_are_not_counted(shop, host, mode):
    """Not even where everything else is blocked."""
    status, _ = CLIENTS["urllib3"]("POST", f"http://{host}:{shop.port}/in", b"x=1")
    assert status == 200 and unlisted.counted() == ({}, 0)


def test_no_host_of_the_policy_or_the_table_is_counted():
    """They are in a table, whatever the path."""
    from gatekeeper.outbound.routes import Routes

    own = {"kind": "first_party", "endpoint": "https://own.shop.example/events"}
    routes = Routes(make_policy(destinations={"own": own}, audit={"anchor": "https://anchors.example/in"}))
    for host in ("own.shop.example", "anchors.example", "graph.facebook.com", "Api.Hubapi.com.", "www.google.fr"):
        assert routes.lists(host)
    assert not routes.lists("shop.example")


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("10.1.2.3", True),
        ("[fd00::1]", True),
        ("fe80::1%eth0", True),
        ("redis", True),
        ("db.internal", True),
        ("8.8.8.8", False),
        ("shop.example", False),
    ],
)
def test_a_machine_of_ones_own_is_known_by_its_name(host, own):
    """Loopback, private networks, names without a dot."""
    assert unlisted.is_own(host) is own


def test_the_memory_is_bounded():
    """Names beyond it are counted together."""
    for n in range(1_100):
        assert not unlisted.called(f"a{n}.example", "allow")
    unlisted.called("a1.example", "allow")
    hosts, more = unlisted.counted()
    assert (len(hosts), more, next(iter(hosts.items()))) == (1_000, 100, ("a1.example", 2))
    unlisted.uninstall()
    assert unlisted.counted() == ({}, 0)


@pytest.fixture(scope="module")
def gate(tmp_path_factory):
    """An app with the gate around it."""
    server = {"admin_token": ADMIN}
    with running("middleware", tmp_path_factory.mktemp("gate"), server=server) as up:
        yield up


@pytest.mark.parametrize(("token", "status"), [(None, 401), ("wrong", 401), (ADMIN_TOKEN, 200)])
def test_only_the_bearer_of_the_admin_token_is_told(gate, token, status):
    """As for the metrics, which have the number alone."""
    unlisted.called(HOST, "allow")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = gate.http.get("/gk/outbound", headers=headers)
    assert answer.status_code == status and (HOST in answer.text) is (status == 200)
    text = gate.http.get("/gk/metrics", headers=headers).text
    assert HOST not in text and ("gatekeeper_outbound_unlisted_hosts 1.0" in text) is (status == 200)
    unlisted.uninstall()


def test_without_an_admin_token_there_is_no_such_endpoint(tmp_path):
    """404, as for the metrics."""
    with running("middleware", tmp_path) as up:
        assert up.http.get("/gk/outbound").status_code == 404


POLICY = """
[policy]
version = "1"
controller = "Example Shop GmbH"
[server]
port = {port}
{token}
"""


def asked(tmp_path, gate, capsys, *, as_json=False, token='admin_token = { env = "GATEKEEPER_ADMIN" }', url=None):
    from gatekeeper.cli.outbound import hosts

    policy = tmp_path / "gatekeeper.toml"
    policy.write_text(POLICY.format(port=gate.url.rpartition(":")[2], token=token))
    hosts(policy, url, as_json)
    return capsys.readouterr().out


def test_the_command_prints_what_a_running_gate_tells(gate, tmp_path, capsys, monkeypatch):
    """By the policy's address and token, as a table or JSON."""
    monkeypatch.setenv("GATEKEEPER_ADMIN", ADMIN_TOKEN)
    for _ in range(3):
        unlisted.called(HOST, "allow")
    assert HOST in asked(tmp_path, gate, capsys) and '"collector' in asked(tmp_path, gate, capsys, as_json=True)
    assert '"more": 0' in asked(tmp_path, gate, capsys, as_json=True, url=gate.url + "/")
    unlisted.uninstall()


@pytest.mark.parametrize(
    ("token", "url", "said"),
    [
        ("", None, "server.admin_token: missing"),
        (None, "http://127.0.0.1:9", "no gate answers there (ConnectError); say where with --url"),
        (None, "nonsense", "no gate answers there"),
        ("other", None, "401 the bearer token is not known"),
    ],
)
def test_the_command_says_why_it_cannot_ask(gate, tmp_path, capsys, monkeypatch, token, url, said):
    """In one sentence."""
    monkeypatch.setenv("GATEKEEPER_ADMIN", "another-token-0a1b2c3d4e5f60718293" if token == "other" else ADMIN_TOKEN)
    line = {} if token != "" else {"token": ""}
    with pytest.raises(ConfigError) as caught:
        asked(tmp_path, gate, capsys, url=url, **line)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("outbound", "said"),
    [
        ({"unknown": "deny"}, "outbound.unknown: 'deny' is not known; use 'allow', 'warn' or 'block'"),
        ({"allow": ["shop.example"]}, 'outbound.allow: "shop.example" is not a known tracking host; remove it: other'),
        (
            {"unknown": "block", "allow": ["https://shop.example"]},
            'outbound.allow: "https://shop.example" is not a host name; write shop.example',
        ),
    ],
)
def test_a_wrong_setting_does_not_load(outbound, said):
    """Key, value and remedy."""
    with pytest.raises(ConfigError) as caught:
        make_policy(outbound=outbound)
    (sentence,) = caught.value.problems
    assert sentence.startswith(said)


def test_an_answer_that_is_no_gates_is_one_sentence(gate, tmp_path, capsys, monkeypatch):
    """Another server answers there."""
    monkeypatch.setenv("GATEKEEPER_ADMIN", ADMIN_TOKEN)
    monkeypatch.setattr(httpx, "get", lambda *_, **__: httpx.Response(200, text="<html>"))
    with pytest.raises(ConfigError, match="no gate answers there"):
        asked(tmp_path, gate, capsys)
