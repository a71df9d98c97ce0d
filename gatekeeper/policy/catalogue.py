"""`[policy]` and `[fields]`: the catalogue of a policy, with the fields that it adds."""

from __future__ import annotations

import re

from gatekeeper.fields import CATALOGUE, IDENTIFIERS, TYPES, Catalogue, Field, phone
from gatekeeper.fields import accept as values
from gatekeeper.policy.faults import Faults
from gatekeeper.policy.file import PolicyFile
from gatekeeper.policy.tables.events import FieldTable

_TRANSFORMS = {"url": "url", "text": "scrub", "texts": "scrub", "id": "refuse_personal"}


def catalogue(file: PolicyFile, faults: Faults) -> Catalogue:
    """The packaged catalogue and the policy's own fields."""
    region = file.policy.phone_region
    if region is not None and region not in phone.regions():
        faults.append(f'policy.phone_region: "{region}" is not a country; use an ISO 3166 code such as DE')
    currency = file.policy.currency
    if currency is not None and currency not in values.CURRENCIES:
        faults.append(f'policy.currency: "{currency}" is not a currency; use an ISO 4217 code such as EUR')
    own = [_field(name, table, faults) for name, table in file.fields.items()]
    return CATALOGUE.extended(own, region, frozenset(file.policy.secret_paths))


def _field(name: str, table: FieldTable, faults: Faults) -> Field:
    if name in CATALOGUE.by_name:
        faults.append(f"fields.{name}: is already in the catalogue; choose another name")
    if table.type not in TYPES or table.type in ("items", "personal"):
        kinds = ", ".join(kind for kind in TYPES if kind not in ("items", "personal"))
        faults.append(f'fields.{name}.type: "{table.type}" is not a type; use one of {kinds}')
    if table.identifies is not None and table.identifies not in IDENTIFIERS:
        kinds = ", ".join(IDENTIFIERS)
        faults.append(f'fields.{name}.identifies: "{table.identifies}" is not a kind of id; use one of {kinds}')
    if table.format is not None and not _is_pattern(table.format):
        faults.append(f'fields.{name}.format: "{table.format}" is not a regular expression')
        table = table.model_copy(update={"format": None})
    transform = _TRANSFORMS.get(table.type, "none")
    columns = table.model_dump() | {"purposes": frozenset(table.purposes), "transform": transform}
    return Field(name=name, **columns)


def _is_pattern(text: str) -> bool:
    try:
        re.compile(text)
    except re.error:
        return False
    return True
