"""A policy's secrets, taken from the environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from gatekeeper.policy.compiled import Admin
from gatekeeper.policy.faults import Faults
from gatekeeper.policy.strength import is_strong
from gatekeeper.policy.tables.server import AdminTable
from gatekeeper.vendors.kind import Secret
from gatekeeper.vendors.settings import SecretRef


class Secrets:
    """Reads secrets; with `required` false, one that is not set is empty, and that is no fault."""

    def __init__(self, environ: Mapping[str, str], required: bool, faults: Faults) -> None:
        self._environ: Final = environ
        self._required: Final = required
        self._faults: Final = faults

    def read(self, where: str, value: SecretRef | str) -> Secret:
        """One secret, from the environment or written in clear."""
        if isinstance(value, str):
            if not value.strip():
                self._faults.append(f'{where}: is empty; write {{ env = "NAME" }}, or remove it')
            return Secret(value)
        found = self._environ.get(value.env, "")
        if not found and self._required:
            self._faults.append(f"{where}: the environment variable {value.env} is not set; set it before starting")
        return Secret(found)

    def bearer(self, where: str, value: SecretRef | str) -> Secret:
        """A secret that opens the gate without another."""
        found = self.read(where, value)
        if found.value and not is_strong(found.value):
            self._faults.append(
                f"{where}: can be guessed: it has less than 128 bits; make one with `openssl rand -hex 32`"
            )
        return found

    def admin_token(self, value: SecretRef | str | None) -> Secret | None:
        """The bearer token of the metrics, which may not stand in the file."""
        if isinstance(value, str):
            self._faults.append('server.admin_token: is written in clear; use { env = "NAME" }')
        return None if value is None else self.bearer("server.admin_token", value)

    def admins(self, tables: Sequence[AdminTable], metrics: Secret | None) -> tuple[Admin, ...]:
        """The tokens of the admin API; where there are some, that of the metrics may read, too."""
        found = []
        for n, table in enumerate(tables):
            if isinstance(table.token, str):
                self._faults.append(f'server.admins.{n}.token: is written in clear; use {{ env = "NAME" }}')
            found.append(Admin(table.name, self.bearer(f"server.admins.{n}.token", table.token), frozenset(table.may)))
        for kind, values in (("name", [one.name for one in found]), ("token", [one.token.value for one in found])):
            twice = [n for n, value in enumerate(values) if value and value in values[:n]]
            self._faults.extend([f"server.admins.{n}.{kind}: is that of another one, too" for n in twice])
        if found and metrics is not None:
            found.append(Admin("admin_token", metrics, frozenset({"read"})))
        return tuple(found)
