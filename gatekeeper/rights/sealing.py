"""Sealing: encryption of what must be kept for a while and must not be read meanwhile. AES-256-GCM (NIST SP 800-38D).

`seal` and `unseal` go by the installation's key kind `sealing`, with the request's id as associated data. `Index`
seals ids with a key that is made of an identifier: they are useless until the person brings that identifier. Its nonce
is made of key and content, so that the same content is the same entry.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from typing import Final

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gatekeeper.errors import ConfigError
from gatekeeper.installation.ring import Key, KeyRing

_LABEL: Final = "erasure"
_NONCE: Final = 12
_NO_KEY: Final = "keys.path: there is no sealing key; start the gate once, or copy the shared folder"


def seal(ring: KeyRing, erasure: str, content: bytes) -> bytes:
    """The content, sealed with the newest key for this request. Raises ConfigError without a key."""
    if not ring.sealing:
        raise ConfigError(_NO_KEY)
    key, nonce = ring.sealing[0], secrets.token_bytes(_NONCE)
    return key.id.encode() + b"\0" + nonce + AESGCM(key.derive(_LABEL)).encrypt(nonce, content, erasure.encode())


def unseal(ring: KeyRing, erasure: str, sealed: bytes) -> bytes:
    """The content. Raises ConfigError where its key is lost, or it was sealed for another request."""
    name, _, rest = sealed.partition(b"\0")
    for key in ring.sealing:
        if key.id.encode() == name:
            try:
                return AESGCM(key.derive(_LABEL)).decrypt(rest[:_NONCE], rest[_NONCE:], erasure.encode())
            except InvalidTag:
                break
    raise ConfigError(
        f"keys.path: the sealed part of {erasure} cannot be opened; copy its sealing key back, or begin again with the "
        "person's identifiers"
    )


def mark(ring: KeyRing, kind: str, reference: str) -> tuple[bytes, ...]:
    """Keyed hashes of an identifier, 16 bytes each, newest key first: an open request is known by them."""
    message = f"{kind}\x00{reference}".encode()
    return tuple(hmac.digest(key.derive("mark"), message, "sha256")[:16] for key in ring.sealing)


class Index:
    """Entries of the index of sent ids, under the keys of the pseudonyms."""

    def __init__(self, ring: KeyRing) -> None:
        self._keys = ring.pseudonym

    def names(self, kind: str, reference: str) -> tuple[bytes, ...]:
        """What an entry may be found under, 16 bytes each, newest key first."""
        return tuple(self._made(key, "alias-name", kind, reference)[:16] for key in self._keys)

    def seal(self, kind: str, reference: str, ids: Mapping[str, str]) -> bytes:
        """Ids, sealed with a key that is made of the identifier."""
        secret = self._made(self._keys[0], "alias-key", kind, reference)
        content = orjson.dumps(dict(ids), option=orjson.OPT_SORT_KEYS)
        nonce = hmac.digest(secret, content, "sha256")[:_NONCE]
        return nonce + AESGCM(secret).encrypt(nonce, content, None)

    def open(self, kind: str, reference: str, sealed: bytes) -> dict[str, str] | None:
        """The ids; None where another identifier sealed them."""
        for key in self._keys:
            secret = self._made(key, "alias-key", kind, reference)
            try:
                found: dict[str, str] = orjson.loads(AESGCM(secret).decrypt(sealed[:_NONCE], sealed[_NONCE:], None))
            except InvalidTag:
                continue
            return found
        return None

    @staticmethod
    def _made(key: Key, label: str, kind: str, reference: str) -> bytes:
        return hmac.digest(key.derive(label), f"{kind}\x00{reference}".encode(), "sha256")
