"""Reading a policy. File in, `Policy` out; every fault is one sentence that names key, value and remedy.

Each part of the file is compiled in a file of its own: `catalogue`, `destinations`, `routes`, `consent`, `notices`,
`places`, `hosts`, `stores`, `secrets`.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import orjson
from pydantic import ValidationError

from gatekeeper.errors import ConfigError, unreadable
from gatekeeper.model import Purpose
from gatekeeper.policy import (
    anchors,
    archives,
    cases,
    catalogue,
    consent,
    egress,
    hosts,
    lines,
    notices,
    places,
    routes,
    stores,
    trial,
)
from gatekeeper.policy.compiled import Policy
from gatekeeper.policy.destinations import Destinations
from gatekeeper.policy.faults import Faults, parts, placed
from gatekeeper.policy.file import PolicyFile, model
from gatekeeper.policy.messages import sentences
from gatekeeper.policy.registry import PACKAGED, Registry, registry
from gatekeeper.policy.secrets import Secrets
from gatekeeper.policy.sound import Sound
from gatekeeper.policy.units import KEPT
from gatekeeper.signals.cookies import Reader
from gatekeeper.vendors.dialect import Dialect
from gatekeeper.vendors.kind import DestinationModule
from gatekeeper.vendors.settings import secret_keys

DEFAULT_PATH = "gatekeeper.toml"


def load_policy(
    source: str | Path | Policy = DEFAULT_PATH,
    *,
    environ: Mapping[str, str] | None = None,
    require_secrets: bool = True,
    kinds: Iterable[DestinationModule] = (),
    readers: Iterable[Reader] = (),
    dialects: Iterable[Dialect] = (),
) -> Policy:
    """Read and compile a policy file; a loaded `Policy` is returned unchanged.

    Secrets are taken from `environ`. With `require_secrets` false a missing one is left empty, which is
    enough to check or explain but not to send. `kinds`, `readers` and `dialects` are the kinds of destinations, cookie
    formats and formats of calls that you bring (docs/extend.md). Raises ConfigError with one sentence per fault.
    """
    own = registry(kinds, readers, dialects)
    if isinstance(source, Policy):
        if own is not PACKAGED:
            raise ConfigError("kinds, readers, dialects: the policy has been loaded; pass them to load_policy")
        return source
    return read_policy(Path(source), own, environ=environ, require_secrets=require_secrets)


def parse_policy(
    raw: Mapping[str, Any],
    *,
    path: Path | None = None,
    environ: Mapping[str, str] | None = None,
    require_secrets: bool = True,
    kinds: Iterable[DestinationModule] = (),
    readers: Iterable[Reader] = (),
    dialects: Iterable[Dialect] = (),
) -> Policy:
    """Compile a policy that was read already; see `load_policy`."""
    own = registry(kinds, readers, dialects)
    return compiled(raw, own, path=path, environ=environ, require_secrets=require_secrets)


def read_policy(
    path: Path, known: Registry, *, environ: Mapping[str, str] | None = None, require_secrets: bool = True
) -> Policy:
    """Read and compile a policy file, where what it may name is `known`. Raises ConfigError."""
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file; `gatekeeper init` writes one") from None
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(path, error) from None
    return policy_of_text(text, known, path=path, name=path, environ=environ, require_secrets=require_secrets)


def policy_of_text(
    text: str,
    known: Registry,
    *,
    path: Path | None,
    name: Path,
    environ: Mapping[str, str] | None = None,
    require_secrets: bool = True,
) -> Policy:
    """Compile the text of a policy file that stands, or would stand, at `path`; faults call it `name`.

    Raises ConfigError.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{name}: is not TOML: {error}") from None
    try:
        return compiled(raw, known, path=path, environ=environ, require_secrets=require_secrets)
    except ConfigError as error:
        raise ConfigError(*_with_lines(error.problems, name, lines.lines(text))) from None


def _with_lines(problems: Iterable[str], path: Path, found: Mapping[str, int]) -> Iterator[str]:
    """The faults in the order of the file, each with the file and its line."""
    numbered = [(lines.line_of(parts(problem).key, found), problem) for problem in problems]
    for line, problem in sorted(numbered, key=lambda one: one[0] or 0):
        yield placed(problem, path, line)


def compiled(
    raw: Mapping[str, Any],
    known: Registry,
    *,
    path: Path | None = None,
    environ: Mapping[str, str] | None = None,
    require_secrets: bool = True,
    kept: bool = False,
) -> Policy:
    """A policy out of its tables. `kept`: they are ones that `policy/archive.py` wrote. Raises ConfigError."""
    shape = model(known.kinds)
    try:
        file = shape.model_validate(raw, context={KEPT: kept})
    except ValidationError as error:
        told, sound = sentences(error, known.kinds, raw), Sound(raw, shape, error, known.kinds)
        if sound.file is not None:
            found = Faults()
            with suppress(ConfigError):  # what only compiling finds is told in the same run
                _compiled(sound.file, known, path, environ, require_secrets, found)
            told += [fault for fault in found if not sound.follows(fault)]
        raise ConfigError(*told) from None
    return _compiled(file, known, path, environ, require_secrets, Faults())


def _compiled(
    file: PolicyFile,
    known: Registry,
    path: Path | None,
    environ: Mapping[str, str] | None,
    require_secrets: bool,
    faults: Faults,
) -> Policy:
    secrets = Secrets(trial.environ() if environ is None else environ, require_secrets, faults)
    fields, laws = catalogue.catalogue(file, faults), places.laws(file.jurisdiction, faults)
    one = Destinations(known, fields, laws, secrets, faults)
    destinations = {name: one.compiled(name, table) for name, table in file.destinations.items()}
    way = routes.routes(file, destinations, faults)
    cases.check(file.tests, fields, laws, destinations, faults)
    hosts.check_listening(file.server, faults)
    hosts.check_bodies(file.server, file.limits, faults)
    hosts.check_allowed(file.outbound, destinations, faults)
    folder = (path.parent if path else Path()).absolute()
    store = stores.url(file.storage.url, secrets, faults)
    archives.check(file.audit, store.value, faults)
    if path is not None:
        anchors.check(file.audit.anchors, folder, faults)
    policy = Policy(
        file=trial.kept(file),
        path=path,
        hash=_hash(file),
        folder=folder,
        catalogue=fields,
        laws=laws,
        destinations=destinations,
        routes=way.named,
        errors_to=way.errors,
        others_to=way.others,
        event_purposes={
            name: frozenset({Purpose.NECESSARY, *table.purposes})
            for name, table in file.events.items()
            if table.purposes is not None
        },
        notices=notices.notices(file, destinations, faults),
        readers=consent.readers(file.consent, destinations, known.readers, faults),
        trust=places.trust(file.server, faults),
        anonymisers=places.anonymisers(file.jurisdiction, folder, faults),
        api_keys=tuple(secrets.bearer(f"server.api_keys.{n}", key) for n, key in enumerate(file.server.api_keys)),
        admin_token=(metrics := secrets.admin_token(file.server.admin_token)),
        admins=secrets.admins(file.server.admins, metrics),
        origins=hosts.origins(file.server.origins, faults),
        registry=known,
        storage_secret=store,
        listen_secret=stores.listen_url(file.storage.listen_url, secrets, faults),
        egress=egress.egress(file.delivery.proxy, file.delivery.no_proxy, secrets, faults),
    )
    if faults:
        raise ConfigError(*faults)
    return policy


# What changes nothing of a decision, or is a secret: it is in no hash and in no archive.
NOT_MEANING: Final[Mapping[str, Any]] = {
    "tests": True,
    "records": True,
    "rights": True,
    "destinations": {"__all__": {"records", "erasure", "erasure_endpoint"}},
    "server": {"api_keys", "admin_token", "admins"},
    "delivery": {"proxy", "no_proxy"},
    "storage": {"listen_url", "copies", "replicated_by"},
    "audit": {"archive", "archive_references", "archive_endpoint", "archive_every"},
}


def _hash(file: PolicyFile) -> str:
    meaning = file.model_dump(mode="json", exclude=NOT_MEANING)
    for name, table in meaning["destinations"].items():
        for key in secret_keys(type(file.destinations[name])):
            del table[key]
        if "headers" in table:
            table["headers"] = sorted(table["headers"])
    return hashlib.sha256(orjson.dumps(meaning, option=orjson.OPT_SORT_KEYS)).hexdigest()
