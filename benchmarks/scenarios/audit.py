"""Writing decision lines: the text, and the text made durable on this machine's disk, alone and in batches."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import partial

import orjson

from gatekeeper import wire
from gatekeeper.audit.lines import decision_line
from gatekeeper.audit.writer import AuditWriter, usable

from .. import gates, samples
from ..shape import CheckError, InProcess, Repeat, Scenario, Stage
from .decide import CALLER


@contextlib.contextmanager
def _durable(batch: int, stage: Stage) -> Iterator[Repeat]:
    folder = stage.folder / f"audit-{batch}"
    usable(folder)
    gate = gates.gate()
    plan = gate.plan(wire.parse(orjson.dumps(samples.event()))[0], CALLER, at=gates.NOW, request_id="req_bench")
    writer = AuditWriter(folder)

    def write(n: int) -> None:
        """`n` lines: as many at a time as are in a batch, each batch waited for."""
        for _ in range(n // batch):
            waiting = [writer.append([decision_line(plan, gate.policy)]) for _ in range(batch)]
            for done in waiting:
                done.result(30)

    try:
        write(batch)
        if not any(b"req_bench" in path.read_bytes() for path in folder.rglob("*") if path.is_file()):
            raise CheckError("the line is not on disk")
        yield write
    finally:
        writer.close()


SCENARIO = Scenario(
    "audit",
    "a decision line, made durable",
    (
        InProcess("one at a time", partial(_durable, 1), "a sync of the disk for each line"),
        InProcess("64 waiting together", partial(_durable, 64), "as with 64 requests under way", step=64),
    ),
)
