"""What a policy asks of each part of a gate: its keys, log, store, deliverer and look-up of places."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from gatekeeper.audit import authority
from gatekeeper.audit.lines import Line
from gatekeeper.audit.others import refuse_old_writers
from gatekeeper.audit.recover import missing
from gatekeeper.audit.segments import usable
from gatekeeper.audit.shared.machine import Machine
from gatekeeper.audit.shared.objects import Archive
from gatekeeper.audit.shared.s3 import S3
from gatekeeper.audit.signing import Signer
from gatekeeper.audit.writer import AuditWriter
from gatekeeper.delivery.deliverer import Orders
from gatekeeper.errors import AuditError, ConfigError
from gatekeeper.geoip.reader import Locations
from gatekeeper.installation import keys
from gatekeeper.installation.ring import KeyRing
from gatekeeper.policy import Policy, archive, trial
from gatekeeper.policy.load import read_policy
from gatekeeper.storage import opening
from gatekeeper.storage.protocols import Bounds, Needs, Place, Recording

ARCHIVED = 8 * 10**6  # bytes of a segment that goes into an archive: what the engine keeps until then is bounded
_FIXED = ("storage", "audit", "keys")  # tables that only a restart can change


def in_test_mode(policy: Policy) -> Policy:
    """The policy; in test mode with its files in the temporary folder, also if it was loaded before."""
    return replace(policy, file=trial.kept(policy.file)) if trial.on() else policy


def check(policy: Policy) -> None:
    """Make log, embedded store and keys if they are not there. Raises ConfigError if one of them cannot be used."""
    prepare(policy)
    opening.make_ready(place(policy))


def prepare(policy: Policy) -> KeyRing:
    """Make log and keys if they are not there, and keep the policy for those who ask what was decided by it.

    Raises ConfigError if one of them cannot be used.
    """
    usable(policy.audit_folder)
    refuse_old_writers(policy.audit_folder)
    try:
        archive.keep(policy)
    except AuditError as error:
        raise ConfigError(f"audit.path: {error}; make it writable") from None
    keys.audit(policy.keys_folder)
    return keys.load(policy.keys_folder)


def bounds(policy: Policy) -> Bounds:
    """What a policy asks of the store."""
    table = policy.file.delivery
    return Bounds(tuple(policy.destinations), table.max_queued, table.dead_letters)


def orders(policy: Policy) -> Orders:
    """What a policy asks of the deliverer."""
    return Orders(policy.destinations, policy.file.delivery.timeout, policy.egress)


def needs(policy: Policy, recorder: Recording, *, clock: Callable[[], float] = time.time) -> Needs:
    """What a policy's store is opened with."""

    def lost(lines: Sequence[Line], since: float) -> list[Line]:
        return missing(policy.audit_folder, Signer(policy.keys_folder), lines, since, now=clock())

    where = place(policy)
    if opening.elsewhere(where.url):
        where = replace(where, keys_checks=keys.load(policy.keys_folder, create=False).checks())
    return Needs(
        place=where,
        bounds=bounds(policy),
        recorder=recorder,
        missing=lost,
        clock=clock,
    )


def place(policy: Policy) -> Place:
    """Where a policy's store is."""
    table = policy.file.storage
    return Place(
        policy.storage_url,
        policy.folder,
        here=policy.node_folder,
        listen_url=policy.listen_url,
        copies=table.copies or (2 if opening.elsewhere(policy.storage_url) else 1),
        replicated_by=table.replicated_by,
        archived=policy.file.audit.archive is not None,
    )


def audit_writer(
    policy: Policy, *, clock: Callable[[], float] = time.time, changed: Callable[[], None] = lambda: None
) -> AuditWriter:
    """The writer of a policy's log; `changed` is called when it begins or ceases to fail."""
    table = policy.file.audit
    archived = table.archive is not None
    return AuditWriter(
        policy.audit_folder,
        signer=Signer(policy.keys_folder),
        rotate=min(table.rotate, ARCHIVED) if archived else table.rotate,
        every=table.archive_every if archived else None,
        checkpoint=table.checkpoint,
        anchor=table.anchor,
        base=policy.folder,
        heads=opening.heads(place(policy)),
        authority=authority.of_policy(policy),
        fsync=table.fsync == "batch",
        clock=clock,
        changed=changed,
    )


def machine(policy: Policy) -> Machine | None:
    """This machine's part in a log over several; `None` with a store of its own. Raises ConfigError."""
    table = policy.file.audit
    trail = opening.trail(place(policy))
    if trail is None:
        return None
    archive = None
    if table.archive is not None and table.archive_references is not None:
        endpoint = None if table.archive_endpoint is None else str(table.archive_endpoint)
        archive = Archive(S3(table.archive, endpoint), S3(table.archive_references, endpoint))

    def own() -> list[str]:
        signing = Signer(policy.keys_folder).keys()
        return [one.id for one in signing]

    return Machine(policy.node_folder, policy.audit_folder, trail, archive, keep=table.lines, keys=own)


def reread(policy: Policy) -> Policy:
    """The policy in the same file, as it is now. Raises ConfigError if it cannot take the old one's place."""
    if policy.path is None:
        raise ConfigError("the policy did not come from a file")
    new = read_policy(policy.path, policy.registry)
    for name in _FIXED:
        if getattr(new.file, name) != getattr(policy.file, name):
            raise ConfigError(f"{name}: cannot change while the gate runs; restart it")
    given = policy.egress is not None and policy.egress.given
    return replace(new, egress=policy.egress) if given else new


def place_lookup(policy: Policy) -> Locations:
    """The look-up of addresses: the operator's own location database, or the bundled one."""
    return Locations(policy.database_path)
