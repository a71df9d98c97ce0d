"""Real logs: written by the product's own streams, with a clock that is told what time it is."""

from __future__ import annotations

import contextlib
import gzip
import io
import shutil
from pathlib import Path

import orjson

from gatekeeper.audit import redact, stamp
from gatekeeper.audit.chores import compress
from gatekeeper.audit.lines import Line, outcome_line, timestamp
from gatekeeper.audit.signing import Own, Signer, SigningKey
from gatekeeper.audit.stream import Stream
from gatekeeper.audit.verify import verify
from gatekeeper.audit.writer import AuditWriter
from gatekeeper.installation import keys
from gatekeeper.installation.ring import Key
from tests.builders import NOW

DAY = 86_400.0
_INDEPENDENT = compile(
    (Path(__file__).parents[2] / "docs" / "verify_audit.py").read_text("utf-8"), "verify_audit.py", "exec"
)


class OneKey(Signer):
    """A signer whose key stands in no folder."""

    def __init__(self, secret: bytes = bytes(range(32))) -> None:
        self._key = SigningKey(Key("test", secret))

    def keys(self) -> list[SigningKey]:
        """The one."""
        return [self._key]

    def own(self) -> Own:
        """What it wrote."""
        return Own([self._key.remains])


SIGNER = OneKey()


class Clock:
    """Time as it is told."""

    def __init__(self, at: float = NOW) -> None:
        self.at = at

    def __call__(self) -> float:
        self.at += 0.001
        return self.at


def decision(n: int, at: float = NOW, *subjects: str) -> Line:
    """A short decision line; some have subjects."""
    core = {"kind": "decision", "timestamp": timestamp(at), "request_id": f"req_{n:06}", "deliveries": []}
    return Line(orjson.dumps(core), subjects)


def person(n: int) -> str:
    """A pseudonym."""
    return f"p_{n:022x}"


def outcome(n: int, at: float = NOW) -> Line:
    """What became of it."""
    return outcome_line(at=at, destination="own", request_ids=[f"req_{n:06}"], status="delivered", why=None, attempts=1)


def write(stream: Stream, clock: Clock, first: int, count: int) -> None:
    """Decisions with their outcomes, in small groups."""
    for n in range(first, first + count):
        people = [person(n % 5)] * (n % 3 > 0) + [person(n)] * (n % 3 > 1)
        stream.write([decision(n, clock(), *people), outcome(n, clock())])


def crash(stream: Stream, torn: bytes) -> None:
    """The process is killed in the middle of a line."""
    stream.abandon()
    with stream.segment().plain.open("ab") as file:
        file.write(torn)


def pack(folder: Path, *streams: Stream) -> None:
    """Compress what is closed."""
    for stream in streams:
        while stream.closed:
            compress(stream.closed.pop())
    assert folder.is_dir()


def make(folder: Path) -> bytes:
    """A log with all there can be in it; its last checkpoint, which is the anchor.

    Two streams at once, rotations, a crash that is taken over, a rotated key, subjects that were removed.
    """
    log, ring = folder / "audit", folder / "keys"
    clock, signer = Clock(), Signer(ring)

    def begin() -> Stream:
        return Stream(log, rotate=3_200, signer=signer, clock=clock)

    one, two = begin(), begin()
    write(one, clock, 0, 6)
    write(two, clock, 10, 4)
    one.checkpoint()
    write(one, clock, 20, 3)
    two.close()
    crash(one, b'{"stream":"torn')
    pack(log, one, two)
    clock.at += 100 * DAY
    three = begin()
    write(three, clock, 30, 4)
    three.checkpoint()
    pack(log, three)
    writer = AuditWriter(log, signer=signer, clock=clock)
    redact.remove(log, redact.older_than(clock.at - 90 * DAY), writer, reason="retention", at=clock.at)
    writer.close()
    keys.rotate(ring, keys.AUDIT)
    three.checkpoint()
    write(three, clock, 40, 3)
    four = begin()
    write(four, clock, 50, 3)
    three.close()
    anchor = four.close()
    pack(log, three, four)
    assert anchor is not None
    return anchor


def ours(log: Path, anchor: bytes | None, *trusted: str, roots: bytes = b"") -> list[str]:
    """What our verifier says against a log; `roots` are certificates in PEM that are believed."""
    believed = stamp.roots(roots) if roots else []
    report = verify(log, anchors=[] if anchor is None else [anchor], trusted=trusted, roots=believed)
    return [f"{problem.file}:{problem.line} {problem.why}" for problem in report.problems]


def independent() -> dict:
    """The names of the independent verifier, with nothing read yet."""
    module: dict = {"__name__": "verify_audit"}
    exec(_INDEPENDENT, module)
    return module


def theirs(log: Path, anchor: bytes | None, *trusted: str, roots: bytes = b"") -> list[str]:
    """What the independent one says."""
    module = independent()
    files = [word for key in trusted for word in ("--trust", key)]
    if anchor is not None:
        path = log.parent / "anchor"
        path.write_bytes(anchor)
        files.append(str(path))
    if roots:
        (log.parent / "roots.pem").write_bytes(roots)
        files += ["--roots", str(log.parent / "roots.pem")]
    with contextlib.redirect_stdout(io.StringIO()) as out:
        code = module["main"](str(log), *files)
    return out.getvalue().splitlines() if code else []


def contents(log: Path) -> dict[str, bytes]:
    """Every segment's lines by file name."""
    return {
        path.name: gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        for path in sorted(log.glob("*.jsonl*"))
    }


def put(log: Path, files: dict[str, bytes]) -> None:
    """A log folder with these segments alone."""
    shutil.rmtree(log, ignore_errors=True)
    log.mkdir(parents=True)
    for name, data in files.items():
        (log / name).write_bytes(gzip.compress(data, 1, mtime=0) if name.endswith(".gz") else data)
