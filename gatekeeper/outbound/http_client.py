"""The standard library's http.client, on which urllib, urllib3 and requests are built: where their first byte goes.

A connection is opened before the head is sent, and the head is sent inside `first_byte`: so a withdrawal never waits
for a connection, and no request begins behind it. Requests that no gate has judged pass as they are.
"""

from __future__ import annotations

import http.client
from typing import Any

from gatekeeper.outbound.marks import first_byte, permit
from gatekeeper.outbound.patched import Patched

_patched = Patched()


def install() -> None:
    """Ask before heads are sent. Every client that needs it calls this; requests that were not judged cost a look."""
    if not _patched:
        _patched.replace(http.client.HTTPConnection, "endheaders", _endheaders)


def uninstall() -> None:
    """Leave the class as it was."""
    _patched.restore()


def _endheaders(original: Any) -> Any:
    def endheaders(self: http.client.HTTPConnection, *args: Any, **options: Any) -> None:
        if permit() is None:
            original(self, *args, **options)
            return
        if self.sock is None and self.auto_open:
            self.connect()
        with first_byte():
            original(self, *args, **options)

    return endheaders
