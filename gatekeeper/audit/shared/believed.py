"""Which signatures are another machine's: by the keys that it began with, and those that one of them introduced.

    own = believed(other.folder, other.peer.keys)      # as `signing.Own` of this machine's keys

Reads the first line of each stream. Only where one is signed with a key that came later, all lines are looked through
for those that introduce keys.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterator
from pathlib import Path

from gatekeeper.audit import chain
from gatekeeper.audit.facts import UNREADABLE
from gatekeeper.audit.segments import Segment, lines, streams
from gatekeeper.audit.signing import Own, good, key_id
from gatekeeper.errors import AuditError
from gatekeeper.installation.keys import Remains

_INTRODUCES = b'"kind":"key"'


def believed(folder: Path, trusted: Collection[str]) -> Own:
    """What recognises the signatures of the log in a folder; `trusted` are ids of keys. Raises AuditError."""
    try:
        logs = streams(folder)
        begun = {key_id(public): public for parts in logs.values() for public in _first(parts[0])}
        known = {one: begun[one] for one in trusted if one in begun}
        if known and begun.keys() - known.keys():
            found = [one for parts in logs.values() for segment in parts for one in _introductions(segment)]
            while added := _introduced(known, found):
                known |= added
        return Own([Remains(public, b"") for public in known.values()])
    except (OSError, EOFError, zlib.error) as error:
        raise AuditError(f"{folder}: the audit log cannot be read ({type(error).__name__})") from None


def _first(segment: Segment) -> Iterator[bytes]:
    """The public key in a stream's first line."""
    sealed = chain.split(next(iter(lines(segment)), b""))
    try:
        if sealed is not None:
            yield bytes.fromhex(sealed.record["public"])
    except UNREADABLE:
        return


def _introductions(segment: Segment) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Lines that introduce a key: the signed message, its signature, and the new key."""
    previous = None
    for raw in lines(segment):
        sealed = chain.split(raw)
        if sealed is None:
            return
        if _INTRODUCES in raw and previous is not None:
            parts = chain.signature_of(sealed.head)
            try:
                if parts is not None and sealed.record["kind"] == "key":
                    yield chain.to_sign(previous, parts[0]), parts[1], bytes.fromhex(sealed.record["public"])
            except UNREADABLE:
                pass
        previous = sealed.hash


def _introduced(known: dict[str, bytes], found: Collection[tuple[bytes, bytes, bytes]]) -> dict[str, bytes]:
    """The keys that are new, by lines that a known one signed."""
    return {
        name: public
        for message, signature, public in found
        if (name := key_id(public)) not in known and any(good(one, signature, message) for one in known.values())
    }
