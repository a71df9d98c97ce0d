"""The chain. Pure. A line and the hash before it in, the bytes on disk and their hash out; and the way back.

    {"stream":"…","n":7,<the line's own keys>[,"commitment":"…"],"hash":"…"[,"subjects":["p_…"],"salt":"…"]}
    └───────────────────────── head ─────────────────────────┘└──────────────── tail ────────────────┘

    hash        SHA-256("gatekeeper-audit-1\\0", hash of the line before as 32 bytes, head)
    commitment  SHA-256("gatekeeper-refs-1\\0", salt as written, the list of subjects as written)

The head is hashed as the bytes that were written: nothing is parsed or serialised again to check it. The tail has one
spelling only, so that no bit of a line is free. Subjects and salt may be cut out of the tail; the head stays.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Any, Final, NamedTuple

import orjson

from gatekeeper.audit.lines import Line

FIRST: Final = bytes(32)  # stands before the first line of a stream
_LINK: Final = b"gatekeeper-audit-1\0"
_REFS: Final = b"gatekeeper-refs-1\0"
_SIGNED: Final = b"gatekeeper-checkpoint-1\0"
_HASH: Final = b',"hash":"'
_COMMITMENT: Final = b',"commitment":"'
_SIGNATURE: Final = b',"signature":"'
_TAIL: Final = re.compile(
    rb',"hash":"([0-9a-f]{64})"'
    rb'(?:(?:,"subjects":)?(\["p_[0-9a-f]{22}"(?:,"p_[0-9a-f]{22}")*\](?:,"names":\[.+\])?|,"names":\[.+\]),"salt":"([0-9a-f]{32})")?\}\n'
)


class Sealed(NamedTuple):
    """A line as it stands on disk."""

    head: bytes
    hash: bytes  # 32 bytes, as stated
    refs: bytes | None  # the list of subjects as written; None without, or after they were removed
    salt: bytes | None

    @property
    def record(self) -> dict[str, Any]:
        """The line's own keys, without hash and subjects."""
        found: dict[str, Any] = orjson.loads(self.head + b"}")
        return found

    @property
    def promised(self) -> bytes | None:
        """The commitment to the line's subjects, in hexadecimal digits; None if it never had any."""
        if self.head[-80:-65] == _COMMITMENT:
            return self.head[-65:-1]
        return None

    @property
    def kept(self) -> bool:
        """Whether the subjects are those that were promised; a line without any keeps that promise, too."""
        if self.refs is None or self.salt is None:
            return True
        return self.promised == sha256(_REFS + self.salt + self.refs).hexdigest().encode()

    def without_refs(self) -> bytes:
        """The line after its subjects were removed."""
        return b'%s,"hash":"%s"}\n' % (self.head, self.hash.hex().encode())


def begin(stream: str, n: int) -> bytes:
    """How the n-th line of a stream begins."""
    return b'{"stream":"%s","n":%d,' % (stream.encode(), n)


def link(previous: bytes, head: bytes) -> bytes:
    """The hash of a line."""
    return sha256(_LINK + previous + head).digest()


def seal(line: Line, stream: str, n: int, previous: bytes, salt: bytes) -> tuple[bytes, bytes]:
    """A line's bytes as they are written, and its hash. `salt` is 16 fresh random bytes, used if it has subjects."""
    head = begin(stream, n) + line.core[1:-1]
    if not line.refs and not line.names:
        digest = link(previous, head)
        return b'%s,"hash":"%s"}\n' % (head, digest.hex().encode()), digest
    refs = orjson.dumps(line.refs) if line.refs else b""
    if line.names:
        refs += b',"names":' + orjson.dumps(line.names)
    digits = salt.hex().encode()
    head += b'%s%s"' % (_COMMITMENT, sha256(_REFS + digits + refs).hexdigest().encode())
    digest = link(previous, head)
    begin_refs = b',"subjects":' if line.refs else b""
    written = b'%s,"hash":"%s"%s%s,"salt":"%s"}\n' % (head, digest.hex().encode(), begin_refs, refs, digits)
    return written, digest


def split(raw: bytes) -> Sealed | None:
    """A line of the log in its parts; None if it is not one."""
    cut = raw.rfind(_HASH)
    found = _TAIL.fullmatch(raw, cut) if cut > 0 else None
    if found is None:
        return None
    stated, refs, salt = found.groups()
    return Sealed(raw[:cut], bytes.fromhex(stated.decode()), refs, salt)


def to_sign(previous: bytes, head: bytes) -> bytes:
    """What the signature of a checkpoint is over: `head` without it, and everything before."""
    return _SIGNED + previous + head


def signed(core: bytes, signature: bytes) -> bytes:
    """A line's own keys with their signature at the end."""
    return b'%s%s%s"}' % (core[:-1], _SIGNATURE, signature.hex().encode())


def signature_of(head: bytes) -> tuple[bytes, bytes] | None:
    """The head without its signature, and the signature; None if it has none."""
    if head[-143:-129] != _SIGNATURE or head[-1:] != b'"':
        return None
    try:
        return head[:-143], bytes.fromhex(head[-129:-1].decode("ascii"))
    except ValueError:
        return None
