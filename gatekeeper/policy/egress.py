"""`[delivery] proxy` and `serve --upstream-proxy` as an `Egress`. Never out of the environment's HTTP_PROXY."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from urllib.parse import unquote_to_bytes, urlsplit

from gatekeeper.model.egress import Egress
from gatekeeper.policy.faults import Faults
from gatekeeper.policy.secrets import Secrets
from gatekeeper.vendors.settings import SecretRef

WORDS = (
    "is not the address of a proxy; write http://proxy.internal:3128, with user:password@ before the host if it asks"
)


def parse(url: str, direct: Sequence[str] = (), *, given: bool = False) -> Egress:
    """The proxy at an address. Raises ValueError, without the address: it may hold a password."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError(WORDS) from None
    if parts.scheme != "http" or not host or not port or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError(WORDS)
    authorization = ""
    if parts.username is not None:
        user, password = unquote_to_bytes(parts.username), unquote_to_bytes(parts.password or "")
        authorization = "Basic " + b64encode(user + b":" + password).decode()
    return Egress(host, port, authorization, tuple(name.lower() for name in direct), given)


def egress(value: SecretRef | str | None, direct: Sequence[str], secrets: Secrets, faults: Faults) -> Egress | None:
    """The policy's proxy; `None` where it names none."""
    if value is None:
        return None
    url = secrets.read("delivery.proxy", value).value
    if not url:  # its fault is told, or the secret is not wanted
        return None
    try:
        return parse(url, direct)
    except ValueError as error:
        faults.append(f"delivery.proxy: {error}")
        return None
