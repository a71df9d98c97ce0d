"""Our own consent cookie, `gatekeeper_consent`. Pure. Signed value in, a choice out; a choice in, value out.

    1.<issued, Unix seconds, hex>.<purposes: a m, or ->.<notice>.<subject>.<key id>.<mac>

Notice, subject and MAC are base64url; the MAC is HMAC-SHA256 over everything before the key id. A cookie that
does not verify is malformed: it is ours to read, so it denies (DESIGN, rule 5). Two that differ are both
read; of one carrier, denied wins.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping

from gatekeeper.model import OPTIONAL, Permission, Purpose, Role, Signal, Standing

COOKIE = "gatekeeper_consent"
VOICE = "own"  # shared with the ledger: one voice, the newer wins
LABEL = "consent-cookie"
_MAX = 2048
_LETTERS = {Purpose.ANALYTICS: "a", Purpose.MARKETING: "m"}
_SHAPE = re.compile(r"(1\.([0-9a-f]{1,10})\.(-|am?|m)\.([\w-]*)\.([\w-]*))\.([\w-]{1,64})\.([\w-]{43})", re.ASCII)


def write(
    granted: frozenset[Purpose],
    *,
    at: float,
    notice: str | None,
    subject: str | None,
    sign: Callable[[str, bytes], tuple[str, bytes]],
) -> str:
    """The cookie's value for a choice made at `at` (Unix seconds). `sign` is `KeyRing.sign`."""
    letters = "".join(letter for purpose, letter in _LETTERS.items() if purpose in granted) or "-"
    message = f"1.{int(at):x}.{letters}.{_encode(notice)}.{_encode(subject)}"
    key_id, mac = sign(LABEL, message.encode("ascii"))
    return f"{message}.{key_id}.{_base64(mac)}"


def read(
    cookies: Mapping[str, tuple[str, ...]], verify: Callable[[str, str, bytes, bytes], bool]
) -> tuple[Signal, ...]:
    """A signal for each different value of the cookie."""
    values = cookies.get(COOKIE, ())
    return tuple(_read_one(value, verify) for value in dict.fromkeys(values[:50]))


def _read_one(value: str, verify: Callable[[str, str, bytes, bytes], bool]) -> Signal:
    shape = _SHAPE.fullmatch(value) if len(value) <= _MAX else None
    if shape is None:
        return _malformed("is not in our format")
    message, issued, letters, notice, subject, key_id, mac = shape.groups()
    if not verify(LABEL, key_id, message.encode("ascii"), base64.urlsafe_b64decode(mac + "=")):
        return _malformed("is not signed by a key of this installation")
    try:
        notice, subject = _decode(notice), _decode(subject)
    except (binascii.Error, UnicodeDecodeError):
        return _malformed("holds text that cannot be read")
    return Signal(
        source=COOKIE,
        role=Role.CHOICE,
        standing=Standing.DECIDED,
        says={
            purpose: Permission.GRANTED if _LETTERS[purpose] in letters else Permission.DENIED for purpose in OPTIONAL
        },
        at=float(int(issued, 16)),
        voice=VOICE,
        notice=notice or None,
        subject=subject or None,
        note="our own signed cookie",
    )


def _malformed(what: str) -> Signal:
    return Signal(COOKIE, Role.CHOICE, Standing.MALFORMED, voice=VOICE, note=f"the cookie {what}")


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _encode(text: str | None) -> str:
    return _base64((text or "").encode())


def _decode(text: str) -> str:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
