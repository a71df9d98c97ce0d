"""Verification of the whole log, that of every machine, beside everything else, with its progress.

It runs in a thread of the process that was asked, one at a time on a machine: a lock says whether it is at it, a small
file beside the log how far it is and what it found, so that every worker can tell. It rests half of its time.
"""

from __future__ import annotations

import contextlib
import json
import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from gatekeeper.audit.segments import streams, write_whole
from gatekeeper.audit.shared.machine import Machine
from gatekeeper.audit.shared.mirror import Other
from gatekeeper.audit.shared.proving import Proof, prove
from gatekeeper.audit.verify import Report
from gatekeeper.console.page import Answer, Asked, Desk, Moved, Page, Shown, Stream
from gatekeeper.console.render import rendered
from gatekeeper.errors import EventError, GatekeeperError
from gatekeeper.installation.locks import Lock
from gatekeeper.policy import Policy
from gatekeeper.reports.verified import verified

FOLDER: Final = "console"
FILE: Final = "verified.json"
OFTEN: Final = 0.5  # seconds between two words on how far it is
SHARE: Final = 0.5  # of its time that it works
FAULTS: Final = 50  # that are shown
_ATTEMPTS: Final = 3  # at a log of another machine that is not sound and goes on
_log = logging.getLogger("gatekeeper")


class State(NamedTuple):
    """How far the last verification is, and what it found."""

    began: float
    by: str
    done: int = 0  # bytes
    of: int = 0
    ended: float | None = None
    report: dict[str, Any] | None = None
    failed: str | None = None

    @property
    def percent(self) -> int:
        """How far it is."""
        return 100 if self.ended else min(99, 100 * self.done // max(1, self.of))


def place(policy: Policy) -> Path:
    """Where the state is kept: beside the log."""
    return policy.audit_folder.parent / FOLDER


def state(policy: Policy) -> State | None:
    """What is known of the last verification of this machine; `None` if there was none."""
    try:
        found = State(**json.loads((place(policy) / FILE).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
    if found.ended is None and not _is_at_it(policy):
        return found._replace(ended=found.began, failed="the process that was at it has ended; begin it again")
    return found


def begin(desk: Desk, asked: Asked) -> Answer:
    """Begin, unless one is under way."""
    policy = desk.policy
    lock = Lock(place(policy) / ".lock")
    if not lock.take():
        return Moved("audit/verification")
    first = State(desk.now, desk.office.who, of=_size(policy.audit_folder))
    try:
        _keep(policy, first)
    except OSError:
        lock.release()
        raise EventError(503, "the state of a verification cannot be written beside the log") from None
    given = policy, desk.office.machine, first, lock
    threading.Thread(target=_run, args=given, name="gatekeeper-verification", daemon=True).start()
    return Moved("audit/verification")


def page(desk: Desk, asked: Asked) -> Answer:
    """How far it is, or what it found."""
    return Shown("verification.html", {"state": state(desk.policy), "now": desk.now}, "Verification of the log")


def live(desk: Desk) -> Callable[[], str | None]:
    """The same, while it is under way."""
    last = ""

    def following() -> str | None:
        """The part of the page that changes; `None` where nothing has."""
        nonlocal last
        html = rendered("verification_live.html", {"state": state(desk.policy), "now": desk.now})
        same, last = html == last, html
        return None if same else html

    return following


_NAMES: Final = (
    "lines", "streams", "segments", "checkpoints", "stamps", "stamped", "redacted", "pruned", "crashed", "keys",
)  # fmt: skip


def _run(policy: Policy, machine: Machine | None, first: State, lock: Lock) -> None:
    """Verify every machine's log, and write down how far it is. The end of the thread: raises nothing."""
    now = first
    said = worked = time.monotonic()

    def progress(size: int) -> None:
        """Rest for as long as it worked, and say how far it is."""
        nonlocal now, said, worked
        now = now._replace(done=now.done + size)
        time.sleep(min(1.0, (time.monotonic() - worked) * (1 / SHARE - 1)))
        worked = time.monotonic()
        if worked - said >= OFTEN:
            said = worked
            _keep(policy, now)

    try:
        report, proofs = verified(policy, progress), list[Proof]()
        before: Sequence[Other] = ()
        for attempt in range(_ATTEMPTS):
            if machine is None:
                break
            if attempt:
                report = verified(policy, progress)
            with machine.others() as others:  # only now: other questions about their logs have to wait
                now = now._replace(of=now.of + sum(_size(one.folder) for one in others))
                proofs = prove(policy.audit_folder, others, report, progress=progress) if others else []
            if all(one.report.sound for one in proofs) or [*others] == [*before]:
                break
            before = others
        _keep(policy, now._replace(ended=time.time(), report=_told(report, proofs)))
    except (GatekeeperError, OSError) as error:
        _fail(policy, now, str(error) if isinstance(error, GatekeeperError) else type(error).__name__)
    except Exception as error:  # noqa: BLE001  # the thread's end; it can be begun again
        _fail(policy, now, type(error).__name__)
    finally:
        lock.release()


def _fail(policy: Policy, now: State, why: str) -> None:
    _log.error("the verification of the log failed (%s)", why)
    with contextlib.suppress(OSError):
        _keep(policy, now._replace(ended=time.time(), failed=why))


def _told(report: Report, proofs: Sequence[Proof]) -> dict[str, Any]:
    told = {name: getattr(report, name) for name in _NAMES}
    machines = [
        {
            "host": one.other.peer.host, "log": one.other.peer.log, "sound": one.report.sound,
            "lines": one.report.lines, "lives": one.other.peer.lives, "waiting": one.report.waiting,
            "last": None if one.last is None else f"line {one.last.n:,} of {one.last.stream}",
        } | _faults(one.report)
        for one in proofs
    ]  # fmt: skip
    sound = report.sound and all(one.report.sound for one in proofs)
    not_vouched = sum(report.not_vouched.values())
    return told | {"sound": sound, "machines": machines, "not_vouched": not_vouched} | _faults(report)


def _faults(report: Report) -> dict[str, Any]:
    return {"faults": [problem._asdict() for problem in report.problems[:FAULTS]],
            "more": max(0, len(report.problems) - FAULTS)}  # fmt: skip


def _size(folder: Path) -> int:
    return sum(one.size for parts in streams(folder).values() for one in parts)


def _keep(policy: Policy, now: State) -> None:
    place(policy).mkdir(mode=0o750, parents=True, exist_ok=True)
    write_whole(place(policy) / FILE, json.dumps(now._asdict()).encode())


def _is_at_it(policy: Policy) -> bool:
    lock = Lock(place(policy) / ".lock")
    if not lock.take():
        return True
    lock.release()
    return False


PAGES: Final = (
    Page("GET", "audit/verification", "read", page),
    Page("POST", "audit/verification", "read", begin),
)
STREAMS: Final = (Stream("audit/verification/stream", "read", live),)
