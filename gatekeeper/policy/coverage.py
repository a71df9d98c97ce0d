"""How much of a policy its own cases look at. Pure. A policy in; outcomes that can be, and those no case expects, out.

What may happen at a destination follows from its rules: whether it lists regions or events, its purpose, and what
`[consent]` and `[events]` say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from gatekeeper.model import Purpose
from gatekeeper.model.reasons import (
    EXPIRED,
    GPC,
    JURISDICTION,
    MINOR,
    MISMATCH,
    NO_CONSENT,
    NOT_ROUTED,
    SALE,
    WITHDRAWN,
)
from gatekeeper.policy.cases import SENT
from gatekeeper.policy.compiled import Policy
from gatekeeper.vendors.kind import Destination

_OF_MARKETING: Final = (GPC, SALE, MINOR)


class Coverage(NamedTuple):
    """Outcomes by destination: those that the rules can give, and those of them that no case expects."""

    possible: Mapping[str, tuple[str, ...]]
    never: Mapping[str, tuple[str, ...]]

    @property
    def expected(self) -> int:
        """How many outcomes some case expects."""
        return self.whole - sum(map(len, self.never.values()))

    @property
    def whole(self) -> int:
        """How many outcomes there can be."""
        return sum(map(len, self.possible.values()))


def coverage(policy: Policy) -> Coverage:
    """What the cases of a policy expect, beside what its rules can give."""
    expected: dict[str, set[str]] = {}
    for case in policy.file.tests:
        for name, wanted in case.expect.items():
            expected.setdefault(name, set()).add(SENT if isinstance(wanted, list) else wanted)
    possible = {name: outcomes(policy, to) for name, to in policy.destinations.items()}
    never = {name: tuple(one for one in found if one not in expected.get(name, ())) for name, found in possible.items()}
    return Coverage(possible, {name: found for name, found in never.items() if found})


def outcomes(policy: Policy, to: Destination) -> tuple[str, ...]:
    """What the rules can make of events at a destination: `send`, and reasons in the order of their checks."""
    found = []
    if to.events is not None or any(to not in routed for routed in (policy.others_to, *policy.routes.values())):
        found.append(NOT_ROUTED)
    if to.regions is not None:
        found.append(JURISDICTION)
    if to.purpose is not Purpose.NECESSARY:
        found += _OF_MARKETING if to.purpose is Purpose.MARKETING else ()
        found += [NO_CONSENT[to.purpose], WITHDRAWN]
        if policy.file.consent.max_age is not None:
            found.append(EXPIRED)
    if any(to.purpose not in purposes for purposes in policy.event_purposes.values()):
        found.append(MISMATCH)
    return (SENT, *found)
