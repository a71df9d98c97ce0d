"""The whole log, verified with what the installation knows of it: time stamps, their roots, ends in the database."""

from __future__ import annotations

from collections.abc import Callable

from gatekeeper.audit import authority, stamp, verify
from gatekeeper.policy import Policy
from gatekeeper.storage import opening
from gatekeeper.storage.protocols import Place


def verified(policy: Policy, progress: Callable[[int], None] = lambda size: None) -> verify.Report:
    """What `audit verify` finds; `progress` is told the bytes that were read.

    Raises AuditError, ConfigError, OSError.
    """
    named = authority.of_policy(policy)
    return verify.verify(
        policy.audit_folder,
        anchors=[] if named is None else [path.read_bytes().strip() for path in authority.files(named.folder)],
        heads=opening.heads(Place(policy.storage_url, policy.folder, policy.node_folder)).read(),
        roots=[] if named is None else stamp.roots(named.pem.read_bytes()),
        progress=progress,
    )
