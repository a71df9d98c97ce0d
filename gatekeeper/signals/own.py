"""Our own consent cookie, `gatekeeper_consent`. Pure. Signed value in, a choice out; a choice in, value out.

    2.<a>.<m>.<notice>.<subject>.<key id>.<mac>               format 2, which is written
    1.<issued>.<purposes>.<notice>.<subject>.<key id>.<mac>  format 1, which is read

In format 2 each purpose has its own value and its own time: `a+<time>` granted, `a-<time>` refused, `a` not
spoken about; `m` likewise. Times are Unix milliseconds, in hex. In format 1 (`issued`: Unix seconds, in hex;
`purposes`: `a m`, or `-`) a purpose that is not granted is refused, and one time counts for both.

Notice, subject and MAC are base64url; the MAC is HMAC-SHA256 over everything before the key id. A cookie that
does not verify is malformed: it is ours to read, so it denies (DESIGN, rule 5). Two that differ are both
read; of one carrier, denied wins.

`gatekeeper_choice` is the same choice for the page's own scripts, without subject and signature; nothing here reads it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from gatekeeper.fields import base64url
from gatekeeper.model import OPTIONAL, Permission, Purpose, Role, Signal, Standing

COOKIE: Final = "gatekeeper_consent"
READABLE: Final = "gatekeeper_choice"
VOICE: Final = "own"  # shared with the ledger: one voice, the newer wins
LABEL: Final = "consent-cookie"
Said = Mapping[Purpose, tuple[Permission, float]]
"""What a visitor said of each purpose that they spoke about, and when (Unix seconds)."""
_MAX = 2048
_FRACTION = 0.01  # of a millisecond, which a float of seconds may be short of the one that it stands for
_LETTERS = {Purpose.ANALYTICS: "a", Purpose.MARKETING: "m"}
_SIGNS = {Permission.GRANTED: "+", Permission.DENIED: "-"}
_SIGNED = {sign: permission for permission, sign in _SIGNS.items()}
_REST = r"\.([\w-]*)\.([\w-]*))\.([\w-]{1,64})\.([\w-]{43})"
_FIRST = re.compile(r"(1\.([0-9a-f]{1,10})\.(-|am?|m)" + _REST, re.ASCII)
_SECOND = re.compile(r"(2\.a([+-][0-9a-f]{1,12})?\.m([+-][0-9a-f]{1,12})?" + _REST, re.ASCII)


def write(
    said: Said, *, notice: str | None, subject: str | None, sign: Callable[[str, bytes], tuple[str, bytes]]
) -> str:
    """The cookie's value for what was said; a missing purpose was not spoken about. `sign` is `KeyRing.sign`."""
    words = ".".join(_word(purpose, said) for purpose in OPTIONAL)
    message = f"2.{words}.{_encode(notice)}.{_encode(subject)}"
    key_id, mac = sign(LABEL, message.encode("ascii"))
    return f"{message}.{key_id}.{base64url.write(mac)}"


def readable(said: Said, *, notice_hash: str) -> str:
    """The value of `gatekeeper_choice`: `2.a+.m-.<newest time, Unix seconds>.<first 8 digits of the notice's hash>`."""
    words = ".".join(_LETTERS[purpose] + (_SIGNS[said[purpose][0]] if purpose in said else "") for purpose in OPTIONAL)
    newest = max((at for _, at in said.values()), default=0.0)
    return f"2.{words}.{int(newest)}.{notice_hash[:8]}"


def read(
    cookies: Mapping[str, tuple[str, ...]], verify: Callable[[str, str, bytes, bytes], bool]
) -> tuple[Signal, ...]:
    """The signals of each different value of the cookie: one for each time at which something was said."""
    values = cookies.get(COOKIE, ())
    return tuple(signal for value in dict.fromkeys(values[:50]) for signal in _read_one(value, verify))


def _read_one(value: str, verify: Callable[[str, str, bytes, bytes], bool]) -> tuple[Signal, ...]:
    shape = (_SECOND.fullmatch(value) or _FIRST.fullmatch(value)) if len(value) <= _MAX else None
    if shape is None:
        return _malformed("is not in our format")
    message, one, other, notice, subject, key_id, mac = shape.groups()
    try:
        signed = verify(LABEL, key_id, message.encode("ascii"), base64url.read(mac))
        notice, subject = _decode(notice), _decode(subject)
    except ValueError:
        return _malformed("holds text that cannot be read")
    if not signed:
        return _malformed("is not signed by a key of this installation")
    said = _first(one, other) if message[0] == "1" else _second(one, other)
    by_time: dict[float, dict[Purpose, Permission]] = {}
    for purpose, (permission, at) in said.items():
        by_time.setdefault(at, {})[purpose] = permission
    if not by_time:
        return (_signal({}, None, notice, subject),)
    return tuple(_signal(says, at, notice, subject) for at, says in by_time.items())


def _first(issued: str, letters: str) -> Said:
    """Of format 1: what is not granted is refused."""
    at = float(int(issued, 16))
    return {
        purpose: (Permission.GRANTED if letter in letters else Permission.DENIED, at)
        for purpose, letter in _LETTERS.items()
    }


def _second(*words: str | None) -> Said:
    """Of format 2: a sign and a time for each purpose that was spoken about."""
    return {
        purpose: (_SIGNED[word[0]], int(word[1:], 16) / 1000)
        for purpose, word in zip(OPTIONAL, words, strict=True)
        if word is not None
    }


def _signal(says: Mapping[Purpose, Permission], at: float | None, notice: str, subject: str) -> Signal:
    return Signal(
        source=COOKIE,
        role=Role.CHOICE,
        standing=Standing.DECIDED if says else Standing.UNDECIDED,
        says=says,
        at=at,
        voice=VOICE,
        notice=notice or None,
        subject=subject or None,
        note="our own signed cookie",
    )


def _word(purpose: Purpose, said: Said) -> str:
    if purpose not in said:
        return _LETTERS[purpose]
    permission, at = said[purpose]
    return f"{_LETTERS[purpose]}{_SIGNS[permission]}{int(at * 1000 + _FRACTION):x}"


def _malformed(what: str) -> tuple[Signal, ...]:
    return (Signal(COOKIE, Role.CHOICE, Standing.MALFORMED, voice=VOICE, note=f"the cookie {what}"),)


def _encode(text: str | None) -> str:
    return base64url.write((text or "").encode())


def _decode(text: str) -> str:
    return base64url.read(text).decode()
