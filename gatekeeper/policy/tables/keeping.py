"""`[audit]`, `[storage]`, `[keys]` and `[retention]`: what is kept, where and for how long."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from gatekeeper.policy.anchors import AnchorsTable
from gatekeeper.policy.units import Duration, Size
from gatekeeper.vendors.settings import HttpUrl, SecretValue, Spelled, Strict

Bucket = Annotated[
    str,
    Spelled(
        r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9!_.*'()/-]*)?",
        "is not a place in an object store; write s3://bucket or s3://bucket/prefix",
        1024,
    ),
]


class AuditTable(Strict):
    """`[audit]`: where the log is written, and how it is kept."""

    path: str = "var/audit"
    rotate: Size = Field(64 * 10**6, description="A segment is closed at this size, and at midnight UTC.")
    checkpoint: Duration = Field(60.0, ge=1.0, description="How often a checkpoint is written while the log grows.")
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
        description="Older lines are removed, a segment at a time; numbers of them are kept.",
    )
    fsync: Literal["batch", "os"] = Field(
        "batch",
        description="`batch`: lines are on the disk before anything is sent. `os`: a power cut can lose the last ones.",
    )
    anchors: AnchorsTable = AnchorsTable()
    archive: Bucket | None = Field(
        None, description="A bucket with Object Lock for closed segments of all machines, without references to people."
    )
    archive_references: Bucket | None = Field(
        None, description="Another bucket, without Object Lock and versions, for those references: they can be deleted."
    )
    archive_endpoint: HttpUrl | None = Field(None, description="An S3-compatible store; Amazon's if absent.")
    archive_every: Duration = Field(
        300.0, ge=1.0, le=86_400.0, description="With an archive a segment is closed after this time, or at 8 MB."
    )


class StorageTable(Strict):
    """`[storage]`: where the ledger and the outbox are kept."""

    url: SecretValue = Field(
        "sqlite:///var/gatekeeper.db",
        description="A file of this machine, or a PostgreSQL server that several machines share.",
    )
    listen_url: SecretValue | None = Field(
        None, description="The PostgreSQL server itself, where `url` is a pooler that drops notifications."
    )
    copies: Annotated[int, Field(ge=1, le=2)] | None = Field(
        None, description="How many machines hold an accepted event before the answer; 2 if absent (PostgreSQL)."
    )
    replicated_by: Literal["postgres", "storage"] = Field(
        "postgres",
        description="`storage`: the disk is replicated below the server, as managed ones do; nothing is proven.",
    )


class KeysTable(Strict):
    """`[keys]`: the folder of the signing and pseudonym keys."""

    path: str = "var/keys"


class RetentionTable(Strict):
    """`[retention]`: how long personal references, consent records and numbers are kept."""

    personal_references: Duration = Field(90 * 86_400.0, description="How long references to people stay in the log.")
    statistics: Duration = Field(5 * 31_557_600.0, description="How long numbers of pruned lines are kept.")
    consent: Duration = Field(
        5 * 31_557_600.0,
        description="How long consent records are kept after the person's newest choice; receipts say it.",
    )
