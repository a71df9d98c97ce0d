"""A whole gate on loopback for the laws: raw requests in, every byte that reached a vendor out.

One `Recorder` stands for all vendors: it keeps what came, head and body, and answers what it was told to. A `Gate`
is the sidecar in a thread, whose every destination is the recorder. One case at a time: what came since the last look
belongs to it, and so do the lines that its audit log has grown by.
"""

from __future__ import annotations

import logging
import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from gatekeeper.model import OPTIONAL, Answer, Permission
from gatekeeper.policy.load import parse_policy
from gatekeeper.shells.server import sidecar
from gatekeeper.signals import own
from gatekeeper.vendors.formats import coding
from gatekeeper.vendors.kind import Destination
from tests.answering import Port
from tests.builders import NOW, policy_data
from tests.laws.calls import NAMES, POLICY, Seed, seeds
from tests.running import threaded

ORIGIN = "https://shop.example"
LONG_AGO = NOW - 9 * 86_400
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)\r\n", re.IGNORECASE)
_CODING = re.compile(rb"\r\ncontent-encoding: *([a-z-]+)\r\n", re.IGNORECASE)


class Connection:
    """Whole HTTP/1.1 messages off a socket, framed by Content-Length alone."""

    def __init__(self, link: socket.socket) -> None:
        self.link = link
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link.settimeout(20)
        self._ahead = b""

    def message(self) -> tuple[bytes, bytes]:
        """The next one's head, with the empty line, and its body. Raises EOFError at the end of the connection."""
        while (end := self._ahead.find(b"\r\n\r\n") + 4) < 4:
            self._more()
        head, self._ahead = self._ahead[:end], self._ahead[end:]
        assert b"\r\ntransfer-encoding:" not in head.lower(), "framed in another way than the recorder reads"
        found = _LENGTH.search(head)
        size = int(found[1]) if found else 0
        while len(self._ahead) < size:
            self._more()
        body, self._ahead = self._ahead[:size], self._ahead[size:]
        return head, body

    def _more(self) -> None:
        data = self.link.recv(262_144)
        if not data:
            raise EOFError
        self._ahead += data


class Recorder:
    """The vendor of everything. Threads, one per connection of the gate's pool."""

    def __init__(self) -> None:
        self.answer = Answer(204)
        self._came: list[tuple[bytes, bytes]] = []
        self._server = Port(self._serve)
        self.port, self.close = self._server.number, self._server.close

    def take(self) -> list[tuple[bytes, bytes]]:
        """What came since the last look: heads and bodies."""
        came, self._came = self._came, []
        return came

    def _serve(self, link: socket.socket) -> None:
        connection = Connection(link)
        while True:
            message = connection.message()  # `take` may put a new list there meanwhile
            self._came.append(message)
            link.sendall(_written(self.answer))


def _written(answer: Answer) -> bytes:
    lines = [f"HTTP/1.1 {answer.status} OK", *(f"{name}: {value}" for name, value in answer.headers)]
    if answer.status != 204:
        lines.append(f"Content-Length: {len(answer.body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + answer.body


@dataclass(frozen=True)
class Seen:
    """What became of one call: the answer's status and decision, what reached the vendor, and its audit lines."""

    status: int
    decision: str
    raw: list[tuple[bytes, bytes]]
    lines: bytes

    @property
    def sent(self) -> bool:
        """Whether the gate says that it sent it."""
        return self.decision.startswith("sent;")

    @property
    def opened(self) -> bytes:
        """Every byte that reached the vendor, bodies without their coding."""
        out = b""
        for head, body in self.raw:
            coded = _CODING.search(head)
            out += head + coding.decode(body, coded[1].decode() if coded else "", 2**24) + b"\n"
        return out

    @property
    def deliveries(self) -> list[dict[str, Any]]:
        """What was decided for each element, by the log."""
        records = map(orjson.loads, self.lines.splitlines())
        return [one["deliveries"][0] for one in records if one["kind"] == "decision"]


class Gate:
    """The sidecar under one law, a keep-alive connection to it, and its log as it grows."""

    def __init__(self, app: sidecar.Sidecar, port: int, recorder: Recorder) -> None:
        self.app, self.recorder = app, recorder
        self._port = port
        self._connection = Connection(socket.create_connection(("127.0.0.1", port)))
        self._read: dict[Path, int] = {}
        self._heads = {name: self._cookie(granted) for name, granted in _GRANTS.items()}

    def close(self) -> None:
        """Hang up."""
        self._connection.link.close()

    def send(self, seed: Seed, said: str, *, page: bool, chunked: bool, answer: Answer) -> Seen:
        """One call of a visitor who said this; `page`: from their own browser."""
        self.recorder.answer = answer
        call = seed.call
        target = f"/gk/to/{seed.to.name}{call.path}" + (f"?{call.query}" if call.query else "")
        lines = [f"{call.method} {target} HTTP/1.1", "Host: gate.example", *self._heads[said]]
        lines += [f"Origin: {ORIGIN}"] if page else []
        lines += ["Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(call.body)}"]
        lines += [f"{name.decode()}: {value.decode()}" for name, value in call.headers if name != b"cookie"]
        body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(call.body), call.body) if chunked else call.body
        self._connection.link.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        head, _ = self._connection.message()
        decided = re.search(rb"\r\ngatekeeper-decision: ([^\r]*)\r\n", head)
        status = int(head.split(b" ", 2)[1])
        return Seen(status, decided[1].decode() if decided else "", self.recorder.take(), self._grown())

    def _cookie(self, granted: tuple[Sequence[str] | None, tuple[str, ...]]) -> list[str]:
        purposes, more = granted
        if purposes is None:
            return list(more)
        said = {one: (Permission.GRANTED if one in purposes else Permission.DENIED, LONG_AGO) for one in OPTIONAL}
        value = own.write(said, notice="v1", subject="v_1", sign=self.app.runtime.keys.sign)
        return [f"Cookie: {own.COOKIE}={value}", *more]

    def _grown(self) -> bytes:
        """The lines that were written since the last look."""
        out = b""
        for path in sorted(self.app.runtime.policy.audit_folder.glob("*.jsonl")):
            with path.open("rb") as log:
                log.seek(self._read.get(path, 0))
                new = log.read()
            new = new[: new.rfind(b"\n") + 1]  # an outcome may be in the middle of being written
            out += new
            self._read[path] = self._read.get(path, 0) + len(new)
        return out


# What a visitor may have said: purposes granted in their cookie (None: there is none), and headers besides.
_BOTH = ("analytics", "marketing")
_GRANTS: dict[str, tuple[Sequence[str] | None, tuple[str, ...]]] = {
    "both": (_BOTH, ()),
    "analytics": (("analytics",), ()),
    "marketing": (("marketing",), ()),
    "neither": ((), ()),
    "nothing": (None, ()),
    "both, GPC": (_BOTH, ("Sec-GPC: 1",)),
    "both, no sale": (_BOTH, ("Cookie: usprivacy=1YYN",)),
    "tampered": (None, (f"Cookie: {own.COOKIE}=tampered",)),
    "forged context": (_BOTH, ("Gatekeeper-Context: e30.s1.AAAA",)),
}
SAID = tuple(_GRANTS)
# Which purposes each denies under every law; the rest is the law's business.
DENIES = {
    "both": set(), "nothing": set(), "analytics": {"marketing"}, "marketing": {"analytics"}, "neither": set(_BOTH),
    "both, GPC": {"marketing"}, "both, no sale": {"marketing"}, "tampered": set(_BOTH), "forged context": set(_BOTH),
}  # fmt: skip


def tables(port: int) -> dict[str, dict[str, Any]]:
    """Every kind, with the recorder for a vendor."""
    here = f"http://127.0.0.1:{port}"
    found = {}
    for name, table in POLICY.items():
        found[name] = {key: str(value).replace("127.0.0.1:9/", f"127.0.0.1:{port}/") if key == "dsn" else value
                       for key, value in table.items()}  # fmt: skip
        if "dsn" not in table:
            found[name]["endpoint"] = here
    return found


@contextmanager
def gates(folder: Path) -> Iterator[tuple[dict[str, Gate], dict[str, list[Seed]]]]:
    """A gate under each of two laws, and the seeds of every dialect, each for a destination of the policy."""
    with ExitStack() as stack:
        recorder = Recorder()
        stack.callback(recorder.close)
        found: dict[str, Gate] = {}
        for law_id in ("gdpr", "ccpa"):
            policy = parse_policy(
                policy_data(
                    audit={"path": str(folder / law_id / "audit"), "rotate": "1GB"},
                    keys={"path": str(folder / law_id / "keys")},
                    storage={"url": f"sqlite:///{folder}/{law_id}/gatekeeper.db"},
                    server={"origins": [ORIGIN], "max_header_size": "64KiB"},
                    jurisdiction={"default": law_id},
                    destinations=tables(recorder.port),
                ),
                environ={},
            )
            by_dialect = {name: seeds(dialect, policy) for name, dialect in NAMES.items()}
            named: dict[str, Destination] = {}
            for name, plain in by_dialect.items():
                by_dialect[name] = [replace(one, to=_named(one.to, named)) for one in plain]
            app = sidecar.Sidecar(replace(policy, destinations=named))
            app.runtime.gate.clock = lambda: NOW
            found[law_id] = stack.enter_context(_serving(app, recorder))
        yield found, by_dialect


def _named(to: Destination, named: dict[str, Destination]) -> Destination:
    """The destination under a name of its own: seeds of one kind may need several."""
    for one in named.values():
        if replace(one, name=to.name) == to:
            return one
    name = f"{to.name}-{len(named)}"
    named[name] = replace(to, name=name)
    return named[name]


@contextmanager
def _serving(app: sidecar.Sidecar, recorder: Recorder) -> Iterator[Gate]:
    with threaded(sidecar.server(app)) as at:
        gate = Gate(app, int(at.rpartition(":")[2]), recorder)
        try:
            yield gate
        finally:
            gate.close()


class Listener(logging.Handler):
    """Keeps every log record of a run, as text."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """One more."""
        self.said.append(self.format(record))


@contextmanager
def listening() -> Iterator[list[str]]:
    """Everything that is logged meanwhile, at every level."""
    root, listener = logging.getLogger(), Listener()
    before = root.level
    root.addHandler(listener)
    root.setLevel(logging.DEBUG)
    try:
        yield listener.said
    finally:
        root.removeHandler(listener)
        root.setLevel(before)
