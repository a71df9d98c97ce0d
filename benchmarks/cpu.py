"""CPU time and memory of a process and everything below it.

On Linux from `/proc/PID/task/*/schedstat`, in nanoseconds: the figure that holds on a noisy machine. Elsewhere from
psutil, in ticks.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from gatekeeper.errors import GatekeeperError

_PROC = Path("/proc")
_LINUX = sys.platform == "linux"


class CannotMeasureError(GatekeeperError):
    """The system does not tell a process's CPU time."""


def tree(root: int) -> list[int]:
    """A process and its descendants."""
    children: dict[int, list[int]] = {}
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError, ValueError):
                parent = int((entry / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found, left = [], [root]
    while left:
        one = left.pop()
        found.append(one)
        left += children.get(one, ())
    return found


class Meter:
    """CPU seconds that a process tree has used since `start`."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._before: dict[int, int] = {}
        self._ticks = 0.0
        self.start()

    def start(self) -> None:
        """Count from now."""
        self._before, self._ticks = self._read()

    def seconds(self) -> float:
        """CPU seconds since `start`. A thread that ended takes its nanoseconds with it: then ticks are counted."""
        after, ticks = self._read()
        exact = sum(max(0, spent - self._before.get(task, 0)) for task, spent in after.items()) / 1e9
        coarse = ticks - self._ticks
        return coarse if self._before.keys() - after.keys() and coarse > exact else exact

    def _read(self) -> tuple[dict[int, int], float]:
        if not _LINUX:
            return {}, _psutil_seconds(self._root)
        spent, ticks = {}, 0.0
        for process in tree(self._root):
            with contextlib.suppress(OSError):
                fields = (_PROC / str(process) / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
                ticks += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
                for task in (_PROC / str(process) / "task").iterdir():
                    with contextlib.suppress(OSError, IndexError, ValueError):
                        spent[int(task.name)] = int((task / "schedstat").read_text("ascii").split()[0])
        return spent, ticks


def memory_mb(root: int) -> float:
    """Resident memory of a process tree in megabytes (what is shared is counted once, by PSS, where told)."""
    if not _LINUX:
        return _psutil_memory(root)
    total = 0
    for process in tree(root):
        with contextlib.suppress(OSError, ValueError, IndexError):
            for line in (_PROC / str(process) / "smaps_rollup").read_text("ascii", "replace").splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
    return total / 1024


def _psutil_seconds(root: int) -> float:
    psutil = _psutil()
    one = psutil.Process(root)
    return float(sum(sum(each.cpu_times()[:2]) for each in (one, *one.children(recursive=True))))


def _psutil_memory(root: int) -> float:
    one = _psutil().Process(root)
    return float(sum(each.memory_info().rss for each in (one, *one.children(recursive=True))) / 2**20)


def _psutil():  # type: ignore[no-untyped-def]  # optional, untyped
    try:
        import psutil
    except ImportError:
        raise CannotMeasureError("CPU per request needs psutil here: pip install 'gatekeeper-consent[bench]'") from None
    return psutil
