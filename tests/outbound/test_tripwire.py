"""Clients that cannot be caught are reported: once per host, and never stopped."""

import logging
import socket
import sys

import pytest

from gatekeeper.outbound import tripwire
from gatekeeper.outbound.intercept import sending


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


@pytest.mark.parametrize("host", ["shop.example", "graph.facebook.com", "127.0.0.1"])
def test_other_hosts_and_mixed_ones_are_not(looked_up, host):
    """graph.facebook.com is connected to for a login too."""
    sys.audit("socket.getaddrinfo", host, 443, 0, 0, 0)
    assert looked_up() == [] and tripwire.seen == {}


def test_a_call_that_was_judged_is_not(looked_up):
    """The client sends it for us."""
    with sending():
        sys.audit("socket.getaddrinfo", "api.segment.io", 443, 0, 0, 0)
    assert looked_up() == []


def test_it_never_breaks_a_connection(looked_up):
    """Whatever the hook is given."""
    for args in [(), (None, None), (b"\xff", 1), (object(), ("api.segment.io", 443))]:
        sys.audit("socket.connect", *args)
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        pass
    assert len(looked_up()) <= 1
