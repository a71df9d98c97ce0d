"""The one shape of a scenario: a name, contestants, how each is checked, what is measured.

A contestant is measured in this process (`InProcess`) or as a process under load (`Served`). Both are checked before
they are measured: who does less is not in the table.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from .process import Process, Vendor

Better = Literal["lower", "higher"]
Repeat = Callable[[int], None]


class CheckError(Exception):
    """A contestant did not do the work: what it should have done, in one line."""


class AbsentError(Exception):
    """This build of gatekeeper does not have what is to be measured: what, in one line."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a scenario plays: a folder of its own, the cores, the mock vendor."""

    folder: Path
    core: int | None  # of the process under test
    load_core: int | None  # of the load generator and the vendor
    vendor: Vendor | None = None

    @property
    def vendor_port(self) -> int:
        """The mock vendor's port."""
        assert self.vendor is not None
        return self.vendor.port


@dataclass(frozen=True, slots=True)
class InProcess:
    """A contestant measured here. `open` gives a function that does the work n times, checked already."""

    name: str
    open: Callable[[Stage], AbstractContextManager[Repeat]]
    note: str = ""
    missing: Callable[[], str | None] = lambda: None
    against: str | None = None  # the contestant whose cost is subtracted for `added_us`
    thorough: bool = False  # left out of a quick run
    step: int = 1  # the work is done so many at a time: n is a multiple of it
    timed: bool = False  # each is timed on its own, too; only with a step of one


@dataclass(frozen=True, slots=True)
class Served:
    """A contestant that is a process under load. `check` raises CheckError.

    `events` is how many the vendor gets for each request: a closed loop is over when they have arrived, so that the
    CPU of delivering is counted. Nought: the answer itself is all of it.
    """

    name: str
    start: Callable[[Stage], AbstractContextManager[Process]]
    check: Callable[[Process, Stage], None]
    requests: Callable[[], Sequence[bytes]]  # made when they are needed
    note: str = ""
    missing: Callable[[], str | None] = lambda: None
    events: int = 0
    compiling: bool = False  # just in time: it is warmed up five times as long
    against: str | None = None
    thorough: bool = False


Contestant = InProcess | Served


@dataclass(frozen=True, slots=True)
class Scenario:
    """One thing that is measured. `rate` is the open loop's, in requests a second."""

    name: str
    title: str
    contestants: tuple[Contestant, ...]
    rate: float = 500.0
    needs_vendor: bool = False


@dataclass(slots=True)
class Metric:
    """The figures of one contestant, one a round."""

    unit: str
    better: Better
    rounds: list[float] = field(default_factory=list)
    unclean: int = 0  # rounds in which others used more of the machine than is allowed


@dataclass(slots=True)
class Outcome:
    """What came of one contestant. `status`: measured, skipped (missing), refused (failed its check) or failed."""

    status: str = "measured"
    why: str | None = None
    note: str = ""
    metrics: dict[str, Metric] = field(default_factory=dict)
    latency: dict[str, object] | None = None
    memory_mb: float | None = None

    def metric(self, name: str, unit: str, better: Better = "lower") -> Metric:
        """The metric of that name, made on first use."""
        return self.metrics.setdefault(name, Metric(unit, better))
