"""The addresses of `[storage]`, written in clear or taken from the environment."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from gatekeeper.policy.faults import Faults
from gatekeeper.policy.secrets import Secrets
from gatekeeper.vendors.kind import Secret
from gatekeeper.vendors.settings import SecretRef

_SERVER: Final = r"postgres(ql)?://\S+"
_URL: Final = rf"sqlite:///.+|{_SERVER}"
_REMEDY: Final = {
    "storage.url": "is not the address of a store; write it as sqlite:///var/gatekeeper.db or postgresql://gate@db.internal/gate",
    "storage.listen_url": "is not the address of a PostgreSQL server; write it as postgresql://gate@db.internal/gate",
}


def url(value: SecretRef | str, secrets: Secrets, faults: Faults) -> Secret:
    """`[storage] url`."""
    return _address("storage.url", _URL, value, secrets, faults)


def listen_url(value: SecretRef | str | None, secrets: Secrets, faults: Faults) -> Secret:
    """`[storage] listen_url`; empty if there is none."""
    return Secret("") if value is None else _address("storage.listen_url", _SERVER, value, secrets, faults)


def _address(where: str, pattern: str, value: SecretRef | str, secrets: Secrets, faults: Faults) -> Secret:
    """One address; a fault names no part of one that came from the environment: it may hold a password."""
    if isinstance(value, str):
        if not re.fullmatch(pattern, value):
            faults.append(f'{where}: "{value.split("@")[-1]}" {_REMEDY[where]}')
        elif "@" in value and urlsplit(value).password:
            faults.append(f'{where}: holds a password; write {{ env = "DATABASE_URL" }}, and set it there')
        return Secret(value)
    found = secrets.read(where, value)
    if found.value and not re.fullmatch(pattern, found.value):
        faults.append(f"{where}: {value.env} {_REMEDY[where]}")
    return found
