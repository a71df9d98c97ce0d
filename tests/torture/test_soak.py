"""Steady load: the books add up every second, no event is lost or repeated, and memory stays flat.

`make torture` soaks for a minute, `make torture SOAK=600` for ten.
"""

import os
import statistics
import threading
import time
from pathlib import Path

from gatekeeper.audit.read import records
from gatekeeper.audit.verify import verify
from tests.torture.promises import Evidence, broken
from tests.torture.rounds import zygote
from tests.torture.scale import FULL, figure
from tests.torture.serving import serving
from tests.torture.test_kill import Load, books, kept
from tests.torture.vendor import Vendor

SECONDS = float(os.environ.get("SOAK") or (60 if FULL else 2))
GROWTH = 6.0  # MiB from the second third to the last: what a minute's caches may still add


def resident(pid):
    """MiB."""
    fields = Path(f"/proc/{pid}/status").read_text()
    return int(fields.partition("VmRSS:")[2].split()[0]) / 1024


def test_memory_is_flat_under_steady_load(tmp_path):
    """Three senders, one event at a time each."""
    with Vendor(tmp_path / "audit") as vendor, zygote() as parent, serving(tmp_path, vendor, parent) as up:
        load, memory, quiet = Load(up), [resident(up.process.pid)], threading.Event()
        began = time.monotonic()
        with load.running():
            while time.monotonic() - began < SECONDS:
                quiet.wait(min(1.0, SECONDS / 10))
                books(up)  # which must add up
                memory.append(resident(up.process.pid))
        up.wait(lambda: books(up)["queued"] == 0)

        def look():
            vendor.tail.look()
            return broken(
                Evidence(
                    load.posted, load.accepted, list(vendor.receipts), vendor.tail.order,
                    list(records(tmp_path / "audit")), [books(up)], [], verify(tmp_path / "audit").problems,
                )
            )  # fmt: skip

        found = kept(look)
        assert up.stop() == 0
    third = max(1, len(memory) // 3)
    middle, late = statistics.median(memory[-2 * third : -third] or memory), statistics.median(memory[-third:])
    figure(
        f"steady load for {SECONDS:.0f} s", cases=len(memory), broken=len(found), seconds=time.monotonic() - began,
        accepted=len(load.accepted), first=round(memory[0], 1), middle=round(middle, 1), last=round(late, 1),
    )  # fmt: skip
    assert found == []
    assert not FULL or late - middle < GROWTH * max(1.0, SECONDS / 600), memory
