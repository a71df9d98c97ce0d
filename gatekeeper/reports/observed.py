"""What the log shows of each destination, for the reports. Acts: one query over the log in columns.

Needs the extra `gatekeeper-consent[query]`. Holds counts, names of fields and places; no person is in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from gatekeeper.audit import columns
from gatekeeper.audit.segments import holds_log
from gatekeeper.counting import counted
from gatekeeper.vendors.kind import Destination

_LIKE_DECLARED: Final = "consent"  # an event that was collected for another purpose needs it (gatekeeper/decision.py)
_HASHED: Final = "_hash"  # ends the key of a field that is sent hashed
_QUERY: Final = """
    SELECT destination, sent, country, region, legal_basis, policy, status = 'delivered', count(*),
           min(decided_at), max(decided_at)
    FROM log
    WHERE decided_at >= ? AND decided_at < ? AND destination IS NOT NULL AND status <> 'blocked'
    GROUP BY ALL"""


@dataclass(slots=True)
class Observed:
    """What went, or was about to go, to one destination. `places` are countries, or `US-CA` where known."""

    events: int = 0
    delivered: int = 0
    fields: Counter[str] = field(default_factory=Counter)
    places: Counter[str] = field(default_factory=Counter)
    bases: Counter[str] = field(default_factory=Counter)
    policies: Counter[str] = field(default_factory=Counter)
    first: datetime | None = None
    last: datetime | None = None

    def add(self, sent: Iterable[str], country: str | None, region: str | None, basis: str | None, count: int) -> None:
        """Count events that are alike."""
        self.events += count
        for key in sent:
            self.fields[key] += count
        self.places[f"{country or '?'}-{region}" if region else country or "unknown"] += count
        self.bases[basis or "unknown"] += count


@dataclass(frozen=True, slots=True)
class Observation:
    """What the log shows from `since` (inclusive) to `until` (exclusive), both UTC without zone."""

    since: datetime
    until: datetime
    destinations: Mapping[str, Observed]

    @property
    def period(self) -> str:
        """The period in words."""
        return f"{self.since:%Y-%m-%d %H:%M} to {self.until:%Y-%m-%d %H:%M} UTC"


@columns.asked_again
def observe(folder: Path, since: datetime, until: datetime) -> Observation | None:
    """What the log under `folder` shows; `None` if there is no log. Raises ConfigError, AuditError."""
    found: dict[str, Observed] = {}
    if not holds_log(folder):
        return None
    with columns.connect(folder) as connection:
        rows = connection.execute(_QUERY, [since, until]).fetchall()
    for name, sent, country, region, basis, policy, delivered, count, first, last in rows:
        one = found.setdefault(name, Observed())
        one.add(sent, country, region, basis, count)
        one.delivered += count if delivered else 0
        one.policies[policy or "unknown"] += count
        one.first = first if one.first is None else min(one.first, first)
        one.last = last if one.last is None else max(one.last, last)
    return Observation(since, until, found)


def by_key(to: Destination, fields: Mapping[str, int]) -> Counter[str]:
    """Fields that were sent, by the keys of allow-lists: `city`, to a vendor that takes it clear, is `city_hash`."""
    clear = {key.removesuffix(_HASHED): key for key in to.kind.clear & to.fields}
    found: Counter[str] = Counter()
    for name, count in fields.items():
        found[clear.get(name, name)] += count
    return found


def differences(to: Destination | None, seen: Observed) -> dict[str, str]:
    """Where what was observed goes beyond what the policy declares: a sentence by what it is about."""
    if to is None:
        return {"recipient": f"{counted(seen.events, 'event')} went to a destination that the policy does not declare"}
    found = {}
    fields = sorted(by_key(to, seen.fields).keys() - to.fields)
    if fields:
        found["fields"] = f"sent and not declared: {', '.join(fields)}"
    bases = sorted(seen.bases.keys() - {to.legal_basis, _LIKE_DECLARED})
    if bases:
        found["basis"] = f"used and not declared: {', '.join(bases)}"
    if to.regions is not None:
        places = sorted(one for one in seen.places if not {one, one.partition("-")[0]} & to.regions)
        if places:
            found["places"] = f"outside of the declared regions: {', '.join(places)}"
    return found
