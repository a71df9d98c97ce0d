"""A way through a forward proxy: CONNECT, after which the connection is the vendor's, with TLS from end to end.

The proxy learns a vendor's host and port, nothing else. Loopback is reached without it.
"""

from __future__ import annotations

import asyncio
import logging
import re
import socket
from typing import Final

from gatekeeper.delivery.request import Origin
from gatekeeper.model.egress import Egress

MAX_ANSWER: Final = 16_384  # bytes of the proxy's answer
_LOOPBACK: Final = re.compile(r"localhost|.*\.localhost|127\.\d+\.\d+\.\d+|::1")
_ANSWER: Final = re.compile(rb"HTTP/1\.[01] (\d{3})")
_log = logging.getLogger("gatekeeper")


def through(egress: Egress | None, origin: Origin) -> Egress | None:
    """The proxy for an origin; `None` where it is reached without one."""
    if egress is None or _LOOPBACK.fullmatch(origin.host):
        return None
    host = origin.host
    return (
        None
        if any(host == one.lstrip(".") or (one[:1] == "." and host.endswith(one)) for one in egress.direct)
        else egress
    )


async def tunnel(link: socket.socket, egress: Egress, origin: Origin) -> None:
    """Ask the proxy at the other end of `link` for a way to an origin. Raises OSError if it gives none."""
    loop = asyncio.get_running_loop()
    name = f"[{origin.host}]" if ":" in origin.host else origin.host
    where = f"{name}:{origin.port}"
    allowed = f"Proxy-Authorization: {egress.authorization}\r\n" if egress.authorization else ""
    await loop.sock_sendall(link, f"CONNECT {where} HTTP/1.1\r\nHost: {where}\r\n{allowed}\r\n".encode("ascii"))
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):  # byte by byte at the end: what follows is the vendor's
        part = await loop.sock_recv(link, 1)
        if not part or len(answer) > MAX_ANSWER:
            raise OSError("the proxy gave no answer")
        answer += part
    status = _ANSWER.match(answer)
    if status is None or status[1][:1] != b"2":
        _log.warning("the proxy gives no way to a vendor (%s)", "no HTTP" if status is None else status[1].decode())
        raise OSError("the proxy gives no way")
