"""The token of a notice that is shown. Pure. What was shown, to whom and when in, a signed text out.

    1.<claims: JSON, base64url>.<key id>.<mac: base64url>

A grant needs the token of the notice that it answers: so it is known that these words were delivered, when, and to the
visitor who answers. It holds no name of the visitor, and nothing has to be stored in the browser before the choice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final

import msgspec
from msgspec import Struct

from gatekeeper.fields import base64url

LABEL: Final = "notice-token"
LIFETIME: Final = 86_400.0  # seconds
NOBODY: Final = "-"  # the visitor had no cookie of ours
HELD: Final = 1_800.0  # seconds: how long a browser keeps events for the answer to a notice
_AHEAD: Final = 60.0  # seconds by which another worker's clock may be ahead
MAX: Final = 2_048
Sign = Callable[[str, bytes], tuple[str, bytes]]
Verify = Callable[[str, str, bytes, bytes], bool]


class Claims(Struct, frozen=True, array_like=True):
    """What a token says. `display` is the id of this showing; `visitor` a digest of the visitor's name, or `-`."""

    display: str
    issued: float
    notice: str
    language: str
    purposes: tuple[str, ...]
    laws: tuple[str, ...]
    policy: str
    visitor: str


def write(claims: Claims, sign: Sign) -> str:
    """The token. `sign` is `KeyRing.sign`."""
    payload = base64url.write(msgspec.json.encode(claims))
    key_id, mac = sign(LABEL, payload.encode("ascii"))
    return f"1.{payload}.{key_id}.{base64url.write(mac)}"


def read(token: str, *, at: float, verify: Verify) -> Claims | None:
    """What a token says; `None` for one that is not ours or is older than `LIFETIME`. `verify` is `KeyRing.verify`."""
    parts = token.split(".")
    if len(token) > MAX or len(parts) != 4 or parts[0] != "1":
        return None
    _, payload, key_id, mac = parts
    try:
        if not verify(LABEL, key_id, payload.encode("ascii"), base64url.read(mac)):
            return None
        claims = msgspec.json.decode(base64url.read(payload), type=Claims)
    except (ValueError, msgspec.MsgspecError):
        return None
    return claims if -_AHEAD <= at - claims.issued <= LIFETIME else None


def held_since(token: str | None, *, at: float, verify: Verify) -> float | None:
    """The earliest time of an event that a browser kept for the answer to this notice; `None`: it kept none for it.

    The notice was shown then, and half an hour ago at most. What the visitor permits is worked out for the time of
    arrival, as for any event of a browser: so a token can make an event older, and no event permitted.
    """
    claims = None if token is None else read(token, at=at, verify=verify)
    return None if claims is None else min(max(claims.issued, at - HELD), at)


def visitor(subject: str | None) -> str:
    """How a token names its visitor: a digest, from which the name cannot be read by the page's scripts."""
    if subject is None:
        return NOBODY
    return hashlib.sha256(b"gatekeeper\x00visitor\x00" + subject.encode()).hexdigest()[:32]


def name_for(claims: Claims, sign: Sign) -> str:
    """The name of a visitor who had none: the same for every answer to one showing, so that a repetition is known."""
    _, mac = sign("notice-visitor", claims.display.encode())
    return "v_" + mac.hex()[:24]
