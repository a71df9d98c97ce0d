"""I6: no change of a log goes unseen, by LAWS_EXAMPLES seeds (`make laws`: 20,000); and what crashes leave is sound."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from random import Random

import pytest

from gatekeeper.audit import read, segments
from gatekeeper.audit.signing import Signer
from gatekeeper.audit.verify import verify
from gatekeeper.audit.writer import AuditWriter
from gatekeeper.installation import keys
from tests.audit import logs
from tests.audit.mutations import MUTATIONS, mutate
from tests.sizes import LAWS

CASES = LAWS


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """A log of every kind of line, and its anchor."""
    folder = tmp_path_factory.mktemp("real")
    anchor = logs.make(folder)
    return logs.contents(folder / "audit"), anchor


def test_every_change_is_found_and_both_verifiers_agree(real, tmp_path):
    """Altered, removed, inserted, reordered, truncated, swapped: lines, segments, streams, subjects."""
    files, anchor = real
    log = tmp_path / "audit"
    logs.put(log, files)
    assert (logs.ours(log, anchor), logs.theirs(log, anchor)) == ([], [])
    done: Counter[str] = Counter()
    for seed in range(20 * CASES):
        if seed >= CASES and set(done) == set(MUTATIONS):
            break
        name, changed = mutate(files, seed)
        if changed == files:  # there was nothing of that kind in the file that was chosen
            continue
        logs.put(log, changed)
        found = logs.ours(log, anchor)
        assert found, f"seed {seed}: {name} was not found"
        assert logs.theirs(log, anchor), f"seed {seed}: {name} was not found by docs/verify_audit.py; ours: {found}"
        done[name.partition(",")[0]] += 1
    assert set(done) == set(MUTATIONS) and done.total() > seed * 0.8


CRASHES = 200 if CASES >= 20_000 else 12


def killed(folder, after):
    """A process that writes until it is killed, `after` that many seconds; rotations and checkpoints all the time."""
    child = os.fork()
    if child == 0:
        try:
            writer = AuditWriter(
                folder / "audit", signer=Signer(folder / "keys"), rotate=4_000, checkpoint=0.003,
                anchor="anchors.jsonl", base=folder,
            )  # fmt: skip
            n = os.getpid() * 10**6  # every decision has a request id of its own
            while True:
                n += 1
                batch = [logs.decision(n, logs.NOW, logs.person(n % 7)), logs.outcome(n)]
                writer.append(batch).result(30)
        finally:
            os._exit(1)
    time.sleep(after)
    return child


def tear(folder, at):
    """What a power cut may do besides: the end of a file that was never synced is missing, or garbage."""
    log = folder / "audit"
    adopted = {
        one["stream"]
        for data in logs.contents(log).values()
        for record in read.parse(data.splitlines(keepends=True))
        if isinstance(record, dict)  # garbage may be a number
        for one in record.get("adopted", ())
    }
    for stream, parts in segments.streams(log).items():
        if stream in adopted:
            continue  # whoever took it over synced it
        durable = segments.live_head(log, stream)
        path = parts[-1].plain
        if durable is None or not path.exists():
            continue
        data = path.read_bytes()
        mark = b'"hash":"%s"' % durable.hash.encode()
        end = data.find(b"\n", data.find(mark)) + 1 if mark in data else 0
        if at.random() < 0.5 and end:
            with path.open("r+b") as file:
                file.truncate(at.randrange(end, len(data) + 1))
                file.seek(0, os.SEEK_END)
                file.write(at.choice([b"", bytes(at.randrange(600)), at.randbytes(at.randrange(100)), b'{"stream":"']))


@pytest.mark.parametrize("seed", range(CRASHES))
def test_a_log_that_recovered_from_crashes_is_sound(tmp_path, seed):
    """No false alarm: killed in twos at any moment, torn, taken over by the next start; every anchor still holds."""
    at = Random(seed)
    keys.audit(tmp_path / "keys", {})
    for _ in range(at.randrange(1, 4)):
        for child in [killed(tmp_path, 0.002) for _ in range(at.randrange(1, 3))]:
            time.sleep(at.random() * 0.05)
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        tear(tmp_path, at)
    writer = AuditWriter(tmp_path / "audit", signer=Signer(tmp_path / "keys"), anchor="anchors.jsonl", base=tmp_path)
    writer.append([logs.decision(0)]).result(30)
    writer.close()
    anchors = (tmp_path / "anchors.jsonl").read_bytes().splitlines()
    report = verify(tmp_path / "audit", anchors=[line for line in anchors if line.endswith(b"}")])
    assert report.problems == [] and report.open == [] and report.lines > 2
    assert logs.theirs(tmp_path / "audit", anchors[-1]) == []
