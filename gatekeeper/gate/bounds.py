"""What one request may cause, by what was received of it. Pure. Bytes received and the policy's limits in, numbers out.

    counted      the bytes a request counts as: all that came of it, a small one as four kibibytes
    meter        how many characters of it may be searched, and how many values looked at; `brief_meter` on the loop
    most         how many events a call may hold: as many as its vendor takes
    growth       how many bytes log and store grow by, against the bound `GROWTH` times what was received

What a request causes is paid for with what it is made of: a body that grows when it is decoded counts as small.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain
from typing import Final

from gatekeeper.audit.lines import Line
from gatekeeper.model import Call, Shaped
from gatekeeper.policy.tables.server import LimitsTable
from gatekeeper.scrub.meter import Meter
from gatekeeper.vendors.dialect import Native
from gatekeeper.vendors.kind import Kind

LEAST: Final = 4_096  # bytes that a request counts as at least: its head is no part of what ASGI tells
GROWTH: Final = 16  # bytes of log and store for each of them; outcomes come on top, and stay below 20
LEAVES: Final = 20_000  # values of a request that are looked at, and one more for each byte that was received
EVENT: Final = 25  # values that an event counts as, beside its own
# What the log and the store write around a line, a subject and a delivery.
_LINE: Final = 320
_SUBJECT: Final = 27
_JOB: Final = 120
# Characters that are searched and decoded on the event loop: a few milliseconds. What takes more is decided beside it.
_BRIEF_SEARCHED: Final = 8_192
_BRIEF_DECODED: Final = 1_024
_BRIEF_LEAVES: Final = 200


def received(call: Call) -> int:
    """The bytes that were received of a call: its body as it came, its target and its headers."""
    heads = sum(map(len, chain.from_iterable(call.headers))) + 4 * len(call.headers)
    return len(call.body) + len(call.path) + len(call.query) + heads


def counted(size: int) -> int:
    """The bytes that a request of this size counts as."""
    return max(LEAST, size)


def brief_meter() -> Meter:
    """What may be searched and looked at of any request on the event loop; what needs more is Heavy."""
    return Meter(_BRIEF_SEARCHED, _BRIEF_DECODED, _BRIEF_LEAVES, brief=True)


def meter(limits: LimitsTable, size: int) -> Meter:
    """What may be searched and looked at of a request of this size.

    Each received byte gives more: what is not compressed is searched whole, whatever its size. A text in which
    something is found is searched again.
    """
    return Meter(limits.scrubbed + 4 * size, limits.decoded + 2 * size, LEAVES + size)


def most(kind: Kind, limits: LimitsTable) -> int:
    """The events that a call may hold: those of the vendor's own limit, which its kind names with its source."""
    if kind.endpoint is None or kind.batch_events == 1:  # the operator's own, or a vendor without a limit that is known
        return limits.elements
    return min(kind.batch_events, limits.elements)


def leaves(native: Native, more: int) -> int:
    """The values of a call that are looked at: shared ones (`more` come from its head) once for each element."""
    own = sum([len(one.leaves) for one in native.elements])
    return own + (EVENT + len(native.shared) + more) * len(native.elements)


def growth(lines: Iterable[Line | None], shaped: Iterable[Shaped]) -> int:
    """The bytes by which log and store grow for these lines and deliveries."""
    written = [
        _LINE + len(line.core) + _SUBJECT * len(line.refs) + 4 * sum(map(len, line.names))
        for line in lines
        if line is not None
    ]
    return sum(written) + sum([_JOB + len(one.head) + len(one.body) for one in shaped])


def too_much(grows: int, size: Callable[[], int]) -> bool:
    """Whether a request of this size may not make log and store grow so much; few grow by more than any request may."""
    return grows > GROWTH * LEAST and grows > GROWTH * counted(size())
