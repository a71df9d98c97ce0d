"""A new connection to an origin: both address families tried, certificates and host names checked.

Not a byte of a request is sent here: whatever fails, the vendor cannot have it.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, zip_longest
from typing import Final, TypeVar

import certifi

from gatekeeper.delivery.request import Origin
from gatekeeper.delivery.resolve import Address, Resolver
from gatekeeper.delivery.tunnel import through, tunnel
from gatekeeper.installation import forks
from gatekeeper.model.egress import Egress

STAGGER: Final = 0.25  # seconds until the next address is tried beside one that does not answer (RFC 8305, section 5)
P = TypeVar("P", bound=asyncio.Protocol)


async def connect(
    origin: Origin, names: Resolver, tls: ssl.SSLContext | None, made: Callable[[], P], egress: Egress | None = None
) -> P:
    """A connection's protocol, made by `made`, through `egress` if there is one. Raises OSError."""
    loop = asyncio.get_running_loop()
    proxy = through(egress, origin)
    at: Origin | Egress = origin if proxy is None else proxy
    link = await _first(_interleaved(await names.find(at.host, at.port)))
    if proxy is not None:
        try:
            await tunnel(link, proxy, origin)
        except BaseException:
            link.close()
            raise
    name = origin.host if tls else None
    _, protocol = await loop.create_connection(made, sock=link, ssl=tls, server_hostname=name)
    return protocol


def verifying() -> ssl.SSLContext:
    """TLS as everybody should speak it. SSL_CERT_FILE and SSL_CERT_DIR name whom to trust, instead of the system.

    Without them certifi's authorities are trusted beside the system's: a bare container has none.
    """
    context = ssl.create_default_context()
    # SSLKEYLOGFILE would put the keys of every connection into a file.
    context.keylog_filename = None  # type: ignore[assignment]  # None is taken, but not in its stubs
    if not {"SSL_CERT_FILE", "SSL_CERT_DIR"} & os.environ.keys():
        context.load_verify_locations(certifi.where())
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def _interleaved(found: Sequence[Address]) -> list[Address]:
    """One of each family in turn, beginning with the one that the system prefers."""
    first = [one for one in found if one[0] == found[0][0]]
    others = [one for one in found if one[0] != found[0][0]]
    return [one for one in chain.from_iterable(zip_longest(first, others)) if one is not None]


async def _first(addresses: Iterable[Address]) -> socket.socket:
    """A socket connected to the first address that answers. Raises OSError if none does."""
    loop = asyncio.get_running_loop()
    left = deque(addresses)
    if len(left) == 1:
        return await dial(left[0])
    trying: set[asyncio.Task[socket.socket]] = set()
    failed: BaseException = OSError("no address")
    try:
        while left or trying:
            if left:
                trying.add(loop.create_task(dial(left.popleft())))
            ended, trying = await asyncio.wait(
                trying, timeout=STAGGER if left else None, return_when=asyncio.FIRST_COMPLETED
            )
            for task in ended:
                if (error := task.exception()) is None:
                    trying |= ended - {task}
                    return task.result()
                failed = error
        raise failed
    finally:
        for task in trying:
            task.cancel()
            task.add_done_callback(_unused)


def _unused(task: asyncio.Task[socket.socket]) -> None:
    if not task.cancelled() and task.exception() is None:
        task.result().close()


async def dial(address: Address) -> socket.socket:
    """A connected socket to one address. Raises OSError."""
    family, where = address
    link = socket.socket(family, socket.SOCK_STREAM)
    forks.keep(link)
    try:
        link.setblocking(False)
        await asyncio.get_running_loop().sock_connect(link, where)
    except BaseException:
        link.close()
        raise
    return link
