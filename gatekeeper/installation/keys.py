"""The files of the key ring.

One folder (`[keys] path`) is shared by the application, its workers and the sidecar. It holds

    signing-<date>-<id>.key     signs; every one in the folder verifies, the newest signs
    pseudonym-<date>-<id>.key   names subjects in the audit; every one is tried in a search
    suppression-<date>-<id>.key recognises suppressed persons; every one is tried, and none may go while entries need it
    sealing-<date>-<id>.key     seals the identifiers of open requests for erasure; every one in the folder opens
    audit-<date>-<id>.key       signs the audit log; there is one; see gatekeeper/audit/signing.py
    audit-<date>-<id>.old       what is left of one that was destroyed

each with 64 hexadecimal digits. `GATEKEEPER_SIGNING_KEYS`, `GATEKEEPER_PSEUDONYM_KEYS`, `GATEKEEPER_SUPPRESSION_KEYS`,
`GATEKEEPER_SEALING_KEYS` and `GATEKEEPER_AUDIT_KEYS` (newest first, separated by commas, `id:hex`) override the folder.
Every use of the first four has its own key, derived from these by HMAC.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from gatekeeper.errors import ConfigError
from gatekeeper.installation.owners import hindrance
from gatekeeper.installation.ring import Key, KeyRing

SIGNING = "signing"
PSEUDONYM = "pseudonym"
SUPPRESSION = "suppression"
SEALING = "sealing"
AUDIT = "audit"
RINGS = (SIGNING, PSEUDONYM, SUPPRESSION, SEALING)  # of which several may be in use; the newest makes what is new
FIRST = "00000000-first"  # sorts before every dated key: the oldest


def from_environment(environ: Mapping[str, str]) -> dict[str, tuple[Key, ...]]:
    """Key lists given by environment variables; a kind that has none is missing from the result."""
    found = {}
    for kind in (*RINGS, AUDIT):
        variable = f"GATEKEEPER_{kind.upper()}_KEYS"
        if variable in environ:
            keys = [_parse(variable, part.strip()) for part in environ[variable].split(",") if part.strip()]
            if not keys:
                raise ConfigError(f"{variable}: is empty; give `id:<64 hex digits>`, newest first")
            found[kind] = tuple(keys)
    return found


def load(folder: Path, environ: Mapping[str, str] | None = None, *, create: bool = True) -> KeyRing:
    """Read the key ring, making the folder and its first keys if there are none and `create` is set.

    The folder is made with mode 0700 and files with 0600. Without `create` there may be no key for suppression
    and for sealing: a gate that knew none made none. Raises ConfigError with a remedy.
    """
    given = from_environment(os.environ if environ is None else environ)
    kinds = {kind: given.get(kind) or _from_folder(folder, kind, create) for kind in (SIGNING, PSEUDONYM)}
    for kind in (SUPPRESSION, SEALING):
        if create or given.get(kind) or any(folder.glob(f"{kind}-*.key")):
            kinds[kind] = given.get(kind) or _from_folder(folder, kind, create)
    return KeyRing(**kinds)


def audit(folder: Path, environ: Mapping[str, str] | None = None, *, create: bool = True) -> tuple[Key, ...]:
    """The keys that sign the audit log's checkpoints, newest first; one is made if there is none and `create` is set.

    There are several only until the log has a line that introduces the newer one. Raises ConfigError.
    """
    given = from_environment(os.environ if environ is None else environ)
    return given.get(AUDIT, ())[:1] or _from_folder(folder, AUDIT, create)


def listed(folder: Path, environ: Mapping[str, str] | None = None) -> dict[str, tuple[Key, ...]]:
    """The keys that there are, by kind and newest first; makes none. Raises ConfigError for one that cannot be read."""
    given = from_environment(os.environ if environ is None else environ)
    return {kind: given.get(kind) or _found(folder, kind) for kind in (*RINGS, AUDIT)}


def audit_before(environ: Mapping[str, str] | None = None) -> tuple[Key, ...]:
    """Audit keys that `GATEKEEPER_AUDIT_KEYS` names behind the one in use: what they signed is still recognised."""
    return from_environment(os.environ if environ is None else environ).get(AUDIT, ())[1:]


class Remains(NamedTuple):
    """What is kept of an audit key that was destroyed: enough to recognise what it signed, not to sign."""

    public: bytes
    mark: bytes


def remains(folder: Path) -> list[Remains]:
    """The audit keys that were destroyed. Raises ConfigError."""
    found = []
    for path in sorted(folder.glob(f"{AUDIT}-*.old")):
        try:
            public, mark = (bytes.fromhex(word) for word in path.read_text("ascii").split())
        except (OSError, ValueError):
            raise ConfigError(f"{path}: is not the remainder of a key; copy it back, or remove it") from None
        found.append(Remains(public, mark))
    return found


def retire(folder: Path, key: Key, left: Remains) -> None:
    """Destroy an audit key for good; what is left of it takes its place. Raises OSError."""
    for path in folder.glob(f"{AUDIT}-*.key"):
        if _parse(str(path), f"{path.stem}:{path.read_text('ascii').strip()}").secret == key.secret:
            with contextlib.suppress(FileExistsError):
                _write(folder, path.with_suffix(".old"), f"{left.public.hex()} {left.mark.hex()}")
            path.unlink(missing_ok=True)


def state(folder: Path) -> int:
    """A number that changes when a key is added or removed; 0 if the folder cannot be looked at."""
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return 0


def rotate(folder: Path, kind: str) -> Key:
    """Add a new key of `kind`, which running processes begin to use; the older ones go on verifying.

    Raises ConfigError.
    """
    try:
        return _create(folder, kind)
    except OSError as error:
        raise ConfigError(f"keys.path: {hindrance(folder, error, 'make a key')}") from error


def _from_folder(folder: Path, kind: str, create: bool) -> tuple[Key, ...]:
    if keys := _found(folder, kind):
        return keys
    if not create:
        raise ConfigError(f"keys.path: no {kind} key in {folder}; start the gate once, or copy the shared folder")
    try:
        return (_create(folder, kind, FIRST),)
    except OSError as error:
        raise ConfigError(f"keys.path: {hindrance(folder, error, 'make a key')}") from error


def _found(folder: Path, kind: str) -> tuple[Key, ...]:
    """The keys of a kind that are in the folder, newest first. Raises ConfigError for one that cannot be read."""
    try:
        files = sorted((path for path in folder.iterdir() if path.match(f"{kind}-*.key")), reverse=True)
        keys = tuple(_parse(str(path), f"{path.stem}:{path.read_text('ascii').strip()}") for path in files)
        modes = [path.stat().st_mode for path in files]
    except FileNotFoundError:
        return ()
    except UnicodeDecodeError:
        raise ConfigError(f"keys.path: a file in {folder} is not a key; copy it back, or remove it") from None
    except OSError as error:
        raise ConfigError(f"keys.path: {hindrance(folder, error, 'read the keys')}") from error
    for path, mode in zip(files, modes, strict=True):
        if mode & 0o077:
            raise ConfigError(f"{path}: others may read this key; run chmod 600 on it")
    return keys


def _create(folder: Path, kind: str, name: str | None = None) -> Key:
    """Write a new key whole, under `name` unless another process was faster; the key that then has the name."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    now = time.time_ns() // 1000  # names sort by their age, also of keys made in the same second
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(now // 10**6)) + f"{now % 10**6:06}"
    path = folder / f"{kind}-{name or f'{stamp}-{secrets.token_hex(4)}'}.key"
    # Processes that start at once all try to make the first key: link() fails for all but one.
    with contextlib.suppress(FileExistsError):
        _write(folder, path, secrets.token_hex(32))
    return _parse(str(path), f"{path.stem}:{path.read_text('ascii').strip()}")


def _write(folder: Path, path: Path, text: str) -> None:
    """A file that is whole at once, or not there; raises FileExistsError if there is one."""
    temporary = folder / f".{path.stem}-{secrets.token_hex(8)}.tmp"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)
    finally:
        temporary.unlink()
    # If a power cut took the name of a key, no key would vouch for the log that it signed.
    for made in (folder, folder.parent):
        descriptor = os.open(made, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _parse(where: str, text: str) -> Key:
    key_id, _, digits = text.rpartition(":")
    try:
        secret = bytes.fromhex(digits)
    except ValueError:
        secret = b""
    # The id is public and signed messages carry it: keep it to what a cookie may hold.
    if len(secret) != 32 or not key_id.replace("-", "").replace("_", "").isalnum():
        raise ConfigError(f"{where}: is not a key; a key is `id:` and 64 hexadecimal digits")
    return Key(hashlib.sha256(key_id.encode()).hexdigest()[:8] if len(key_id) > 48 else key_id, secret)
