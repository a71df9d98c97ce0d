"""Policies that were in force, by their hash: what a decision was made by can be looked up long after.

One JSON file for each under `policies/` beside the log, written once, with the law table's version. It holds what the
hash is over and no secret: where one stood, the name of an environment variable stands.
"""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import orjson

from gatekeeper._version import __version__
from gatekeeper.errors import AuditError, ConfigError
from gatekeeper.jurisdiction.laws import version
from gatekeeper.policy.compiled import Policy
from gatekeeper.policy.load import NOT_MEANING, compiled
from gatekeeper.policy.registry import PACKAGED, Registry
from gatekeeper.vendors.settings import secret_keys

FOLDER: Final = "policies"
SECRET: Final = {"env": "GATEKEEPER_NOT_ARCHIVED"}
_HASH: Final = re.compile(r"[0-9a-f]{64}")


def folder(policy: Policy) -> Path:
    """Where they are: beside the log."""
    return policy.audit_folder.parent / FOLDER


def find(policy: Policy, digest: str) -> Path | None:
    """The file of a policy that was in force, by its hash."""
    path = folder(policy) / f"{digest}.json"
    return path if _HASH.fullmatch(digest) and path.exists() else None


def keep(policy: Policy) -> Path:
    """Write a policy down, durably, if it is not there. Raises AuditError.

    Processes that start at once may all write it: the content is the same, and a name is taken whole or not at all.
    """
    path = folder(policy) / f"{policy.hash}.json"
    try:
        if not path.exists():
            path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
            with os.fdopen(handle, "wb") as file:
                file.write(written(policy))
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
            directory = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)
    except OSError as error:
        raise AuditError(f"{path}: the policy cannot be kept ({error.strerror})") from None
    return path


def written(policy: Policy) -> bytes:
    """The content of the archive file."""
    record = {
        "gatekeeper": __version__,
        "version": policy.version,
        "hash": policy.hash,
        "laws": version(),
        "policy": without_secrets(policy),
    }
    return orjson.dumps(record, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"


def without_secrets(policy: Policy) -> dict[str, Any]:
    """What the policy says, as its file gave it, but for secrets, test cases and who may post."""
    said = policy.file.model_dump(mode="json", exclude=NOT_MEANING)
    for name, table in said["destinations"].items():
        for key in secret_keys(type(policy.file.destinations[name])):
            if table[key] is not None:
                table[key] = SECRET
        if "headers" in table:
            table["headers"] = dict.fromkeys(table["headers"], SECRET)
    return said


def load(path: Path, registry: Registry = PACKAGED) -> tuple[Policy, str]:
    """A policy that was kept, and the version of the law table of then. Raises ConfigError if it cannot be read.

    `registry` is that of a policy of today (`Policy.registry`), where the old one names what was brought from outside.
    It can decide and explain; it has no secrets, and does not read the files that the old one named.
    """
    try:
        record = orjson.loads(path.read_bytes())
        raw, digest, laws = record["policy"], record["hash"], record["laws"]
        raw["jurisdiction"] |= {"anonymisers": [], "database": None}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"{path}: is not a policy that was kept ({type(error).__name__})") from None
    made = compiled(raw, registry, environ={}, require_secrets=False, kept=True)
    return replace(made, hash=digest, path=path), laws
