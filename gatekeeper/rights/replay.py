"""After a backup was restored: who was erased since is erased again, before anything is sent.

What the file of erasures says is compared with every pseudonym in the store and in the log. Suppression entries that
the backup did not have are put back. Requests that the backup had go on automatically, from the state that it has.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gatekeeper.audit import chain, segments
from gatekeeper.audit import read as log
from gatekeeper.audit.others import ASIDE
from gatekeeper.counting import counted
from gatekeeper.errors import AuditError, ConfigError, StorageError
from gatekeeper.rights import local, recorded
from gatekeeper.rights.progress import file_of
from gatekeeper.rights.requests import Ports


def replay(ports: Ports, path: Path | None = None) -> dict[str, Any]:
    """Erase the persons whom the file names again; what was found. Raises ConfigError, StorageError, AuditError.

    `path` is another copy of the file. Nothing is done where a line of it cannot be read, or its key is lost.
    """
    policy, ring = ports.policy(), ports.ring()
    where = file_of(policy) if path is None else path
    if not ring.sealing:
        raise ConfigError("keys.path: there is no sealing key; copy it back: without it no person can be found again")
    try:
        lines = list(recorded.read(where))
    except FileNotFoundError:
        raise ConfigError(f"{where}: is not there; copy it back, or name it with --file") from None
    except OSError as error:
        raise ConfigError(f"{where}: cannot be read ({error.strerror})") from None
    here = recorded.keys(ring)
    lost = sum(line.keys.isdisjoint(here) for line in lines)
    if lost:
        raise ConfigError(
            f"keys.path: the sealing key is not there with which {counted(lost, 'line')} of {where} can be compared; "
            "copy it back: without it persons who were erased cannot be found again; nothing was done"
        )
    there = [*{*ports.store.erasures.people(), *people(ports.folder)}]
    by_hash = {one: name for name in there for one in recorded.hashes(ring, [name])}
    destinations = [*{*policy.destinations, *ports.store.books.count()}]
    found: dict[str, frozenset[str]] = {}
    for line in lines:
        names = frozenset(by_hash[one] for one in line.hashes & by_hash.keys())
        found[line.erasure] = found.get(line.erasure, frozenset()) | names
        known = {(one.hash, one.why) for one in ports.store.suppressions.find([one.hash for one in line.entries])}
        missing = [one for one in line.entries if (one.hash, one.why) not in known]
        if missing or names:
            local.suppress(ports.store, missing, names, destinations)
    there_again = {erasure: names for erasure, names in found.items() if names}
    again: dict[str, dict[str, int]] = {}
    if there_again:
        done = local.erase(
            ports.store, ports.folder, ports.writer, there_again, destinations, at=ports.clock(), machine=ports.machine
        )
        if done.late:
            raise StorageError("something of these persons is under way; replay again: " + ", ".join(sorted(done.late)))
        again = {erasure: dict(counts) for erasure, counts in done.gone.items()}
    return {"requests": len(found), "erased_again": again, "entries": sum(len(line.entries) for line in lines)}


def people(folder: Path) -> set[str]:
    """Every pseudonym in the log, in remains of crashes and in streams that were set aside. Raises AuditError."""
    found: set[str] = set()
    try:
        for raw in _raw(folder):
            found.update(name.decode() for name in chain.SUBJECT.findall(raw))
    except (OSError, EOFError, zlib.error) as error:
        raise AuditError(f"{folder}: the audit log cannot be read ({type(error).__name__})") from None
    return found


def _raw(folder: Path) -> Iterator[bytes]:
    aside = folder / ASIDE
    for segment in [*log.files(folder), *(log.files(aside) if aside.is_dir() else ())]:
        yield from segments.lines(segment)
    for path in folder.glob("*.torn"):
        yield path.read_bytes()
