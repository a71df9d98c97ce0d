"""`[audit]`, `[storage]`, `[keys]` and `[retention]`: what is kept, where and for how long."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from gatekeeper.policy.anchors import AnchorsTable
from gatekeeper.policy.units import Duration, Size
from gatekeeper.vendors.settings import Spelled, Strict


class AuditTable(Strict):
    """`[audit]`: where the log is written, and how it is kept."""

    path: str = "var/audit"
    rotate: Size = Field(64 * 10**6, description="A segment is closed at this size, and at midnight UTC.")
    checkpoint: Duration = Field(60.0, ge=1.0, description="How often how far the log is gets signed, while it grows.")
    anchor: (
        Annotated[
            str,
            Spelled(
                r"stdout|https?://\S+|(?![A-Za-z][A-Za-z0-9+.-]*://).*\S.*",
                "is not a place for anchors; write stdout, a path, or an address that begins with https://",
                2048,
            ),
        ]
        | None
    ) = Field(None, description="Where signed checkpoints are put besides: stdout, a file elsewhere, or a URL.")
    lines: Duration = Field(
        3 * 31_557_600.0,
        ge=86_400.0,
        description="Older lines go, a segment at a time; numbers of them are kept before.",
    )
    fsync: Literal["batch", "os"] = Field(
        "batch",
        description="`batch`: lines are on the disk before anything is sent. `os`: a power cut can lose the last ones.",
    )
    anchors: AnchorsTable = AnchorsTable()


class StorageTable(Strict):
    """`[storage]`: where the ledger and the outbox are kept."""

    url: Annotated[
        str, Spelled(r"sqlite:///.+", "is not the address of a store; write it as sqlite:///var/gatekeeper.db", 1024)
    ] = "sqlite:///var/gatekeeper.db"


class KeysTable(Strict):
    """`[keys]`: the folder of the signing and pseudonym keys."""

    path: str = "var/keys"


class RetentionTable(Strict):
    """`[retention]`: how long personal references, consent records and numbers are kept."""

    personal_references: Duration = Field(90 * 86_400.0, description="Then they are removed from the log.")
    statistics: Duration = Field(5 * 31_557_600.0, description="How long numbers of pruned lines are kept.")
    consent: Duration = Field(
        5 * 31_557_600.0,
        description="How long consent records are kept after the person's newest choice; receipts say it.",
    )
