"""Refusals that repeat without end, as one line a minute: events that go nowhere, and requests over a rate.

The first of a kind has its line at once; the others of the next minute are one line with a `count`, written when the
minute is over. Nothing of them was sent, so no request waits for that line: a crash may lose the count of a minute, and
nothing else. Until it is written, what is known of a kind is a number.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Final

from msgspec import structs

from gatekeeper.audit.lines import Line, Lines
from gatekeeper.audit.segments import Head
from gatekeeper.gate.ports import Recorder
from gatekeeper.gate.settle import failed
from gatekeeper.installation import forks
from gatekeeper.model import Event, Inputs, Place, Plan
from gatekeeper.model.reasons import RATE_LIMITED
from gatekeeper.vendors.kind import Destination

MINUTE: Final = 60.0
UNROUTED: Final = "event"  # the name in the line of such events: there may be any number of names among them
_Kind = tuple[str, str]  # what it is, and of which destination


class _Group:
    """What has been counted of one kind since `at`."""

    __slots__ = ("at", "count", "id", "lines", "plan")

    def __init__(self, plan: Plan, lines: Lines) -> None:
        self.at = plan.at
        self.id = plan.request_id
        self.count = 0
        self.plan = plan
        self.lines = lines

    def line(self) -> Line:
        """What is written when it is over: the ids that were given out are `.0`, `.1`, …, also where there is one."""
        return self.lines.line(structs.replace(self.plan, request_id=f"{self.id}.0"), self.count)


class Counted:
    """The groups of one process; a reload changes nothing about them. May be called from any thread."""

    def __init__(self, recorder: Recorder, new_id: Callable[[float], str]) -> None:
        self._recorder = recorder
        self._new_id = new_id
        self._groups: dict[_Kind, _Group] = {}  # at most one for each destination of the policies that were in force
        self._over: list[_Group] = []  # that could not be written yet
        self._lock = forks.Guard()
        forks.register(self)

    def forked(self) -> None:
        """In a child: what was counted is its parent's to write."""
        self._groups, self._over = {}, []

    def unrouted(self, lines: Lines, plan: Plan) -> tuple[str, Line | None]:
        """The id and the line of an event that no destination is routed: `None` where a line will count it."""
        with self._lock:
            group = self._groups.get((UNROUTED, ""))
            if group is None or plan.at - group.at >= MINUTE or plan.at < group.at:
                # The line to come has none of their names.
                nameless = structs.replace(
                    _nothing(lines, "event", UNROUTED, plan.at), request_id=self._new_id(plan.at)
                )
                self._begin((UNROUTED, ""), _Group(nameless, lines))
                return plan.request_id, lines.line(plan)
            group.count += 1
            return f"{group.id}.{group.count - 1}", None

    def limited(self, lines: Lines, to: Destination | None, at: float) -> None:
        """A request was over a rate: a call to a destination, or events (`None`), which went to none of them."""
        key = ("call" if to is not None else "event", "" if to is None else to.name)
        with self._lock:
            group = self._groups.get(key)
            if group is not None and 0 <= at - group.at < MINUTE:
                group.count += 1
                return
            several = lines.policy.destinations.values() if to is None else (to,)
            refused = tuple([structs.replace(failed(one), reason=RATE_LIMITED) for one in several])
            plan = structs.replace(_nothing(lines, key[0], key[0], at), decisions=refused)
            first = structs.replace(plan, request_id=self._new_id(at))
            self._begin(key, _Group(structs.replace(plan, request_id=self._new_id(at)), lines))
        self._write([first], [lines.line(first)])

    def flush(self, at: float, *, everything: bool = False) -> None:
        """Write the lines of groups whose minute is over, and of those that could not be written before."""
        with self._lock:
            for key, group in list(self._groups.items()):
                if everything or not 0 <= at - group.at < MINUTE:
                    del self._groups[key]
                    if group.count:
                        self._over.append(group)
            over, self._over = self._over, []
        if over:
            self._write(over, [group.line() for group in over])

    def _begin(self, key: _Kind, group: _Group) -> None:
        """Begin a group in the place of the one that is over."""
        before = self._groups.get(key)
        if before is not None and before.count:
            self._over.append(before)
        self._groups[key] = group

    def _write(self, groups: list[_Group] | list[Plan], lines: list[Line]) -> None:
        def ended(done: Future[Head | None]) -> None:
            if done.exception() is not None:  # the log is broken, and `readyz` says so
                with self._lock:
                    self._over += [group for group in groups if isinstance(group, _Group)]

        self._recorder.append(lines).add_done_callback(ended)


def _nothing(lines: Lines, kind: str, name: str, at: float) -> Plan:
    """The plan of what nothing was decided about."""
    place = Place(None, None, "unknown", (lines.policy.laws.strictest,))
    return Plan("", at, Event(name, "", at, {}), place, None, (), {}, (), Inputs("call" if kind == "call" else "event"))
