"""Where hosts are. Each question has a thread, and a name is asked for once at a time, however many want to know.

Not by the loop's executor: the one of concurrent.futures takes no work while the process forks, when what is queued
goes out; and asyncio waits for it at its end, however long a name server takes.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from typing import Any, TypeAlias

Address: TypeAlias = tuple[socket.AddressFamily, Any]
Found: TypeAlias = list[Address] | OSError


class Resolver:
    """Of one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._asked: dict[tuple[str, int], asyncio.Future[Found]] = {}

    async def find(self, host: str, port: int) -> list[Address]:
        """The addresses of a host, in the order the system prefers. Raises OSError if it has none."""
        with contextlib.suppress(OSError, UnicodeError):
            return look_up(host, port, socket.AI_NUMERICHOST)
        asked = self._asked.get((host, port))
        if asked is None:
            asked = self._loop.create_future()
            name = "gatekeeper-resolver"
            threading.Thread(target=self._ask, args=(host, port, asked), name=name, daemon=True).start()
            self._asked[host, port] = asked
        found = await asyncio.shield(asked)
        if isinstance(found, OSError):
            raise OSError(found.errno, "no such host")
        return found

    def _ask(self, host: str, port: int, asked: asyncio.Future[Found]) -> None:
        found: Found
        try:
            found = look_up(host, port)
        except UnicodeError:
            found = OSError("not a host's name")
        except OSError as error:
            found = error
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._tell, host, port, asked, found)

    def _tell(self, host: str, port: int, asked: asyncio.Future[Found], found: Found) -> None:
        del self._asked[host, port]
        asked.set_result(found)


def look_up(host: str, port: int, flags: int = 0) -> list[Address]:
    """What the system says; waits for it. Raises OSError or UnicodeError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    return [(family, address) for family, _, _, _, address in found]
