"""Who was erased, beside the store: what a restored backup is compared with.

A file of one JSON line per request, only ever added to. It names no person: of each pseudonym there is a hash under the
sealing key, and of each suppression entry what the store itself keeps. `replay` finds the people again in a restored
backup.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import orjson

from gatekeeper.errors import ConfigError, StorageError
from gatekeeper.installation import disk
from gatekeeper.installation.ring import KeyRing
from gatekeeper.model import Purpose, Suppression
from gatekeeper.model.suppression import Why

_LABEL: Final = "erased"


class Erased(NamedTuple):
    """One line: hashes of pseudonyms, marks of the sealing keys that made them, and the suppression entries."""

    erasure: str
    at: float
    keys: frozenset[str]
    hashes: frozenset[str]
    entries: tuple[Suppression, ...]


def hashes(ring: KeyRing, names: Iterable[str]) -> frozenset[str]:
    """Hashes of pseudonyms, under every sealing key."""
    secrets = [key.derive(_LABEL) for key in ring.sealing]
    return frozenset(hmac.digest(one, name.encode(), "sha256").hex()[:32] for one in secrets for name in names)


def keys(ring: KeyRing) -> frozenset[str]:
    """What each sealing key is known by: its content, because another one may have its name."""
    return frozenset(hmac.digest(key.derive(_LABEL), b"", "sha256").hex()[:16] for key in ring.sealing)


def write(
    path: Path, ring: KeyRing, erasure: str, at: float, names: Collection[str], entries: Sequence[Suppression]
) -> None:
    """Add a line, durably; one that is there already is not added again. Raises StorageError."""
    line = {
        "erasure": erasure,
        "at": at,
        "keys": sorted(keys(ring)),
        "names": sorted(hashes(ring, names)),
        "entries": [_written(one) for one in entries],
    }
    raw = orjson.dumps(line) + b"\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        disk.add_line(path, raw, mode=0o600)
    except OSError as error:
        raise StorageError(f"{path.name}: who was erased cannot be written down ({error.strerror})") from None


def read(path: Path) -> Iterator[Erased]:
    """Every line. Raises ConfigError for one that is not valid, except a torn last one; FileNotFoundError."""
    lines = path.read_bytes().split(b"\n")
    for number, raw in enumerate(lines, 1):
        if not raw:
            continue
        try:
            said = orjson.loads(raw)
            entries = tuple(_entry(one | {"erasure": said["erasure"]}) for one in said["entries"])
            yield Erased(said["erasure"], said["at"], frozenset(said["keys"]), frozenset(said["names"]), entries)
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            if number >= len(lines) - 1:
                continue
            raise ConfigError(f"{path}: line {number} cannot be read; copy the file back from its own backup") from None


def _written(one: Suppression) -> dict[str, object]:
    return {
        "hash": one.hash.hex(), "key": one.key, "kind": one.kind, "why": one.why.value, "since": one.since,
        "purposes": sorted(one.purposes), "until": one.until,
    }  # fmt: skip


def _entry(one: dict[str, object]) -> Suppression:
    purposes = one["purposes"]
    until, since = one["until"], one["since"]
    if not isinstance(purposes, list) or not isinstance(since, (int, float)):
        raise TypeError
    return Suppression(
        bytes.fromhex(str(one["hash"])),
        str(one["key"]),
        str(one["kind"]),
        Why(str(one["why"])),
        float(since),
        str(one["erasure"]),
        frozenset(Purpose(name) for name in purposes),
        None if until is None else float(str(until)),
    )
