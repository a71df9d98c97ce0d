"""Writing decision lines, durable on this machine's disk, alone and in batches; and verifying them, compressed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import partial

import orjson

from gatekeeper.audit.chores import compress
from gatekeeper.audit.lines import Line, decision_line
from gatekeeper.audit.segments import usable
from gatekeeper.audit.signing import Signer
from gatekeeper.audit.stream import Stream
from gatekeeper.audit.verify import verify
from gatekeeper.audit.writer import AuditWriter
from gatekeeper.gate import incoming

from .. import gates, samples
from ..shape import CheckError, InProcess, Repeat, Scenario, Stage
from .decide import CALLER

_VERIFIED = 5_000  # lines of the log that is verified


def _line(request_id: str = "req_bench") -> Line:
    gate = gates.gate()
    plan = gate.plan(incoming.parse(orjson.dumps(samples.event()))[0], CALLER, at=gates.NOW, request_id=request_id)
    return decision_line(plan, gate.policy)


@contextlib.contextmanager
def _durable(batch: int, stage: Stage) -> Iterator[Repeat]:
    folder, line = stage.folder / f"audit-{batch}", _line()
    usable(folder)
    writer = AuditWriter(folder, signer=Signer(stage.folder / "audit-keys"))

    def write(n: int) -> None:
        """`n` lines: as many at a time as are in a batch, each batch waited for."""
        for _ in range(n // batch):
            waiting = [writer.append([line]) for _ in range(batch)]
            for done in waiting:
                done.result(30)

    try:
        write(batch)
        if not any(b"req_bench" in path.read_bytes() for path in folder.rglob("*") if path.is_file()):
            raise CheckError("the line is not on disk")
        yield write
    finally:
        writer.close()


@contextlib.contextmanager
def _verified(stage: Stage) -> Iterator[Repeat]:
    folder, line = stage.folder / "verified", _line("req_0000")
    stream = Stream(folder, signer=Signer(stage.folder / "audit-keys"), fsync=False)
    for first in range(0, _VERIFIED, 100):  # a request is decided once: each line is of another
        stream.write(
            [line._replace(core=line.core.replace(b"req_0000", b"req_%04d" % n)) for n in range(first, first + 100)]
        )
    stream.close()
    for segment in stream.closed:
        compress(segment)

    def check(n: int) -> None:
        for _ in range(n // _VERIFIED):
            found = verify(folder)
            if not found.sound or found.lines < _VERIFIED:
                raise CheckError("the log does not verify")

    check(_VERIFIED)
    yield check


SCENARIO = Scenario(
    "audit",
    "a decision line, made durable",
    (
        InProcess("one at a time", partial(_durable, 1), "a sync of the disk for each line"),
        InProcess("64 waiting together", partial(_durable, 64), "as with 64 requests under way", step=64),
        InProcess("verified again", _verified, "hash chain and signatures, compressed", step=_VERIFIED),
    ),
)
