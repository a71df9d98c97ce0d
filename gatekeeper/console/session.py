"""Sessions of the console. Pure: the ring, the time and what is random are passed in.

A session is a cookie and nothing else, so that every worker and every node that shares the signing keys knows it:

    name.random.began.seen.key.mac

`name` is the token's name in the policy, empty before the login. The MAC also covers the token's digest: a token that
is changed or removed ends its sessions. A session ends after `IDLE` seconds without a look, and after `LONGEST` in any
case. What a form carries against forgery (`form_token`) is a MAC of the session's random part.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from gatekeeper.fields import base64url
from gatekeeper.installation.ring import KeyRing
from gatekeeper.policy.compiled import Admin

COOKIE: Final = "gatekeeper_console"
IDLE: Final = 900.0  # seconds
LONGEST: Final = 8 * 3_600.0  # seconds
AHEAD: Final = 60.0  # seconds by which another node's clock may be ahead
_SESSION: Final = "console-session"
_FORM: Final = "console-form"
_SHAPE: Final = re.compile(
    r"([a-z][a-z0-9_-]{0,39})?\.([0-9a-f]{32})\.(\d{1,12})\.(\d{1,12})\.([A-Za-z0-9_-]{1,64})\.([A-Za-z0-9_-]{43})"
)


class Session(NamedTuple):
    """A session: whose it is (empty: of a browser that has not logged in), and when it began and was last seen."""

    name: str
    random: str  # 32 hexadecimal digits
    began: int  # seconds since 1970
    seen: int

    def ends(self) -> float:
        """When it is over, if there is no further look."""
        return min(self.seen + IDLE, self.began + LONGEST)


def begun(name: str, random: bytes, now: float) -> Session:
    """A new session; `random` are 16 bytes."""
    return Session(name, random.hex(), int(now), int(now))


def written(session: Session, admins: Iterable[Admin], ring: KeyRing) -> str:
    """Return the value of a session's cookie: its parts, and the signature over them and its admin."""
    key, mac = ring.sign(_SESSION, _message(session, admins))
    return f"{session.name}.{session.random}.{session.began}.{session.seen}.{key}.{base64url.write(mac)}"


def read(value: str, admins: Iterable[Admin], ring: KeyRing, now: float) -> Session | None:
    """The session of a cookie; `None` if it is over, of no token of the policy, or not ours."""
    found = _SHAPE.fullmatch(value)
    if found is None:
        return None
    session = Session(found[1] or "", found[2], int(found[3]), int(found[4]))
    known = [*admins]
    if session.name and session.name not in [one.name for one in known]:
        return None
    if not _signed(ring, _SESSION, found[5], _message(session, known), found[6]):
        return None
    return session if session.seen - AHEAD <= now < session.ends() else None


def form_token(session: Session, ring: KeyRing) -> str:
    """What a form of this session carries, so that no other page can send it."""
    key, mac = ring.sign(_FORM, session.random.encode())
    return f"{key}.{base64url.write(mac)}"


def is_of_form(token: str, session: Session, ring: KeyRing) -> bool:
    """Whether a form came from a page of this session."""
    key, _, mac = token.partition(".")
    return _signed(ring, _FORM, key, session.random.encode(), mac)


def admin_of(token: str, admins: Iterable[Admin]) -> Admin | None:
    """Whose token it is. Compared as digests: neither the time nor the length of a comparison tells anything."""
    given = hashlib.sha256(token.strip().encode()).digest()
    found = None
    for one in admins:
        if one.token.value and hmac.compare_digest(given, hashlib.sha256(one.token.value.encode()).digest()):
            found = found or one  # of two with one token the first, as at the API
    return found


def _message(session: Session, admins: Iterable[Admin]) -> bytes:
    token = next((one.token.value for one in admins if one.name == session.name), "")
    digest = hashlib.sha256(token.encode()).hexdigest()
    return f"{session.name}.{session.random}.{session.began}.{session.seen}.{digest}".encode()


def _signed(ring: KeyRing, label: str, key: str, message: bytes, mac: str) -> bool:
    try:
        return ring.verify(label, key, message, base64url.read(mac))
    except ValueError:
        return False
