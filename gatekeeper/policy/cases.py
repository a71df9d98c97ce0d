"""`[[tests]]`, looked at: every name in a case must be one that the policy knows, or the case proves nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from gatekeeper.fields import Catalogue
from gatekeeper.jurisdiction.laws import LawTable
from gatekeeper.model import EVENT_KEYS
from gatekeeper.model.reasons import TABLE
from gatekeeper.policy.faults import Faults
from gatekeeper.policy.tables.events import CaseTable
from gatekeeper.vendors.kind import Destination

SENT: Final = "send"


def check(
    cases: Iterable[CaseTable],
    catalogue: Catalogue,
    laws: LawTable,
    destinations: Mapping[str, Destination],
    faults: Faults,
) -> None:
    """Laws, destinations, fields and reasons that the cases name."""
    for number, case in enumerate(cases):
        where = f"tests.{number}"
        if case.law is not None and case.law not in laws.ids:
            faults.unknown(f"{where}.law", case.law, "a law", laws.ids, "`gatekeeper matrix` lists them")
        if case.place is not None:
            with faults.collecting():
                laws.check_places(f"{where}.place", [case.place])
        if case.call is not None:
            to = case.call.to
            if to not in destinations:
                faults.unknown(f"{where}.call.to", to, "a destination", destinations, "name one of the policy's")
            for name in case.expect.keys() - {to}:
                faults.append(f'{where}.expect: "{name}" gets nothing of a call to {to}; remove it')
        event = case.event or {}
        for name in event.keys() - EVENT_KEYS:
            faults.unknown(
                f"{where}.event", name, "a key of an event", EVENT_KEYS, "a field of yours goes below `data`"
            )
        data = event.get("data", {})
        for name in data if isinstance(data, dict) else ():
            _known(f"{where}.event.data", name, catalogue, faults)
        for name, wanted in case.expect.items():
            if name not in destinations:
                faults.unknown(f"{where}.expect", name, "a destination", destinations, "name one of the policy's")
            elif isinstance(wanted, list):
                for field in wanted:
                    _known(f"{where}.expect.{name}", field, catalogue, faults)
            elif wanted != SENT and wanted not in TABLE:
                remedy = 'write "send", a reason of docs/reasons.md, or the list of the fields that are sent'
                faults.unknown(f"{where}.expect.{name}", wanted, "a reason", [SENT, *TABLE], remedy)


def _known(where: str, name: str, catalogue: Catalogue, faults: Faults) -> None:
    if name not in catalogue.by_name:
        faults.unknown(where, name, "in the catalogue", catalogue.by_name, f"define it as [fields.{name}]")
