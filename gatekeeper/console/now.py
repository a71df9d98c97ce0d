"""Now: what flows to whom at this moment, and what needs somebody.

The picture is of the newest lines of every machine's log that can be reached from here (`everywhere.py`); queues,
breakers and dead letters are of the store, and so of all nodes; of several machines it says whose a number is. The page
is whole without script; with it, a stream replaces the part that changes.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from gatekeeper.audit import authority
from gatekeeper.console import flow, verifying
from gatekeeper.console.everywhere import Everywhere
from gatekeeper.console.needs import Need, needs, numbers
from gatekeeper.console.page import Answer, Asked, Desk, Later, Page, Shown, Stream
from gatekeeper.console.plots import Plot, Series, asked_for
from gatekeeper.console.render import rendered
from gatekeeper.model.reasons import TABLE
from gatekeeper.storage.outbox import Count

WINDOW: Final = 3_600.0  # seconds that the picture shows at most
STEPS: Final = 30  # of the plot
SLOW: Final = 5.0  # seconds between two looks at what changes slowly


class Follower:
    """What an open page knows: the newest lines, and what was looked up some seconds ago."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        machine = desk.office.machine
        self._host = None if machine is None else socket.gethostname()  # whose own numbers are shown, of several
        self._recent = Everywhere(desk.policy.audit_folder, WINDOW, None if machine is None else machine.fetched)
        self._slow: tuple[float, list[Need], dict[tuple[str, str], float]] | None = None
        self._last = ""

    def values(self) -> dict[str, Any]:
        """What the page shows, at this moment. Raises AuditError, StorageError."""
        desk, recent, now = self._desk, self._recent, self._desk.now
        archived = desk.policy.file.audit.archive is not None
        recent.look(now)
        if self._slow is None or time.monotonic() - self._slow[0] >= SLOW:
            told = numbers(desk)
            self._slow = time.monotonic(), needs(desk, told, self._host), told
        _, todo, told = self._slow
        books, troubles = desk.store.books.count(), desk.store.books.troubles()
        purposes = {name: to.purpose.value for name, to in desk.policy.destinations.items()}
        flows, reasons = recent.flows(), recent.reasons()
        destinations: list[dict[str, Any]] = [
            {
                "name": name, "purpose": to.purpose.value, "kind": to.kind.title,
                "sent": _sum(flows, name, "sent"), "blocked": _sum(flows, name, "blocked"),
                "reasons": [(_sentence(why), n) for (one, why), n in reasons.most_common() if one == name][:3],
                "count": books.get(name), "waits": _age(books.get(name), now),
                "trouble": troubles.get(name), "failing": _since(troubles.get(name), now),
            }
            for name, to in desk.policy.destinations.items()
        ]  # fmt: skip
        own_rate, rates = recent.rates(now, 60.0)
        waiting = [row["waits"] for row in destinations if row["waits"] is not None]
        return {
            "needs": todo,
            "flow": flow.drawn(flows, purposes),
            "since": recent.since(),
            "now": now,
            "sent": sum(n for (_, _, word), n in flows.items() if word == "sent"),
            "blocked": sum(n for (_, _, word), n in flows.items() if word == "blocked"),
            "rate": recent.rate(now, 60.0),
            "queued": sum(one.queued for one in books.values()),
            "oldest": max(waiting, default=None),
            "destinations": destinations,
            "failing": bool(told.get(("audit_failing", ""))),
            "anchored": _anchored(desk, told),
            "verification": verifying.state(desk.policy),
            "standing": desk.store.books.standing(),
            "disk": told.get(("disk_left_bytes", "")),
            "rates": _rates(recent, now),
            "machines": recent.machines,
            "host": self._host,
            "own_rate": own_rate,
            "rates_of": rates if archived else {},
            "missing": recent.missing,
            "archived": archived,
        }

    def __call__(self) -> str | None:
        """The part of the page that changes; `None` where nothing has."""
        html = rendered("now_live.html", self.values())
        if html == self._last:
            return None
        self._last = html
        return html


def page(desk: Desk, asked: Asked) -> Answer:
    """The page, or the numbers of its plot."""
    follower = Follower(desk)
    if "csv" in asked.query:
        file = asked_for(asked, [follower.values()["rates"]])
        if file is not None:
            return file
    later = Later("now_live.html", follower.values)
    return Shown("now.html", {"now": desk.now}, "Now", later=later)


def live(desk: Desk) -> Callable[[], str | None]:
    """What follows the page while it is open."""
    return Follower(desk)


def _anchored(desk: Desk, told: Mapping[tuple[str, str], float]) -> str:
    if desk.policy.file.audit.anchor is None and authority.of_policy(desk.policy) is None:
        return "nowhere: the policy names no place for checkpoints"
    return "failing" if told.get(("anchor_failing", "")) else "as the policy says"


def _rates(recent: Everywhere, now: float) -> Plot:
    """Events of each two minutes of the last hour."""
    wide = WINDOW / STEPS
    counts = [0] * STEPS
    for at, count in recent.events():
        step = int((at - (now - WINDOW)) / wide)
        if 0 <= step < STEPS:
            counts[step] += count
    labels = [time.strftime("%H:%M", time.gmtime(now - WINDOW + (n + 1) * wide)) for n in range(STEPS)]
    return Plot("rates", "Events in steps of two minutes", labels, (Series("events", counts),), kind="bar")


def _sum(flows: Mapping[tuple[str, str, str], int], name: str, word: str) -> int:
    return sum(n for (_, to, what), n in flows.items() if to == name and what == word)


def _age(count: Count | None, now: float) -> float | None:
    return None if count is None or count.oldest is None else max(0.0, now - count.oldest)


def _since(trouble: Any, now: float) -> float | None:
    return None if trouble is None else max(0.0, now - trouble.since)


def _sentence(code: str) -> str:
    return TABLE[code].sentence if code in TABLE else code


PAGES: Final = (Page("GET", "now", "read", page, nav="Now", query=("csv",)),)
STREAMS: Final = (Stream("now/stream", "read", live),)
