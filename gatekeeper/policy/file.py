"""The policy file's own shape, as pydantic models: what may be written, before anything is compiled.

Its tables stand in `tables/`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, Union

from pydantic import BeforeValidator, Field, create_model

from gatekeeper.policy.faults import meant
from gatekeeper.policy.records import RecordsTable
from gatekeeper.policy.tables.consent import ConsentTable
from gatekeeper.policy.tables.events import CaseTable, EventTable, FieldTable
from gatekeeper.policy.tables.jurisdiction import JurisdictionTable
from gatekeeper.policy.tables.keeping import AuditTable, KeysTable, RetentionTable, StorageTable
from gatekeeper.policy.tables.policy import ControllerTable, PolicyTable
from gatekeeper.policy.tables.rights import RightsTable
from gatekeeper.policy.tables.sending import DeliveryTable, OutboundTable
from gatekeeper.policy.tables.server import LimitsTable, ServerTable
from gatekeeper.policy.tables.words import Name
from gatekeeper.vendors import KINDS
from gatekeeper.vendors.kind import DestinationModule
from gatekeeper.vendors.settings import Common, Strict


class PolicyFile(Strict):
    """The whole file; `model` makes the one in which a destination is a table of one of the kinds."""

    policy: PolicyTable
    server: ServerTable = ServerTable()
    consent: ConsentTable = ConsentTable()
    jurisdiction: JurisdictionTable = JurisdictionTable()
    audit: AuditTable = AuditTable()
    storage: StorageTable = StorageTable()
    keys: KeysTable = KeysTable()
    delivery: DeliveryTable = DeliveryTable()
    limits: LimitsTable = LimitsTable()
    retention: RetentionTable = RetentionTable()
    outbound: OutboundTable = OutboundTable()
    controller: ControllerTable = ControllerTable()
    destinations: dict[Name, Common] = Field(default_factory=dict)
    fields: dict[Name, FieldTable] = Field(default_factory=dict)
    events: dict[str, EventTable] = Field(default_factory=dict)
    tests: list[CaseTable] = Field(default_factory=list)
    records: RecordsTable = RecordsTable()
    rights: RightsTable = RightsTable()


def model(kinds: Mapping[str, DestinationModule]) -> type[PolicyFile]:
    """The file where these kinds are known: each destination is a table of the kind that it names."""
    return _model(tuple((name, module.Settings) for name, module in kinds.items()))


@lru_cache(maxsize=8)
def _model(kinds: tuple[tuple[str, type[Common]], ...]) -> type[PolicyFile]:
    names = [name for name, _ in kinds]

    def known_kind(table: object) -> object:
        """Say which kinds there are before a union of all of them complains."""
        if isinstance(table, dict) and table.get("kind") not in names:
            remedy = f"use one of {', '.join(names)}"
            if "kind" not in table:
                raise ValueError(f"kind: missing; {remedy}")
            raise ValueError(f'kind: "{table["kind"]}" is not a kind; {meant(str(table["kind"]), names, remedy)}')
        return table

    table: Any = Annotated[
        Union[tuple(settings for _, settings in kinds)],  # noqa: UP007  # a tuple, not names
        Field(discriminator="kind"),
        BeforeValidator(known_kind),
    ]
    return create_model(
        "PolicyFile",
        __base__=PolicyFile,
        __doc__="The whole file.",
        destinations=(dict[Name, table], Field(default_factory=dict)),
    )


def json_schema(kinds: Mapping[str, DestinationModule] = KINDS) -> dict[str, Any]:
    """JSON Schema (2020-12) of the policy file, for editors."""
    schema = model(kinds).model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "gatekeeper.toml"}
