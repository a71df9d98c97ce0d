"""The chain. Pure. A line and the hash before it in, the bytes on disk and their hash out; and the way back.

    {"stream":"…","n":7,<the line's own keys>[,"commitment":"…"],"hash":"…"[[,"subjects":…][,"names":…],"salt":"…"]}
    └───────────────────────── head ─────────────────────────┘└────────────────────── tail ─────────────────────┘

    hash        SHA-256("gatekeeper-audit-2\\0", hash of the line before as 32 bytes, head)
    commitment  SHA-256("gatekeeper-refs-2\\0", salt as written, the tail without the salt)

The head is hashed as the bytes that were written: nothing is parsed or serialised again to check it. The tail has one
spelling only, so that no bit of a line is free. It may be cut out of the line; the head stays.

Lines of format 1 are read, checked and cut, and no longer written: their labels end in 1, their tail has no names, and
their commitment is to the list of subjects alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Any, Final, NamedTuple

import orjson

from gatekeeper.audit.lines import Line

FIRST: Final = bytes(32)  # stands before the first line of a stream
FORMAT: Final = 2  # the format that is written
_LINK: Final = {1: b"gatekeeper-audit-1\0", 2: b"gatekeeper-audit-2\0"}
_REFS_1: Final = b"gatekeeper-refs-1\0"
_REFS: Final = b"gatekeeper-refs-2\0"
_SIGNED: Final = {1: b"gatekeeper-checkpoint-1\0", 2: b"gatekeeper-signature-2\0"}
_BEGUN: Final = b"gatekeeper-streams-2\0"
_HASH: Final = b',"hash":"'
_COMMITMENT: Final = b',"commitment":"'
_SIGNATURE: Final = b',"signature":"'
_MAC: Final = b',"mac":"'
_SUBJECTS: Final = b',"subjects":'
SUBJECT: Final = re.compile(rb'"(p_[0-9a-f]{22})"')  # a pseudonym, as it stands in a tail
_NAME: Final = rb'"(?:[^"\\\x00-\x1f]|\\(?:["\\bfnrt]|u00[01][0-9a-f]))*"'  # a JSON string as orjson writes it
_NAMES: Final = rb',"names":\[' + _NAME + rb"(?:," + _NAME + rb")*\]"
_TAIL: Final = re.compile(
    rb',"hash":"([0-9a-f]{64})"'
    rb'(?:(,"subjects":\["p_[0-9a-f]{22}"(?:,"p_[0-9a-f]{22}")*\](?:' + _NAMES + rb")?|" + _NAMES + rb")"
    rb',"salt":"([0-9a-f]{32})")?\}\n'
)
Mac = Callable[[bytes], bytes]  # bytes in, 8 bytes out; only the installation can make them


class Sealed(NamedTuple):
    """A line as it stands on disk."""

    head: bytes
    hash: bytes  # 32 bytes, as stated
    tail: bytes | None  # from `,"subjects"` or `,"names"` up to the salt; None without, or after it was removed
    salt: bytes | None

    @property
    def record(self) -> dict[str, Any]:
        """The line's own keys, without hash and tail."""
        found: dict[str, Any] = orjson.loads(self.head + b"}")
        return found

    @property
    def promised(self) -> bytes | None:
        """The commitment to the line's tail, in hexadecimal digits; None if it never had any."""
        if self.head[-80:-65] == _COMMITMENT:
            return self.head[-65:-1]
        return None

    @property
    def kept(self) -> bool:
        """Whether subjects and names are those that were promised; a line without any keeps that promise, too."""
        if self.tail is None or self.salt is None:
            return True
        promised = self.promised
        if promised == sha256(_REFS + self.salt + self.tail).hexdigest().encode():
            return True
        old = _REFS_1 + self.salt + self.tail.removeprefix(_SUBJECTS)
        return promised is not None and promised == sha256(old).hexdigest().encode()

    def without_refs(self) -> bytes:
        """The line after its subjects and names were removed."""
        return b'%s,"hash":"%s"}\n' % (self.head, self.hash.hex().encode())


def begin(stream: str, n: int) -> bytes:
    """How the n-th line of a stream begins."""
    return b'{"stream":"%s","n":%d,' % (stream.encode(), n)


def link(previous: bytes, head: bytes, version: int = FORMAT) -> bytes:
    """The hash of a line; `version` is the format of its stream."""
    return sha256(_LINK[version] + previous + head).digest()


def seal(
    line: Line, stream: str, n: int, previous: bytes, salt: bytes, *, more: bytes = b"", mac: Mac | None = None
) -> tuple[bytes, bytes]:
    """A line's bytes as they are written, and its hash. `salt` is 16 fresh random bytes, used if it has a tail.

    `more` is put behind the line's own keys. With `mac` the line is the last of those that became durable together.
    """
    head = begin(stream, n) + line.core[1:-1] + more
    commitment = tail = b""
    if line.refs or line.names:
        digits = salt.hex().encode()
        if line.refs:
            tail = _SUBJECTS + orjson.dumps(line.refs)
        if line.names:
            tail += b',"names":' + orjson.dumps(line.names)
        commitment = b'%s%s"' % (_COMMITMENT, sha256(_REFS + digits + tail).hexdigest().encode())
        tail += b',"salt":"%s"' % digits
    if mac is not None:
        head += b'%s%s"' % (_MAC, mac(previous + head + commitment).hex().encode())
    head += commitment
    digest = sha256(_LINK[FORMAT] + previous + head).digest()
    return b'%s,"hash":"%s"%s}\n' % (head, digest.hex().encode(), tail), digest


def split(raw: bytes) -> Sealed | None:
    """A line of the log in its parts; None if it is not one."""
    cut = raw.rfind(_HASH)
    found = _TAIL.fullmatch(raw, cut) if cut > 0 else None
    if found is None:
        return None
    stated, tail, salt = found.groups()
    return Sealed(raw[:cut], bytes.fromhex(stated.decode()), tail, salt)


def to_sign(previous: bytes, head: bytes, version: int = FORMAT) -> bytes:
    """What the signature of a line is over: `head` without it, and everything before."""
    return _SIGNED[version] + previous + head


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


def mac_of(head: bytes) -> tuple[bytes, bytes] | None:
    """What the installation's own mark of a group's last line is over, and that mark; None if it has none."""
    end = len(head) - 80 if head[-80:-65] == _COMMITMENT else len(head)
    if head[end - 25 : end - 17] != _MAC or head[end - 1 : end] != b'"':
        return None
    try:
        return head[: end - 25] + head[end:], bytes.fromhex(head[end - 17 : end - 1].decode("ascii"))
    except ValueError:
        return None


def begun(streams: Iterable[str], before: bytes = FIRST) -> bytes:
    """The digest of the streams that were begun, in their order; `before` is that of those before them."""
    for stream in streams:
        before = sha256(_BEGUN + before + stream.encode()).digest()
    return before
