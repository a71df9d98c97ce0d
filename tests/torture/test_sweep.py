"""Killed, or failed by the disk, at the n-th call of every kind that a commit, a line and a request are made of."""

import os
import re
import time
from collections import Counter

import pytest

from tests.torture import strace
from tests.torture.rounds import round_in
from tests.torture.scale import FULL, chance, figure

pytestmark = pytest.mark.skipif(strace.unavailable() is not None, reason=str(strace.unavailable()))
KILLED = (
    "write", "pwrite64", "fdatasync", "fsync", "ftruncate", "unlink", "openat", "mkdir", "connect", "sendto", "writev",
    "close",
)  # fmt: skip
FAILED = ("write", "pwrite64", "fdatasync", "fsync", "ftruncate", "openat", "unlink", "mkdir")
POINTS = int(os.environ.get("POINTS") or (80 if FULL else 4))
MOST = 60  # calls of one kind by one thread


def calls(parent, folder):
    """How often a thread makes each call, at most, in a round without a fault."""
    trace = folder / "trace"
    with round_in(folder, parent, "count") as one:
        one.drive(trace=trace)
        one.recover()
        assert one.broken() == []
    counted = Counter(re.findall(r"^(\d+) +(\w+)\(", trace.read_text(), re.MULTILINE))
    most = Counter()
    for (_, name), count in counted.items():
        most[name] = max(most[name], min(count, MOST))
    return most


def points(most):
    """Every fault there can be."""
    for name in KILLED:
        yield from (f"{name}:signal=SIGKILL:when={n}" for n in range(1, most[name] + 1))
    for name in FAILED:
        for error in ("EIO", "ENOSPC"):
            yield from (f"{name}:error={error}:when={n}" for n in range(1, most[name] + 1))
            yield from (f"{name}:error={error}:when={n}+{step}" for n in (1, 2) for step in (2, 3))


def test_no_call_is_a_bad_one_to_die_or_to_fail_at(parent, tmp_path):
    """Sampled: the same seed, the same points."""
    began = time.monotonic()
    every = sorted(points(calls(parent, tmp_path)))
    chosen = chance("sweep").sample(every, min(len(every), POINTS))
    broken, accepted, repeated, died, slowest = {}, 0, 0, 0, 0.0
    for n, fault in enumerate(chosen):
        with round_in(tmp_path, parent, f"p{n}") as one:
            if n % 3:  # else the fault can come while everything is made for the first time
                one.recover()
            died += one.drive(inject=fault) != 0
            one.recover()
            found = one.broken()
            if found:
                broken[fault] = found
                print(fault, found[:3], one.folder.with_suffix(".err").read_text()[-600:])
            said = one.said()
            accepted += sum("accepted" in line for line in said)
            slowest = max([slowest, *(line["recovered"] for line in said if "recovered" in line)])
            repeated += len(one.vendor.receipts) - len({receipt.id for receipt in one.vendor.receipts})
    figure(
        "system calls that kill or fail", cases=len(chosen), broken=len(broken), seconds=time.monotonic() - began,
        of=len(every), accepted=accepted, repeated=repeated, died=died, slowest=round(slowest, 2),
    )  # fmt: skip
    assert broken == {}
