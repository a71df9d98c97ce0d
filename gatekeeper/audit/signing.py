"""Signatures of checkpoints: Ed25519 (RFC 8032). The key is read each time, so that a rotated one is used no longer.

A key is known by the SHA-256 of its public half. A new key is introduced by a line that the old one signed; then the
old private half is destroyed, so that whoever takes the machine cannot sign for the time before.
"""

from __future__ import annotations

import logging
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gatekeeper import keys

_log = logging.getLogger("gatekeeper")


class SigningKey:
    """One private key, at hand."""

    def __init__(self, key: keys.Key) -> None:
        self.key = key
        self._private = Ed25519PrivateKey.from_private_bytes(key.secret)
        self.public = self._private.public_key().public_bytes_raw()
        self.id = key_id(self.public)

    def sign(self, message: bytes) -> bytes:
        """64 bytes."""
        return self._private.sign(message)


class Signer:
    """The key in a key folder (or the environment), whichever it is by now."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keys(self) -> list[SigningKey]:
        """The key in use, then those that it has to introduce. Raises ConfigError."""
        return [SigningKey(key) for key in reversed(keys.audit(self._folder))]

    def retire(self, key: SigningKey) -> None:
        """Its successor was introduced: nothing is signed with it any more."""
        try:
            keys.destroy(self._folder, keys.AUDIT, key.key)
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
