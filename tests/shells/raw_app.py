"""An app behind the gate that speaks HTTP by hand, as real and broken ones do; after cases of the field.

Source: `field-hosts.md` (kinds: retries of a proxy, HTTP/1.0, proxy), remade.
"""

from __future__ import annotations

import re
from contextlib import contextmanager

from tests.answering import Port

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
ANSWERS = {
    b"/chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5;a=b\r\nhello\r\n6\r\n world\r\n0\r\nX-T: 1\r\n\r\n",
    b"/204": b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
    b"/304": b'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 500\r\n\r\n',
    b"/same-length-twice": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
    b"/two-lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!",
    b"/control": b"HTTP/1.1 200 OK\r\nX-Bad: a\x01b\r\nContent-Length: 2\r\n\r\nok",
    b"/102": b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + PLAIN,
    b"/until-close": b"HTTP/1.1 200 OK\r\n\r\nuntil close",
    b"/twice": PLAIN + b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstale",
    b"/204-with-body": b"HTTP/1.1 204 No Content\r\n\r\nsmuggled",
}
CLOSES = frozenset({b"/until-close", b"/204-with-body", b"/two-lengths"})


class App:
    """`acted` is how often each request line was read whole; `/act` then hangs up, the first `spare` times not."""

    def __init__(self):
        self.acted: dict[bytes, int] = {}
        self.heads: list[bytes] = []
        self.port = Port(self._serve)
        self.url = self.port.url

    def _serve(self, link):
        with link.makefile("rb") as lines:
            while True:
                head = b""
                while not head.endswith(b"\r\n\r\n"):
                    line = lines.readline()
                    if not line:
                        return
                    head += line
                length = re.search(rb"\r\ncontent-length: (\d+)", head, re.IGNORECASE)
                lines.read(int(length[1]) if length else 0)
                while b"transfer-encoding: chunked" in head.lower() and lines.readline() not in (b"\r\n", b""):
                    pass
                request = head.partition(b" HTTP/")[0]
                self.heads.append(head)
                self.acted[request] = self.acted.get(request, 0) + 1
                path = request.partition(b" ")[2].partition(b"?")[0]
                if path == b"/act":
                    return
                link.sendall(ANSWERS.get(path, PLAIN) if not request.startswith(b"HEAD") else PLAIN[:-2])
                if path in CLOSES or path == b"/then-close":
                    return


@contextmanager
def raw_app():
    app = App()
    try:
        yield app
    finally:
        app.port.close()
