"""Signatures of the log: Ed25519 (RFC 8032). The key is read each time, so that a rotated one is used no longer.

A key is known by the SHA-256 of its public half. A new key is introduced by a line that the old one signed; then the
old private half is destroyed, so that the thief of a machine cannot sign for the time before. What remains of it in the
key folder recognises what it signed.

Between two signatures the last line of every group that became durable together has a mark, 8 bytes of an HMAC. It
proves nothing to others. It tells the gate itself, after a crash, which lines at the end of a stream are its own.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gatekeeper.audit import chain
from gatekeeper.installation import keys
from gatekeeper.installation.ring import Key, Mac

_log = logging.getLogger("gatekeeper")
_MARK = "audit-mark"


class SigningKey:
    """One private key, at hand."""

    def __init__(self, key: Key) -> None:
        self.key = key
        self._private = Ed25519PrivateKey.from_private_bytes(key.secret)
        self._mark = Mac(key.derive(_MARK))
        self.public = self._private.public_key().public_bytes_raw()
        self.id = key_id(self.public)

    def sign(self, message: bytes) -> bytes:
        """The signature of a message, 64 bytes."""
        return self._private.sign(message)

    def mark(self, message: bytes) -> bytes:
        """8 bytes, which only the installation can make and check."""
        return self._mark.digest(message)[:8]

    @property
    def remains(self) -> keys.Remains:
        """What may be kept of it once it is destroyed."""
        return keys.Remains(self.public, self.key.derive(_MARK))


class Own:
    """What this installation recognises as its own: by its keys, those it has and those it had."""

    def __init__(self, remains: Sequence[keys.Remains]) -> None:
        self._keys = {key_id(one.public): one.public for one in remains}
        self._marks = [one.mark for one in remains]

    def signed(self, previous: bytes, head: bytes) -> bool:
        """Whether a line of format 2 has a good signature by one of the keys."""
        parts = chain.signature_of(head)
        if parts is None:
            return False
        return any(good(public, parts[1], chain.to_sign(previous, parts[0])) for public in self._keys.values())

    def written(self, previous: bytes, head: bytes) -> bool:
        """Whether a line of format 2, and with it all before it in its stream, was written here."""
        parts = chain.mac_of(head)
        if parts is None:
            return self.signed(previous, head)
        return self.marked(previous + parts[0], parts[1])

    def marked(self, message: bytes, mark: bytes) -> bool:
        """Whether a mark was made here for a message."""
        return any(hmac.compare_digest(hmac.digest(key, message, "sha256")[:8], mark) for key in self._marks)


class Signer:
    """The key in a key folder (or the environment), whichever it is by now."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keys(self) -> list[SigningKey]:
        """The key in use, then those that it has to introduce. Raises ConfigError."""
        return [SigningKey(key) for key in reversed(keys.audit(self._folder))]

    def own(self) -> Own:
        """What was signed with these keys, or with those before them, is recognised. Raises ConfigError."""
        before = [SigningKey(key).remains for key in keys.audit_before()]
        return Own([*(key.remains for key in self.keys()), *before, *keys.remains(self._folder)])

    def retire(self, key: SigningKey) -> None:
        """Its successor was introduced: nothing is signed with it any more."""
        try:
            keys.retire(self._folder, key.key, key.remains)
        except OSError as error:  # the new one signs; the next checkpoint tries again
            _log.error("the old key %s of the audit log cannot be removed (%s)", key.id, error.strerror)


def key_id(public: bytes) -> str:
    """The name of a key: 16 hexadecimal digits."""
    return sha256(b"gatekeeper-audit-key-1\0" + public).hexdigest()[:16]


def good(public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether a signature was made over a message by the private half of a key."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
