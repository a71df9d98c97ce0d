"""The session's cookie, and whether a form came from another site."""

from __future__ import annotations

from gatekeeper.console.session import COOKIE
from gatekeeper.shells.asgi import Header, Headers
from gatekeeper.shells.asgi.cookies import host_of, is_loopback
from gatekeeper.shells.asgi.origins import Sender, sender
from gatekeeper.signals import header_values


def values(headers: Headers) -> list[str]:
    """Every value of the cookie that a browser sends."""
    lines = [line.decode("latin-1") for line in header_values(headers, b"cookie")]
    pairs = [part.strip().partition("=") for line in lines for part in line.split(";")]
    return [value for name, _, value in pairs if name == COOKIE]


def header(value: str | None, path: str, scheme: str, headers: Headers) -> Header:
    """The header that sets it, or that removes it. Only this machine itself is spoken to without TLS."""
    secure = not (scheme == "http" and is_loopback(host_of(headers)))
    attributes = f"Path={path}; HttpOnly; SameSite=Strict{'; Secure' if secure else ''}"
    left = f"{COOKIE}={value}; {attributes}" if value is not None else f"{COOKIE}=; Max-Age=0; {attributes}"
    return b"set-cookie", left.encode()


def is_foreign(headers: Headers) -> bool:
    """Whether the browser says that a page of another site sent this.

    `Origin: null` alone says nothing: our own pages send it, for they have no referrer. The form's token decides then.
    """
    sites = set(header_values(headers, b"sec-fetch-site"))
    if sites:
        return not sites <= {b"same-origin", b"none"}
    if set(header_values(headers, b"origin")) == {b"null"}:
        return False
    return sender(headers, frozenset()) is Sender.STRANGER
