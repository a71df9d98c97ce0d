"""What of a TC string travels in a signed visitor context: all that the question of one vendor needs. Pure.

`dump` gives plain data, or `None` for a string whose lists would not fit into a header; `load` takes it back. A
vendor about which a context does not tell is refused (`vendor_permissions`).
"""

from __future__ import annotations

from typing import Any

import orjson

from gatekeeper.signals.bits import Ids
from gatekeeper.signals.layout import Restriction
from gatekeeper.signals.tcf.string import TcString

_LONGEST = 2048  # characters, a quarter of what a context may have


def dump(tc: TcString) -> dict[str, Any] | None:
    """The string as data for JSON."""
    data = {
        "version": tc.version,
        "created": tc.created,
        "updated": tc.last_updated,
        "cmp": tc.cmp_id,
        "policy": tc.policy_version,
        "specific": tc.is_service_specific,
        "hidden": tc.purpose_one_treatment,
        "purposes": _ids(tc.purpose_consents),
        "vendors": _ids(tc.vendor_consents),
        "disclosed": None if tc.vendors_disclosed is None else _ids(tc.vendors_disclosed),
        "restrictions": [[row.purpose, row.kind, _ids(row.vendors)] for row in tc.publisher_restrictions],
    }
    return data if len(orjson.dumps(data)) <= _LONGEST else None


def load(data: dict[str, Any]) -> TcString:
    """The string as far as it was dumped. Raises `KeyError`, `TypeError` or `ValueError` for other data."""
    return TcString(
        version=data["version"],
        created=data["created"],
        last_updated=data["updated"],
        cmp_id=data["cmp"],
        cmp_version=0,
        consent_screen=0,
        consent_language="",
        vendor_list_version=0,
        purpose_consents=_taken(data["purposes"]),
        vendor_consents=_taken(data["vendors"]),
        policy_version=data["policy"],
        is_service_specific=data["specific"],
        purpose_one_treatment=data["hidden"],
        publisher_restrictions=tuple(
            Restriction(purpose, kind, _taken(vendors)) for purpose, kind, vendors in data["restrictions"]
        ),
        vendors_disclosed=None if data["disclosed"] is None else _taken(data["disclosed"]),
    )


def _ids(ids: Ids) -> list[Any]:
    return [f"{ids.field:x}", ids.size] if ids.size else [list(span) for span in ids.spans]


def _taken(data: list[Any]) -> Ids:
    if data and isinstance(data[0], str):
        return Ids(int(data[0], 16), data[1])
    return Ids(spans=tuple((first, last) for first, last in data))
