"""`[destinations.<name>]`, compiled: its kind's defaults, and what the policy says instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from gatekeeper.fields import Catalogue
from gatekeeper.jurisdiction.codes import GROUPS
from gatekeeper.jurisdiction.laws import LawTable
from gatekeeper.model import Purpose
from gatekeeper.policy.compiled import ERROR_EVENT
from gatekeeper.policy.faults import Faults
from gatekeeper.policy.registry import Registry
from gatekeeper.policy.secrets import Secrets
from gatekeeper.policy.units import seconds
from gatekeeper.scrub import DEFAULT_PARAMS
from gatekeeper.vendors import http_json
from gatekeeper.vendors.hosts import Class, known, tracking
from gatekeeper.vendors.kind import Destination, Kind, Secret
from gatekeeper.vendors.settings import ERASURE_SECRETS, Common, secret_keys
from gatekeeper.vendors.spelling import plain_host

# The basis of a purpose that is not the kind's own: necessary processing is a legitimate interest (GDPR article
# 6(1)(f)), everything else has asked.
_BASIS: Final = {
    Purpose.NECESSARY: "legitimate_interest",
    Purpose.ANALYTICS: "consent",
    Purpose.MARKETING: "consent",
}


@dataclass(frozen=True, slots=True)
class Destinations:
    """Compiles the tables of one policy."""

    registry: Registry
    catalogue: Catalogue
    laws: LawTable
    secrets: Secrets
    faults: Faults

    def compiled(self, name: str, table: Common) -> Destination:
        """One destination of the policy, compiled."""
        where, catalogue = f"destinations.{name}", self.catalogue
        module = self.registry.kinds[table.kind]  # type: ignore[attr-defined]  # every kind has its own Literal
        kind = table.adapt(module.KIND)
        purpose = self._purpose(where, kind, table)
        if table.on_opt_out == "contextual" and not kind.accepts_contextual:
            self.faults.append(
                f'{where}.on_opt_out: "contextual" does not work for {kind.name}: '
                "without identifiers its vendor refuses the event; use block"
            )
        fields = self._fields(where, kind, purpose, table)
        settings, secrets = self._settings(where, table)
        if isinstance(table, http_json.Settings):
            settings["rename"] = self._renamed(where, table.rename, fields)
        self._check_product(where, settings)
        erasure = self._erasure(where, table, secrets)
        return Destination(
            name=name,
            kind=kind,
            purpose=purpose,
            legal_basis=table.legal_basis or (kind.legal_basis if purpose is kind.purpose else _BASIS[purpose]),
            fields=fields,
            causes={
                key: "not_needed" if purpose in row.purposes else "purpose"
                for key, row in catalogue.by_key.items()
                if key not in fields
            },
            contextual=frozenset(key for key, row in catalogue.by_key.items() if row.contextual),
            endpoint=(table.endpoint or kind.endpoint or "").rstrip("/"),
            settings=settings,
            secrets=secrets,
            events=None if table.events is None else frozenset(table.events),
            regions=None if table.regions is None else self._regions(where, table.regions),
            on_opt_out=table.on_opt_out,
            statistics_only=self._statistics_only(where, kind, table),
            vendor_id=(kind.vendor_id if table.vendor_id is None else table.vendor_id) or None,
            tcf_purposes=_tcf_purposes(kind, table),
            expires=None if table.expires is None else seconds(table.expires),
            url_params=DEFAULT_PARAMS | frozenset(table.url_params),
            erasure=erasure,
            erasure_endpoint=None if table.erasure_endpoint is None else table.erasure_endpoint.rstrip("/"),
            module=module,
        )

    def _purpose(self, where: str, kind: Kind, table: Common) -> Purpose:
        purpose = table.purpose or kind.purpose
        if purpose is None:
            self.faults.append(f"{where}.purpose: missing; say what it is for: necessary, analytics or marketing")
            return Purpose.MARKETING
        if purpose not in kind.allowed_purposes:
            allowed = " or ".join(p for p in Purpose if p in kind.allowed_purposes)
            self.faults.append(f'{where}.purpose: "{purpose}" is not a purpose {kind.name} can have; use {allowed}')
        elif purpose is Purpose.NECESSARY:
            self._check_necessary(where, kind, table)
        return purpose

    def _check_necessary(self, where: str, kind: Kind, table: Common) -> None:
        """A tracking host serves no necessary purpose; an error monitor does for error events."""
        parts = urlsplit(table.endpoint or kind.endpoint or "")
        host = plain_host(parts.hostname or "")
        # An error monitor's endpoint is a base: its protocol appends the path.
        rows = known(host) if kind.errors_only else tracking(host, parts.path)
        if kind.errors_only or (table.events is not None and set(table.events) <= {ERROR_EVENT}):
            rows = tuple(row for row in rows if row.sort is not Class.ERRORS)
        if rows:
            self.faults.append(
                f'{where}.purpose: "necessary" is not a purpose that {host} can serve: it is a tracking host '
                f"({rows[0].vendor}); use analytics or marketing"
                + (', or events = ["error"]' if rows[0].sort is Class.ERRORS else "")
            )

    def _statistics_only(self, where: str, kind: Kind, table: Common) -> bool:
        if table.statistics_only and not kind.measures_audience:
            self.faults.append(
                f"{where}.statistics_only: {kind.name} is not the operator's own measurement; use first_party"
            )
        return table.statistics_only

    def _fields(self, where: str, kind: Kind, purpose: Purpose, table: Common) -> frozenset[str]:
        catalogue = self.catalogue
        if table.fields is None:
            # A kind's defaults, as far as a replaced purpose covers them.
            return frozenset(key for key in kind.fields if purpose in catalogue.by_key[key].purposes)
        keys = set()
        for name in table.fields:
            row = catalogue.by_name.get(name)
            if row is None:
                self.faults.unknown(
                    f"{where}.fields", name, "in the catalogue", catalogue.by_name, f"define it as [fields.{name}]"
                )
            elif purpose not in row.purposes:
                covers = ", ".join(sorted(row.purposes))
                self.faults.append(
                    f'{where}.fields: "{name}" is covered by {covers}, not by the purpose "{purpose}"; remove it'
                )
            elif kind.places is not None and row.key not in kind.places:
                self.faults.append(f'{where}.fields: {kind.name} has no place for "{name}"; remove it')
            else:
                keys.add(row.key)
        return frozenset(keys)

    def _renamed(self, where: str, rename: Mapping[str, str], fields: frozenset[str]) -> dict[str, str]:
        """New names by canonical key; the envelope's names can be renamed too."""
        names = {name: name for name in http_json.ENVELOPE} | {n: row.key for n, row in self.catalogue.by_name.items()}
        for name in rename.keys() - names.keys():
            self.faults.unknown(f"{where}.rename", name, "in the catalogue", names, "remove it")
        renamed = {names[name]: new for name, new in rename.items() if name in names}
        for new in set(renamed.values()) & (fields - renamed.keys()):
            self.faults.append(f'{where}.rename: "{new}" is a field that is sent under that name; choose another')
        return renamed

    def _settings(self, where: str, table: Common) -> tuple[dict[str, Any], dict[str, Secret]]:
        settings: dict[str, Any] = {}
        secrets: dict[str, Secret] = {}
        secret = secret_keys(type(table))
        for key in type(table).model_fields.keys() - Common.model_fields.keys() - {"kind"}:
            value = getattr(table, key)
            if key in secret and value is None:
                continue  # a secret that this way of sending does without
            if key in secret:
                secrets[key] = self.secrets.read(f"{where}.{key}", value)
            elif key == "headers":
                for header, text in value.items():
                    secrets[f"headers.{header}"] = self.secrets.read(f"{where}.headers.{header}", text)
            else:
                settings[key] = value
        return settings, secrets

    def _erasure(self, where: str, table: Common, secrets: dict[str, Secret]) -> dict[str, Any]:
        """The plain values of `erasure`; its secrets are put beside the others."""
        given = {key: value for key, value in dict(table.erasure).items() if value not in (None, [])}
        for key in ERASURE_SECRETS:
            if key in given:
                read = self.secrets.bearer if key == "secret" and table.erasure_endpoint else self.secrets.read
                secrets[f"erasure.{key}"] = read(f"{where}.erasure.{key}", given.pop(key))
        return given

    def _check_product(self, where: str, settings: Mapping[str, Any]) -> None:
        """The product that a `first_party` destination is must be one that a format of calls is known of."""
        speaks, products = settings.get("speaks"), self.registry.products
        if speaks is not None and speaks not in products:
            *most, last = (f"'{name}'" for name in products)
            self.faults.append(f"{where}.speaks: {speaks!r} is not known; use {', '.join(most)} or {last}")

    def _regions(self, where: str, regions: list[str]) -> frozenset[str]:
        places = frozenset().union(*(GROUPS.get(name, {name}) for name in regions))
        with self.faults.collecting():
            self.laws.check_places(f"{where}.regions", sorted(places))
        return places


def _tcf_purposes(kind: Kind, table: Common) -> tuple[int, ...]:
    """The purposes that the vendor needs consent for: the policy's, else the kind's if the vendor is the kind's."""
    if table.tcf_purposes is not None:
        return tuple(table.tcf_purposes)
    return kind.tcf_purposes if table.vendor_id in (None, kind.vendor_id) else ()
