"""`[audit] archive`: two buckets, for what may never be changed and for what must be deletable."""

from __future__ import annotations

from importlib.util import find_spec

from gatekeeper.errors import missing
from gatekeeper.policy.faults import Faults
from gatekeeper.policy.tables.keeping import AuditTable


def check(table: AuditTable, store: str, faults: Faults) -> None:
    """Both are there and differ, the library is installed, and machines share a store."""
    if (table.archive is None) != (table.archive_references is None):
        faults.append("audit.archive: belongs together with audit.archive_references; give both or none")
    if table.archive is None:
        if table.archive_endpoint is not None:
            faults.append("audit.archive_endpoint: has no use without audit.archive; give that, or take it away")
        return
    if table.archive_references is not None and _bucket(table.archive) == _bucket(table.archive_references):
        faults.append(
            "audit.archive_references: is the bucket of audit.archive, where nothing can be deleted; take another"
        )
    if store and not store.startswith("postgres"):
        faults.append(
            "audit.archive: needs a store that machines share; set storage.url to PostgreSQL, or copy the log of one "
            "machine as in deploy/archive"
        )
    if find_spec("boto3") is None:
        faults += missing("audit.archive", "boto3", "s3").problems


def _bucket(place: str) -> str:
    return place.split("/")[2]
