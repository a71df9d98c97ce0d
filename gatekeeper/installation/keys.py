"""The key ring: what signs consent cookies and visitor contexts, and what turns subjects into pseudonyms.

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
import hmac
import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from gatekeeper.errors import ConfigError
from gatekeeper.installation.owners import hindrance

SIGNING = "signing"
PSEUDONYM = "pseudonym"
SUPPRESSION = "suppression"
SEALING = "sealing"
AUDIT = "audit"
RINGS = (SIGNING, PSEUDONYM, SUPPRESSION, SEALING)  # of which several may be in use; the newest makes what is new
FIRST = "00000000-first"  # sorts before every dated key: the oldest


@dataclass(frozen=True)
class Key:
    """A secret of 32 bytes and the public id it is listed under."""

    id: str
    secret: bytes = field(repr=False)

    def derive(self, label: str) -> bytes:
        """A 32-byte key for one use: HMAC-SHA256(secret, label) (the expand step of RFC 5869, one block)."""
        return hmac.digest(self.secret, b"gatekeeper\x00" + label.encode(), "sha256")


@dataclass(frozen=True)
class KeyRing:
    """All keys of one installation, newest first. Never empty."""

    signing: tuple[Key, ...]
    pseudonym: tuple[Key, ...]
    suppression: tuple[Key, ...] = ()
    sealing: tuple[Key, ...] = ()
    _derived_keys: dict[str, bytes] = field(default_factory=dict, init=False, repr=False, compare=False)

    def sign(self, label: str, message: bytes) -> tuple[str, bytes]:
        """The id of the newest signing key and its HMAC-SHA256 over `message`; `label` names the use."""
        key = self.signing[0]
        return key.id, hmac.digest(key.derive(label), message, "sha256")

    def verify(self, label: str, key_id: str, message: bytes, mac: bytes) -> bool:
        """Whether `mac` was made for `message` and this use by the key of that id."""
        for key in self.signing:
            if key.id == key_id:
                return hmac.compare_digest(hmac.digest(key.derive(label), message, "sha256"), mac)
        return False

    @cached_property
    def _pseudonym_keys(self) -> tuple[Mac, ...]:
        return tuple(Mac(key.derive("subject")) for key in self.pseudonym)

    def name(self, kind: str, value: str) -> str:
        """The pseudonym an identifier has in the audit: `p_` and 22 hexadecimal digits (88 bits)."""
        return _pseudonym(self._pseudonym_keys[0], kind, value)

    def names(self, kind: str, value: str) -> tuple[str, ...]:
        """The pseudonyms an identifier has had under every key there is, for a search."""
        return tuple(_pseudonym(key, kind, value) for key in self._pseudonym_keys)

    @cached_property
    def _suppression_keys(self) -> tuple[tuple[str, Mac], ...]:
        return tuple([(key.id, Mac(key.derive("suppression"))) for key in self.suppression])

    def hidden(self, kind: str, value: str) -> tuple[tuple[str, bytes], ...]:
        """The hashes by which a suppressed identifier is recognised, 16 bytes each, with the ids of their keys.

        Newest first: entries are made with the first. They outlive pseudonym keys, which may be destroyed.
        """
        message = f"{kind}\x00{value}".encode()
        return tuple([(key_id, mac.digest(message)[:16]) for key_id, mac in self._suppression_keys])

    def event_key(self, name: str, event_id: str, *, ours: bool) -> bytes:
        """16 bytes by which a repetition of an event is known: keyed, and the same after a rotation of keys.

        What the operator's own servers and code send (`ours`) and what anybody sends never have the same key, so that
        neither is taken for a repetition of the other.
        """
        key = self._derived_keys.get("\x00event")
        if key is None:
            key = self._derived_keys["\x00event"] = self.pseudonym[-1].derive("event-id")
        known = f"{'ours' if ours else 'anybody'}\x00{name}\x00{event_id}"
        return hashlib.blake2b(known.encode(), digest_size=16, key=key).digest()

    def derived_id(self, destination: str, value: str) -> str:
        """A stable stand-in for an identifier, different at every destination: 32 hexadecimal digits."""
        key = self._derived_keys.get(destination)
        if key is None:  # the oldest key: these ids outlive rotation
            key = self._derived_keys[destination] = self.pseudonym[-1].derive("derived-id\x00" + destination)
        return hmac.digest(key, value.encode(), "sha256").hex()[:32]


class Mac:
    """HMAC-SHA256 under one key (RFC 2104), its two padded keys hashed once.

    `hmac.digest` gives the same, but lets other threads take the interpreter each time: in a busy process getting
    it back takes longer than the hash.
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        padded = key.ljust(64, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in padded))

    def digest(self, message: bytes) -> bytes:
        """The MAC of a message: 32 bytes."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(message)
        outer.update(inner.digest())
        return outer.digest()

    def hex(self, message: bytes) -> str:
        """The MAC of a message as hexadecimal digits."""
        return self.digest(message).hex()


def _pseudonym(mac: Mac, kind: str, value: str) -> str:
    return "p_" + mac.hex(f"{kind}\x00{value}".encode())[:22]


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
            raise ConfigError(f"{path}: is not what is left of a key; copy it back, or remove it") from None
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


def ephemeral() -> KeyRing:
    """A ring that is written nowhere: for tests, `explain` and the demo."""
    return KeyRing(
        signing=(Key("ephemeral", secrets.token_bytes(32)),),
        pseudonym=(Key("ephemeral", secrets.token_bytes(32)),),
        suppression=(Key("ephemeral", secrets.token_bytes(32)),),
        sealing=(Key("ephemeral", secrets.token_bytes(32)),),
    )


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
    """Write a new key whole, under `name` if nobody else has by then; the key that then has the name."""
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
