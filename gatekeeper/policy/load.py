"""Reading a policy. File in, `Policy` out; every fault is one sentence that names key, value and remedy."""

from __future__ import annotations

import difflib
import hashlib
import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
from pydantic import ValidationError

from gatekeeper.errors import ConfigError
from gatekeeper.fields import CATALOGUE, IDENTIFIERS, TYPES, Catalogue, Field, phone
from gatekeeper.fields import accept as values
from gatekeeper.jurisdiction.address import Trust, parse_trust
from gatekeeper.jurisdiction.laws import LawTable, packaged
from gatekeeper.jurisdiction.networks import Ranges, parse_list
from gatekeeper.model import Purpose
from gatekeeper.policy import platforms
from gatekeeper.policy.compiled import ERROR_EVENT, Policy
from gatekeeper.policy.file import FieldTable, PolicyFile
from gatekeeper.policy.messages import sentences
from gatekeeper.policy.strength import is_strong
from gatekeeper.policy.units import KEPT, seconds
from gatekeeper.scrub import DEFAULT_PARAMS
from gatekeeper.signals import CookieReaders, Readers, flags
from gatekeeper.signals.tcf import PURPOSES
from gatekeeper.vendors import KINDS, http_json
from gatekeeper.vendors.hosts import KNOWN, Class, known, tracking
from gatekeeper.vendors.kind import Destination, Kind, Secret
from gatekeeper.vendors.settings import Common, SecretRef
from gatekeeper.vendors.spelling import plain_host

DEFAULT_PATH = "gatekeeper.toml"


def load_policy(
    source: str | Path | Policy = DEFAULT_PATH,
    *,
    environ: Mapping[str, str] | None = None,
    require_secrets: bool = True,
) -> Policy:
    """Read and compile a policy file (a loaded `Policy` is returned as it is).

    Secrets are taken from `environ`. With `require_secrets` false a missing one is left empty, which is
    enough to check or explain but not to send. Raises ConfigError with one sentence per fault.
    """
    if isinstance(source, Policy):
        return source
    path = Path(source)
    try:
        raw = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file; `gatekeeper init` writes one") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({type(error).__name__})") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: is not TOML: {error}") from None
    return parse_policy(raw, path=path, environ=environ, require_secrets=require_secrets)


def parse_policy(
    raw: Mapping[str, Any],
    *,
    path: Path | None = None,
    environ: Mapping[str, str] | None = None,
    require_secrets: bool = True,
    kept: bool = False,
) -> Policy:
    """Compile a policy that was read already; see `load_policy`. `kept`: it is one that `policy/archive.py` wrote."""
    try:
        file = PolicyFile.model_validate(raw, context={KEPT: kept})
    except ValidationError as error:
        raise ConfigError(*sentences(error)) from None
    return _Compiler(file, path, os.environ if environ is None else environ, require_secrets).compile()


class _Compiler:
    """One compilation: collects every fault before it raises."""

    def __init__(self, file: PolicyFile, path: Path | None, environ: Mapping[str, str], require_secrets: bool) -> None:
        self.file = file
        self.path = path
        self.environ = environ
        self.require_secrets = require_secrets
        self.faults: list[str] = []

    def compile(self) -> Policy:
        file = self.file
        catalogue = self._catalogue()
        self.laws = self._laws()
        destinations = {name: self._destination(name, table, catalogue) for name, table in file.destinations.items()}
        self._check_routes(destinations)
        self._check_listening()
        self._check_allowed(destinations)
        folder = (self.path.parent if self.path else Path()).absolute()
        policy = Policy(
            file=file,
            path=self.path,
            hash=self._hash(),
            folder=folder,
            catalogue=catalogue,
            laws=self.laws,
            destinations=destinations,
            routes=self._routes(destinations),
            errors_to=tuple(to for to in destinations.values() if to.kind.errors_only and _takes(to, ERROR_EVENT)),
            others_to=tuple(
                to
                for to in destinations.values()
                if not (to.kind.errors_only or to.kind.calls_only) and to.events is None
            ),
            event_purposes={
                name: frozenset({Purpose.NECESSARY, *table.purposes})
                for name, table in file.events.items()
                if table.purposes is not None
            },
            readers=self._readers(destinations),
            trust=self._trust(),
            anonymisers=self._anonymisers(folder),
            api_keys=tuple(self._bearer(f"server.api_keys.{n}", key) for n, key in enumerate(file.server.api_keys)),
            admin_token=self._admin_token(),
            origins=frozenset(self._origins()),
        )
        if self.faults:
            raise ConfigError(*self.faults)
        return policy

    def _hash(self) -> str:
        meaning = self.file.model_dump(mode="json", exclude={"tests": True, "server": {"api_keys", "admin_token"}})
        for table in meaning["destinations"].values():
            for key in SECRETS & table.keys():
                del table[key]
            if "headers" in table:
                table["headers"] = sorted(table["headers"])
        return hashlib.sha256(orjson.dumps(meaning, option=orjson.OPT_SORT_KEYS)).hexdigest()

    def _readers(self, destinations: Mapping[str, Destination]) -> Readers:
        table = self.file.consent
        maps, services, faults = platforms.compiled(table.model_extra or {}, self.file.destinations)
        self.faults += faults
        usual = platforms.usual_services({name: to.kind.name for name, to in destinations.items()})
        own = {name: maps.pop(name) for name in list(maps) if name in flags.READERS}
        purposes = {
            Purpose.ANALYTICS: table.tcf.analytics if table.tcf.analytics is not None else PURPOSES[Purpose.ANALYTICS],
            Purpose.MARKETING: table.tcf.marketing if table.tcf.marketing is not None else PURPOSES[Purpose.MARKETING],
        }
        if "shopify" in own:  # both a cookie and a flag
            maps["shopify"] = own["shopify"]
        try:
            cookies = CookieReaders(
                table.cookies,
                maps,
                versions=table.versions,
                names=table.names,
                tcf=purposes,
                services=services,
                usual_services=usual,
            )
        except ConfigError as error:
            self.faults += error.problems
            cookies = CookieReaders()
        return Readers(cookies, categories=own, dnt_denies=table.dnt, table=purposes)

    def _catalogue(self) -> Catalogue:
        region = self.file.policy.phone_region
        if region is not None and region not in phone.regions():
            self.faults.append(f'policy.phone_region: "{region}" is not a country; use an ISO 3166 code such as DE')
        currency = self.file.policy.currency
        if currency is not None and currency not in values.CURRENCIES:
            self.faults.append(f'policy.currency: "{currency}" is not a currency; use an ISO 4217 code such as EUR')
        return CATALOGUE.extended(
            [self._field(name, table) for name, table in self.file.fields.items()],
            region,
            frozenset(self.file.policy.secret_paths),
        )

    def _field(self, name: str, table: FieldTable) -> Field:
        if name in CATALOGUE.by_name:
            self.faults.append(f"fields.{name}: is in the catalogue already; choose another name")
        if table.type not in TYPES or table.type in ("items", "personal"):
            kinds = ", ".join(kind for kind in TYPES if kind not in ("items", "personal"))
            self.faults.append(f'fields.{name}.type: "{table.type}" is not a type; use one of {kinds}')
        if table.identifies is not None and table.identifies not in IDENTIFIERS:
            kinds = ", ".join(IDENTIFIERS)
            self.faults.append(f'fields.{name}.identifies: "{table.identifies}" is no kind of id; use one of {kinds}')
        if table.format is not None and not _is_pattern(table.format):
            self.faults.append(f'fields.{name}.format: "{table.format}" is not a regular expression')
            table = table.model_copy(update={"format": None})
        transform = {"url": "url", "text": "scrub", "texts": "scrub", "id": "refuse_personal"}.get(table.type, "none")
        columns = table.model_dump() | {"purposes": frozenset(table.purposes), "transform": transform}
        return Field(name=name, **columns)

    def _destination(self, name: str, table: Common, catalogue: Catalogue) -> Destination:
        where = f"destinations.{name}"
        kind = table.adapt(KINDS[table.kind].KIND)  # type: ignore[attr-defined]  # every kind has its own Literal
        purpose = self._purpose(where, kind, table)
        if table.on_opt_out == "contextual" and not kind.accepts_contextual:
            self.faults.append(
                f'{where}.on_opt_out: "contextual" does not work for {kind.name}: '
                "without identifiers its vendor refuses the event; use block"
            )
        fields = self._fields(where, kind, purpose, table, catalogue)
        settings, secrets = self._settings(where, table)
        if isinstance(table, http_json.Settings):
            settings["rename"] = self._renamed(where, table.rename, fields, catalogue)
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

    def _fields(self, where: str, kind: Kind, purpose: Purpose, table: Common, catalogue: Catalogue) -> frozenset[str]:
        if table.fields is None:
            # A kind's defaults, as far as a replaced purpose covers them.
            return frozenset(key for key in kind.fields if purpose in catalogue.by_key[key].purposes)
        keys = set()
        for name in table.fields:
            row = catalogue.by_name.get(name)
            if row is None:
                near = difflib.get_close_matches(name, catalogue.by_name, 1)
                hint = f'did you mean "{near[0]}"?' if near else f"define it as [fields.{name}]"
                self.faults.append(f'{where}.fields: "{name}" is not in the catalogue; {hint}')
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

    def _renamed(
        self, where: str, rename: Mapping[str, str], fields: frozenset[str], catalogue: Catalogue
    ) -> dict[str, str]:
        """New names by canonical key; the envelope's names can be renamed too."""
        names = {name: name for name in http_json.ENVELOPE} | {n: row.key for n, row in catalogue.by_name.items()}
        for name in rename.keys() - names.keys():
            near = difflib.get_close_matches(name, names, 1)
            hint = f'did you mean "{near[0]}"?' if near else "remove it"
            self.faults.append(f'{where}.rename: "{name}" is not in the catalogue; {hint}')
        renamed = {names[name]: new for name, new in rename.items() if name in names}
        for new in set(renamed.values()) & (fields - renamed.keys()):
            self.faults.append(f'{where}.rename: "{new}" is a field that is sent under that name; choose another')
        return renamed

    def _settings(self, where: str, table: Common) -> tuple[dict[str, Any], dict[str, Secret]]:
        settings: dict[str, Any] = {}
        secrets: dict[str, Secret] = {}
        for key in type(table).model_fields.keys() - Common.model_fields.keys() - {"kind"}:
            value = getattr(table, key)
            if key in SECRETS and value is None:
                continue  # a secret that this way of sending does without
            if key in SECRETS:
                secrets[key] = self._secret(f"{where}.{key}", value)
            elif key == "headers":
                for header, text in value.items():
                    secrets[f"headers.{header}"] = self._secret(f"{where}.headers.{header}", text)
            else:
                settings[key] = value
        return settings, secrets

    def _admin_token(self) -> Secret | None:
        value = self.file.server.admin_token
        if isinstance(value, str):
            self.faults.append('server.admin_token: is written in clear; use { env = "NAME" }')
        return None if value is None else self._bearer("server.admin_token", value)

    def _bearer(self, where: str, value: SecretRef | str) -> Secret:
        """A secret that opens the gate by itself."""
        found = self._secret(where, value)
        if found.value and not is_strong(found.value):
            self.faults.append(
                f"{where}: can be guessed: it has less than 128 bits; make one with `openssl rand -hex 32`"
            )
        return found

    def _secret(self, where: str, value: SecretRef | str) -> Secret:
        if isinstance(value, str):
            if not value.strip():
                self.faults.append(f'{where}: is empty; write {{ env = "NAME" }}, or remove it')
            return Secret(value)
        found = self.environ.get(value.env, "")
        if not found and self.require_secrets:
            self.faults.append(f"{where}: the environment variable {value.env} is not set; set it before starting")
        return Secret(found)

    def _laws(self) -> LawTable:
        table = self.file.jurisdiction
        laws = packaged()
        with self._collecting():
            laws = laws.replaced(table.laws) if table.laws else laws
        with self._collecting():
            laws.check_ids("jurisdiction.always", table.always)
        if table.default is not None:
            with self._collecting():
                laws.check_ids("jurisdiction.default", [table.default])
        return laws

    @contextmanager
    def _collecting(self) -> Iterator[None]:
        """Keep a stage's own ConfigError with the others, so that all are told at once."""
        try:
            yield
        except ConfigError as error:
            self.faults += error.problems

    def _trust(self) -> Trust:
        table = self.file.server
        trust = Trust(Ranges())
        with self._collecting():
            trust = parse_trust(
                table.trusted_proxies,
                header=table.client_header,
                country=table.country_header,
                region=table.region_header,
            )
        return trust

    def _anonymisers(self, folder: Path) -> tuple[Ranges, ...]:
        found = []
        for name in self.file.jurisdiction.anonymisers:
            key = f"jurisdiction.anonymisers: {name}"
            try:
                found.append(parse_list(key, (folder / name).read_text("utf-8")))
            except (OSError, UnicodeDecodeError) as error:
                self.faults.append(f"{key}: cannot be read ({type(error).__name__}); fetch the list or remove it")
            except ConfigError as error:
                self.faults += error.problems
        return tuple(found)

    def _regions(self, where: str, regions: list[str]) -> frozenset[str]:
        with self._collecting():
            self.laws.check_places(f"{where}.regions", regions)
        return frozenset(regions)

    def _origins(self) -> Iterable[str]:
        for origin in self.file.server.origins:
            scheme, separator, host = origin.partition("://")
            if scheme not in ("http", "https") or not separator or not host or "/" in host or "*" in host:
                self.faults.append(f'server.origins: "{origin}" is not an origin; write https://shop.example')
            yield origin

    def _check_listening(self) -> None:
        table = self.file.server
        if table.app_upstream is not None and urlsplit(table.app_upstream).path not in ("", "/"):
            self.faults.append(
                f'server.app_upstream: "{table.app_upstream}" is not an origin; write http://127.0.0.1:8000'
            )
        for host in table.hosts:
            if not re.fullmatch(r"[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\]", host):
                self.faults.append(f'server.hosts: "{host}" is not a host name; write shop.example, without a port')

    def _check_routes(self, destinations: Mapping[str, Destination]) -> None:
        for event, table in self.file.events.items():
            for name in table.destinations or ():
                if name not in destinations:
                    near = difflib.get_close_matches(name, destinations, 1)
                    hint = f'did you mean "{near[0]}"?' if near else f"there is no [destinations.{name}]"
                    self.faults.append(f'events.{event}.destinations: "{name}" is not a destination; {hint}')
                elif destinations[name].kind.calls_only:
                    self.faults.append(
                        f'events.{event}.destinations: "{name}" takes calls only (kind '
                        f"{destinations[name].kind.name}), not events; remove it"
                    )

    def _check_allowed(self, destinations: Mapping[str, Destination]) -> None:
        for host in self.file.outbound.allow:
            rows = known(host)
            mine = [to.name for to in destinations.values() if any(row.kind == to.kind.name for row in rows)]
            if not rows and self.file.outbound.unknown != "allow":  # a host that the operator knows of
                if not re.fullmatch(r"\.?[a-z0-9_-]+(\.[a-z0-9_-]+)*", host):
                    self.faults.append(
                        f'outbound.allow: "{host}" is not a host name; write shop.example, in small letters'
                    )
                continue
            if host != plain_host(host) or not rows:
                exact = [name for name in KNOWN if not (name.startswith(".") or name.endswith(".*"))]
                near = difflib.get_close_matches(host.lower(), exact, 1)
                hint = f'did you mean "{near[0]}"?' if near else "remove it: other hosts are not touched"
                self.faults.append(f'outbound.allow: "{host}" is not a known tracking host; {hint}')
            elif mine:
                self.faults.append(
                    f'outbound.allow: "{host}" takes calls of destinations.{mine[0]}, which are filtered; '
                    "remove it, or the destination"
                )

    def _routes(self, destinations: Mapping[str, Destination]) -> dict[str, tuple[Destination, ...]]:
        named = set(self.file.events)
        destinations = {name: to for name, to in destinations.items() if not to.kind.calls_only}
        for to in destinations.values():
            named |= to.events or frozenset()
        routes = {}
        for event in named:
            table = self.file.events.get(event)
            chosen = None if table is None else table.destinations
            if chosen is not None:
                found = [to for to in destinations.values() if to.name in chosen and _takes(to, event)]
            else:
                found = [
                    to
                    for to in destinations.values()
                    if (event in to.events if to.events is not None else to.kind.errors_only == (event == ERROR_EVENT))
                ]
            routes[event] = tuple(found)
        return routes


# The basis of a purpose that is not the kind's own: necessary processing is a legitimate interest (GDPR article
# 6(1)(f)), everything else has asked.
def _tcf_purposes(kind: Kind, table: Common) -> tuple[int, ...]:
    """The purposes that the vendor needs consent for: the policy's, else the kind's if the vendor is the kind's."""
    if table.tcf_purposes is not None:
        return tuple(table.tcf_purposes)
    return kind.tcf_purposes if table.vendor_id in (None, kind.vendor_id) else ()


_BASIS = {
    Purpose.NECESSARY: "legitimate_interest",
    Purpose.ANALYTICS: "consent",
    Purpose.MARKETING: "consent",
}
SECRETS = frozenset({"api_secret", "access_token", "developer_token", "api_key"})


def _is_pattern(text: str) -> bool:
    try:
        re.compile(text)
    except re.error:
        return False
    return True


def _takes(to: Destination, event: str) -> bool:
    return to.events is None or event in to.events
