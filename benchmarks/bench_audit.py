"""The audit log: CPU time of a line, from its keys to the disk, and of verifying it again, compressed.

`python -m benchmarks.bench_audit [LINES]`. Decisions of the guide's own event with two subjects, each with an outcome,
in groups as the writer makes them under load; checkpoints are signed, closed segments compressed.
"""

from __future__ import annotations

import secrets
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.timing import report
from gatekeeper.audit.chores import compress
from gatekeeper.audit.lines import Line, decision_line, outcome_line
from gatekeeper.audit.signing import Signer
from gatekeeper.audit.stream import Stream
from gatekeeper.audit.verify import verify
from tests.builders import GUIDE_EVENT, NOW, make_gate, plan

GROUPS = (1, 10, 100)  # lines a commit


def batches(lines: int, group: int) -> list[list[Line]]:
    """Lines as they come: each of its own request."""
    gate = make_gate()
    core = decision_line(plan(GUIDE_EVENT, gate=gate), gate.policy).core
    out: list[list[Line]] = []
    for n in range(lines):
        if n % group == 0:
            out.append([])
        request = f"req_{n // 2:026}"
        if n % 2:
            line = outcome_line(
                at=NOW, destination="own", request_ids=[request], status="delivered", why=None, attempts=1
            )
        else:
            people = (f"p_{secrets.token_hex(11)}", f"p_{secrets.token_hex(11)}")
            line = Line(core.replace(b"req_test", request.encode()), people)
        out[-1].append(line)
    return out


def main(lines: int) -> None:
    """Measure and print."""
    figures = {}
    for group in GROUPS:
        with tempfile.TemporaryDirectory() as folder:
            stream = Stream(Path(folder) / "audit")
            work = batches(min(lines, 2_000 * group), group)
            start = time.process_time()
            for batch in work:
                stream.write(batch)
            figures[f"write and fdatasync, {group} a commit"] = (
                (time.process_time() - start) / sum(map(len, work)) * 1e6
            )
            stream.close()
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "audit"
        stream = Stream(log, signer=Signer(Path(folder) / "keys"), fsync=False)
        for _ in range(max(1, lines // 100_000)):
            for batch in batches(min(lines, 100_000), 100):
                stream.write(batch)
            stream.checkpoint()
        stream.close()
        for segment in stream.closed:
            compress(segment)
        start, wall = time.process_time(), time.perf_counter()
        found = verify(log)
        cpu, wall = time.process_time() - start, time.perf_counter() - wall
        assert found.sound
        figures[f"verify {found.lines} lines, CPU"] = cpu / found.lines * 1e6
        figures[f"verify {found.lines} lines, wall clock"] = wall / found.lines * 1e6
    report("audit: a line", figures)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000)
