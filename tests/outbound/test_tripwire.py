"""Clients that cannot be caught are reported: once per host, and never stopped."""

import logging
import socket
import sys
import threading

import pytest

from gatekeeper.model import Answer, Outgoing
from gatekeeper.outbound import tripwire
from gatekeeper.outbound.marks import sending
from tests.answering import answering
from tests.outbound.clients import CLIENTS


@pytest.fixture
def looked_up(shop, caplog):
    """What was reported."""
    caplog.set_level(logging.WARNING)
    tripwire.seen.clear()
    return lambda: [record.getMessage() for record in caplog.records]


def test_a_look_up_of_a_tracking_host_is_reported_once(looked_up):
    """By the name only."""
    for _ in range(3):
        sys.audit("socket.getaddrinfo", "api.segment.io", 443, 0, 0, 0)
    assert tripwire.seen == {"api.segment.io": 3}
    assert looked_up() == [
        "a connection to api.segment.io was not caught: its client has no interceptor, so nothing filters it"
    ]


@pytest.mark.parametrize("host", ["shop.example", "notfacebook.com", "127.0.0.1"])
def test_other_hosts_are_not(looked_up, host):
    """They are in no table."""
    sys.audit("socket.getaddrinfo", host, 443, 0, 0, 0)
    assert looked_up() == [] and tripwire.seen == {}


@pytest.mark.parametrize(
    "host", ["graph.facebook.com", "googleads.googleapis.com", "www.google.com", "API.Hubapi.com."]
)
def test_a_host_that_serves_other_things_too_is_reported(looked_up, host):
    """By http.client or gRPC nobody can see which path is meant."""
    sys.audit("socket.getaddrinfo", host, 443, 0, 0, 0)
    assert [host.lower().rstrip(".")] == list(tripwire.seen) and len(looked_up()) == 1


def test_a_call_that_was_judged_is_not(looked_up):
    """The client sends it for us, and may have a thread look up the name."""
    with sending(Outgoing("POST", "https://api.segment.io/v1/batch", (), b"")):
        sys.audit("socket.getaddrinfo", "api.segment.io", 443, 0, 0, 0)
        thread = threading.Thread(target=sys.audit, args=("socket.getaddrinfo", "api.segment.io", 443, 0, 0, 0))
        thread.start()
        thread.join()
    assert looked_up() == []
    sys.audit("socket.getaddrinfo", "api.segment.io", 443, 0, 0, 0)
    assert len(looked_up()) == 1


@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
def test_a_request_that_is_no_tracking_call_is_not(looked_up, monkeypatch, client):
    """A login at a mixed host, by any client that is caught: it was looked at, and let through."""
    found = socket.getaddrinfo

    def resolved(host, *args, **options):
        sys.audit("socket.getaddrinfo", host, *args)
        return found("127.0.0.1" if host in ("graph.facebook.com", b"graph.facebook.com") else host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    with answering(lambda call: Answer(200, (), b"token")) as there:
        url = there.replace("127.0.0.1", "graph.facebook.com") + "/v26.0/oauth/access_token?client_id=1"
        status, body = client("GET", url)
    assert (status, body) == (200, b"token") and looked_up() == []


def test_it_never_breaks_a_connection(looked_up):
    """Whatever the hook is given."""
    for args in [(), (None, None), (b"\xff", 1), (object(), ("api.segment.io", 443))]:
        sys.audit("socket.connect", *args)
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        pass
    assert len(looked_up()) <= 1
