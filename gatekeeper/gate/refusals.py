"""A refusal reaches the queue: whose deliveries to which destinations end, as an event or a call was decided.

Who answers a request asks `then_swept`, or the store's `sweep` itself, before the answer goes out (DESIGN, rule 11).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from typing import TypeVar

from gatekeeper.consent.refusals import refused
from gatekeeper.model import Consent, Permission, Purpose, Signal
from gatekeeper.model.reasons import NO_CONSENT
from gatekeeper.signals.tcf import TcSignal, vendor_permissions
from gatekeeper.storage.outbox import Arrival, Refusal
from gatekeeper.vendors.kind import Destination

R = TypeVar("R")
_EVER = float("inf")


def refusal(
    consent: Consent | None,
    subjects: tuple[str, ...],
    destinations: Iterable[Destination],
    *,
    at: float,
    event_time: float,
) -> Refusal | None:
    """What is to be taken back for a visitor whose event of `event_time` was decided `at`; `None`: nothing.

    An event of the past, which only the operator's own servers can tell of, refuses what happened up to then.
    """
    if consent is None or not subjects:
        return None
    purposes = refused(consent)
    strings = [one for one in consent.signals if isinstance(one, TcSignal) and one.tc is not None]
    if not purposes and not strings:
        return None
    found = {}
    for to in destinations:
        reason = purposes.get(to.purpose) or _of_vendor(strings, to)
        if reason is not None:
            found[to.name] = reason
    return Refusal(subjects, found, _EVER if event_time >= at else event_time) if found else None


def _of_vendor(strings: Sequence[Signal], to: Destination) -> str | None:
    """The reason where the purpose is granted, and a TC string refuses this vendor."""
    if not strings or to.vendor_id is None or to.purpose is Purpose.NECESSARY:
        return None
    denied = vendor_permissions(strings, to.vendor_id, to.tcf_purposes) is Permission.DENIED
    return NO_CONSENT[to.purpose] if denied else None


def of_arrivals(arrivals: Sequence[Arrival]) -> list[Refusal]:
    """What one request refuses. What it says later in the same request is left alone by what it said before."""
    found: dict[tuple[tuple[str, ...], tuple[str, ...], float], tuple[Refusal, int]] = {}
    for n, one in enumerate(arrivals):
        if one.refuses is not None:
            found[one.refuses.subjects, tuple(one.refuses.reasons), one.refuses.until] = one.refuses, n
    return [
        refusal._replace(spared=frozenset([later.request_id for later in arrivals[n + 1 :]]))
        for refusal, n in found.values()
    ]


def then_swept(done: Future[R], sweep: Callable[[], Future[int] | None]) -> Future[R]:
    """A future with `done`'s result, once `sweep`, which begins after it, has ended, too. It fails as either does."""
    both: Future[R] = Future()
    both.set_running_or_notify_cancel()  # who stops waiting for it cannot cancel it

    def ended(first: Future[R]) -> None:
        error = first.exception()
        try:
            swept = None if error is not None else sweep()
        except Exception as failed:  # noqa: BLE001  # who waits hears of it
            error, swept = failed, None
        if error is not None:
            both.set_exception(error)
        elif swept is None:
            both.set_result(first.result())
        else:
            swept.add_done_callback(lambda last: _over(both, first, last.exception()))

    done.add_done_callback(ended)
    return both


def _over(both: Future[R], first: Future[R], error: BaseException | None) -> None:
    if error is not None:
        both.set_exception(error)
    else:
        both.set_result(first.result())


def merged(refusals: Iterable[Refusal | None]) -> list[Refusal]:
    """The refusals of a call's elements, each once."""
    found: dict[tuple[tuple[str, ...], tuple[str, ...], float], Refusal] = {}
    for one in refusals:
        if one is not None:
            found[one.subjects, tuple(one.reasons), one.until] = one
    return list(found.values())
