"""`[jurisdiction]` and the proxies of `[server]`: laws, trusted addresses, lists of anonymisers."""

from __future__ import annotations

from pathlib import Path

from gatekeeper.errors import ConfigError
from gatekeeper.jurisdiction.address import Trust, parse_trust
from gatekeeper.jurisdiction.laws import LawTable, packaged
from gatekeeper.jurisdiction.networks import Ranges, parse_list
from gatekeeper.policy.faults import Faults
from gatekeeper.policy.tables.jurisdiction import JurisdictionTable
from gatekeeper.policy.tables.server import ServerTable


def laws(table: JurisdictionTable, faults: Faults) -> LawTable:
    """The packaged law table with what the policy replaces."""
    found = packaged()
    with faults.collecting():
        found = found.replaced(table.laws) if table.laws else found
    with faults.collecting():
        found.check_ids("jurisdiction.always", table.always)
    if table.default is not None:
        with faults.collecting():
            found.check_ids("jurisdiction.default", [table.default])
    return found


def trust(table: ServerTable, faults: Faults) -> Trust:
    """Whose word on a visitor's address is believed."""
    found = Trust(Ranges())
    with faults.collecting():
        found = parse_trust(
            table.trusted_proxies,
            header=table.client_header,
            country=table.country_header,
            region=table.region_header,
        )
    return found


def anonymisers(table: JurisdictionTable, folder: Path, faults: Faults) -> tuple[Ranges, ...]:
    """The networks in the files that the policy names."""
    found = []
    for name in table.anonymisers:
        key = f"jurisdiction.anonymisers: {name}"
        try:
            found.append(parse_list(key, (folder / name).read_text("utf-8")))
        except (OSError, UnicodeDecodeError) as error:
            faults.append(f"{key}: cannot be read ({type(error).__name__}); fetch the list or remove it")
        except ConfigError as error:
            faults += error.problems
    return tuple(found)
