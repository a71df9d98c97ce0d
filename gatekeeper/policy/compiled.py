"""A policy, compiled: frozen tables that are looked up, never interpreted, while a request waits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from gatekeeper.fields import Catalogue
from gatekeeper.jurisdiction.address import Trust
from gatekeeper.jurisdiction.laws import LawTable
from gatekeeper.jurisdiction.networks import Ranges
from gatekeeper.model import Purpose
from gatekeeper.model.egress import Egress
from gatekeeper.policy.file import PolicyFile
from gatekeeper.policy.notices import Notices
from gatekeeper.policy.registry import PACKAGED, Registry
from gatekeeper.signals import Readers
from gatekeeper.vendors.dialect import Dialect
from gatekeeper.vendors.kind import Destination, Secret

ERROR_EVENT = "error"


class Admin(NamedTuple):
    """Who may use the admin API: the name in the log, the token, and the scopes."""

    name: str
    token: Secret
    may: frozenset[str]


@dataclass(frozen=True)
class Policy:
    """The compiled policy file. `load_policy` makes it."""

    file: PolicyFile = field(repr=False)
    path: Path | None
    hash: str  # SHA-256 of the file's meaning: comments and secrets do not change it
    folder: Path  # what relative paths are relative to
    catalogue: Catalogue = field(repr=False)
    laws: LawTable = field(repr=False)
    destinations: Mapping[str, Destination]
    routes: Mapping[str, tuple[Destination, ...]] = field(repr=False)  # event -> destinations, for named events
    errors_to: tuple[Destination, ...] = field(repr=False)
    others_to: tuple[Destination, ...] = field(repr=False)
    event_purposes: Mapping[str, frozenset[Purpose]] = field(repr=False)
    notices: Notices = field(repr=False)
    readers: Readers = field(default_factory=Readers, repr=False)
    trust: Trust = field(default_factory=lambda: Trust(Ranges()), repr=False)
    anonymisers: tuple[Ranges, ...] = field(default=(), repr=False)
    api_keys: tuple[Secret, ...] = field(default=(), repr=False)
    admin_token: Secret | None = field(default=None, repr=False)
    admins: tuple[Admin, ...] = field(default=(), repr=False)
    origins: frozenset[str] = frozenset()
    storage_secret: Secret = field(default=Secret(""), repr=False)
    listen_secret: Secret = field(default=Secret(""), repr=False)
    egress: Egress | None = None  # the proxy that vendors are reached through
    registry: Registry = field(default=PACKAGED, repr=False)  # what it was allowed to name

    @property
    def version(self) -> str:
        """The operator's own name for this policy."""
        return self.file.policy.version

    @property
    def dialects(self) -> Mapping[str, tuple[Dialect, ...]]:
        """Formats of calls, by the kind of destination."""
        return self.registry.dialects

    @property
    def words(self) -> frozenset[str]:
        """What the native names in the tables of its formats are made of; these may be remembered."""
        return self.registry.words

    @cached_property
    def names(self) -> frozenset[str]:
        """Every name the operator wrote: of events, fields, destinations, notices."""
        file = self.file
        notices = [version for versions in file.consent.versions.values() for version in versions.values()]
        notices.append(self.notices.version)
        return frozenset((*self.routes, *file.events, *self.destinations, *self.catalogue.by_name, *notices))

    @property
    def prefix(self) -> str:
        """Where the gate's endpoints are, such as `/gk`."""
        return self.file.server.prefix

    @property
    def audit_folder(self) -> Path:
        """Where the log is written."""
        return self.folder / self.file.audit.path

    @property
    def node_folder(self) -> Path:
        """Where the processes of this machine find each other, with a store on a server."""
        return self.audit_folder.with_name(f"{self.audit_folder.name}.node")

    @property
    def database_file(self) -> Path:
        """The file of the embedded store."""
        return self.folder / self.storage_url.removeprefix("sqlite:///")

    @property
    def storage_url(self) -> str:
        """Where the outbox and the ledger are."""
        url = self.file.storage.url
        return url if isinstance(url, str) else self.storage_secret.value

    @property
    def listen_url(self) -> str | None:
        """The server of a pooler."""
        url = self.file.storage.listen_url
        return url if url is None or isinstance(url, str) else self.listen_secret.value

    @property
    def database_path(self) -> Path | None:
        """The operator's own location database; `None` for the bundled one."""
        path = self.file.jurisdiction.database
        return None if path is None else self.folder / path

    @property
    def keys_folder(self) -> Path:
        """Where the keys are."""
        return self.folder / self.file.keys.path

    def suspicious(self, address: str) -> bool:
        """Whether an address is on one of the policy's lists of relays, VPNs and exits."""
        return any(address in ranges for ranges in self.anonymisers)

    def destinations_for(self, event: str) -> tuple[Destination, ...]:
        """The destinations an event is routed to."""
        found = self.routes.get(event)
        if found is not None:
            return found
        return self.errors_to if event == ERROR_EVENT else self.others_to
