"""`[rights] remember`: which ids a destination got of a person, for the day on which they ask to be deleted there.

An entry stands under a keyed hash of an identifier that a person may bring, and is sealed with a key that is made of
that identifier: without it the entry can be neither found nor read. What a browser's id or a consent id leads to is
the ids of that browser; what an account, an address or a number leads to, the account's, too. An entry ends when the
destination's own `retention` does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from gatekeeper.audit import subjects
from gatekeeper.installation.ring import KeyRing
from gatekeeper.model import Personal, Plan
from gatekeeper.policy import Policy
from gatekeeper.rights.sealing import Index
from gatekeeper.storage.erasing import Alias
from gatekeeper.storage.protocols import Erasures
from gatekeeper.vendors.kind import DAY

USUAL: Final = 14 * 30.44 * DAY  # seconds, where the policy does not say how long a destination keeps data: as GA4 does
BROWSER: Final = frozenset({"client_id", "order_id"})
LEADS_TO: Final[Mapping[str, frozenset[str]]] = {
    "user_id": BROWSER,
    "email": BROWSER | {"user_id"},
    "phone": BROWSER | {"user_id"},
    "external_id": BROWSER | {"user_id"},
    "consent": BROWSER,
    "client_id": BROWSER,
}
"""Kind of an identifier -> kinds of ids that its entries hold."""
_SPAN: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(h|d|w|y|months?)")
_UNITS: Final = {"h": DAY / 24, "d": DAY, "w": 7 * DAY, "y": 365.25 * DAY, "month": 30.44 * DAY, "months": 30.44 * DAY}


class Remembering:
    """Writes entries for plans that leave. Returns at once; what is queued after it is kept after it."""

    def __init__(self, policy: Callable[[], Policy], ring: Callable[[], KeyRing], store: Erasures) -> None:
        self._policy = policy
        self._ring = ring
        self._store = store

    def __call__(self, plans: Sequence[Plan]) -> None:
        """Remember what these plans let leave."""
        made = [one for plan in plans if plan.left for one in entries(plan, Index(self._ring()), self._policy())]
        if made:
            self._store.remember(made)


def entries(plan: Plan, index: Index, policy: Policy) -> list[Alias]:
    """The entries of one plan."""
    made: dict[Alias, None] = {}
    known = dict.fromkeys(pair for pair in subjects.of_values(plan.known) if pair[0] in LEADS_TO)
    for name, pairs in plan.left.items():
        until = ends(plan.at, policy, name)
        ids = dict.fromkeys((kind, str(value)) for kind, value in pairs if not isinstance(value, Personal))
        for kind, reference in known:
            for other, value in ids:
                if other in LEADS_TO[kind] and (kind, reference) not in subjects.of_values([(other, value)]):
                    sealed = index.seal(kind, reference, {other: value})
                    made[Alias(index.names(kind, reference)[0], name, sealed, until)] = None
    return list(made)


def ends(at: float, policy: Policy, name: str) -> int:
    """When an entry ends, on a whole day: that of the destination's retention."""
    table = policy.file.destinations.get(name)
    span = None if table is None or table.retention is None else _SPAN.fullmatch(table.retention)
    seconds = USUAL if span is None else float(span[1]) * _UNITS[span[2]]
    return int((at + seconds) // DAY + 1) * int(DAY)
