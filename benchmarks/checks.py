"""Whether a contestant did the work: its answer, and what arrived at the mock vendor. Raises CheckError."""

from __future__ import annotations

import time
from typing import Any

from . import samples
from .process import Process, Vendor
from .shape import CheckError

ARRIVING = 5.0  # seconds until what was sent must have arrived


def answered(process: Process, request: bytes, statuses: tuple[int, ...]) -> dict[str, str]:
    """The headers of an answer that has one of these statuses."""
    try:
        status, headers, _ = process.exchange(request)
    except OSError as error:
        raise CheckError(f"it did not answer ({type(error).__name__})") from None
    if status not in statuses:
        raise CheckError(f"it answered {status}, not {' or '.join(map(str, statuses))}")
    return headers


def arrived(vendor: Vendor, wanted: dict[str, int], *, filtered: bool) -> None:
    """Exactly these numbers of events, with what has to be kept and, if `filtered`, without what must not be sent."""
    deadline = time.monotonic() + ARRIVING
    while not _settled(seen := vendor.told("seen"), wanted) and time.monotonic() < deadline:
        time.sleep(0.02)
    if seen["events"] != wanted:
        raise CheckError(f"the vendor received {seen['events'] or 'nothing'}, not {wanted or 'nothing'}")
    samples_seen: Any = seen["samples"]
    for sample in samples_seen:
        whole = sample["target"] + sample["body"]
        if samples.KEPT not in whole:
            raise CheckError(f"the request to {sample['vendor']} lacks what it should hold")
        if filtered and samples.STRIPPED in whole:
            raise CheckError(f"the request to {sample['vendor']} holds a field that was not allowed")
        if filtered and "cookie" in sample["headers"]:
            raise CheckError(f"the visitor's cookies were sent to {sample['vendor']}")


def _settled(seen: dict[str, Any], wanted: dict[str, int]) -> bool:
    """Whether waiting longer cannot change the verdict: all is there, or more than all."""
    events = seen["events"]
    return bool(events == wanted or any(count > wanted.get(name, 0) for name, count in events.items()))


def nothing_arrives(process: Process, vendor: Vendor, request: bytes, fence: bytes, wanted: dict[str, int]) -> None:
    """A refused request reaches nobody: a granted one sent after it is all that arrives."""
    vendor.told("clear")
    answered(process, request, (200, 202, 204))
    answered(process, fence, (200, 202, 204))
    arrived(vendor, wanted, filtered=True)
