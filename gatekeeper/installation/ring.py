"""What signs consent cookies and visitor contexts, and what turns subjects into pseudonyms, once it is loaded.

Every use has its own key, derived from the ring's by HMAC. The files that it is loaded from are those of `keys`.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from functools import cached_property


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

    def checks(self) -> tuple[str, ...]:
        """What tells pseudonym keys apart, and says nothing of them: for machines that must have one in common."""
        return tuple(key.derive("check").hex()[:16] for key in self.pseudonym)

    @cached_property
    def _pseudonym_keys(self) -> tuple[Mac, ...]:
        return tuple(Mac(key.derive("subject")) for key in self.pseudonym)

    def name(self, kind: str, value: str) -> str:
        """The pseudonym an identifier has in the audit: `p_` and 22 hexadecimal digits (88 bits)."""
        return "p_" + self._pseudonym_keys[0].digest(f"{kind}\x00{value}".encode())[:11].hex()

    def names(self, kind: str, value: str) -> tuple[str, ...]:
        """The pseudonyms an identifier has had under every key there is, for a search."""
        message = f"{kind}\x00{value}".encode()
        return tuple(["p_" + key.digest(message)[:11].hex() for key in self._pseudonym_keys])

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

        Events of the operator's own servers and code (`ours`) and events of other senders never have the same key, so
        that neither is taken for a repetition of the other.
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


def ephemeral() -> KeyRing:
    """A ring that is written nowhere: for tests, `explain` and the demo."""
    return KeyRing(
        signing=(Key("ephemeral", secrets.token_bytes(32)),),
        pseudonym=(Key("ephemeral", secrets.token_bytes(32)),),
        suppression=(Key("ephemeral", secrets.token_bytes(32)),),
        sealing=(Key("ephemeral", secrets.token_bytes(32)),),
    )
