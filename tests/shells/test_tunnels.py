"""Which upgrades become a tunnel to the app: one table."""

from types import SimpleNamespace

import pytest

from gatekeeper.model.head import Head
from gatekeeper.shells.proxy.tunnel import Tunnels
from gatekeeper.shells.server.ways import asked

WEBSOCKET = ((b"host", b"a"), (b"connection", b"Upgrade"), (b"upgrade", b"WebSocket"))
ROWS = {
    "a websocket": (b"/ws?a=b", "GET", "1.1", WEBSOCKET, True),
    "a length of nothing": (b"/ws", "GET", "1.1", (*WEBSOCKET, (b"content-length", b"00")), True),
    "another name that begins like ours": (b"/gkk/ws", "GET", "1.1", WEBSOCKET, True),
    "a path of ours": (b"/gk/collect", "GET", "1.1", WEBSOCKET, False),
    "another protocol": (b"/ws", "GET", "1.1", (*WEBSOCKET[:2], (b"upgrade", b"h2c")), False),
    "another method": (b"/ws", "POST", "1.1", WEBSOCKET, False),
    "HTTP/1.0": (b"/ws", "GET", "1.0", WEBSOCKET, False),
    "a body": (b"/ws", "GET", "1.1", (*WEBSOCKET, (b"content-length", b"10")), False),
    "chunks": (b"/ws", "GET", "1.1", (*WEBSOCKET, (b"transfer-encoding", b"chunked")), False),
}


@pytest.mark.parametrize("name", ROWS)
def test_only_a_plain_get_for_the_app_becomes_a_tunnel(name):
    """What has a body, or is ours, is answered as any request."""
    target, method, version, headers, expected = ROWS[name]
    scope = asked(target, method, version, Head(headers), ("192.0.2.1", 1))
    assert Tunnels(SimpleNamespace(prefix="/gk/")).takes_up(scope) is expected
