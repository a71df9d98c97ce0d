"""The policy that a command is about, and what is brought to it: `gatekeeper --extend shop_gate:EXTENSIONS check`."""

from __future__ import annotations

import importlib
import sys
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Final, NamedTuple

from gatekeeper import policy
from gatekeeper.errors import ConfigError
from gatekeeper.policy import Extensions, Policy
from gatekeeper.storage.opening import open_store
from gatekeeper.storage.protocols import Opening

_WHAT: Final = ("kinds", "readers", "dialects", "store")


class Brought(NamedTuple):
    """What `--extend` names: the arguments of `load_policy`, and what opens the store."""

    extensions: Extensions
    store: Opening


_NOTHING: Final = Brought(Extensions(), open_store)
_brought: Final = ContextVar("brought", default=_NOTHING)  # for the one command of a process


def load_policy(config: str | Path, *, require_secrets: bool = True) -> Policy:
    """`gatekeeper.load_policy` with what the command line's `--extend` names. Raises ConfigError."""
    return policy.load_policy(config, require_secrets=require_secrets, **extensions())


def extensions() -> Extensions:
    """What `--extend` of the command that runs brings; nothing without one."""
    return _brought.get().extensions


def opening() -> Opening:
    """What opens the store that keeps deliveries: the embedded one unless `--extend` brings another."""
    return _brought.get().store


def bring(name: str | None) -> None:
    """Have `load_policy` take what `module:NAME` brings; nothing for `None`. Raises ConfigError."""
    _brought.set(_NOTHING if name is None else imported(name))


def imported(name: str) -> Brought:
    """What `module:NAME` is: a dict with the arguments of `GatekeeperMiddleware`. Raises ConfigError.

    The module is looked for in the current folder first, then where Python looks for it.
    """
    module, colon, attribute = name.partition(":")
    if not (module and colon and attribute):
        raise ConfigError(f'--extend: "{name}" is not a module and a name; write shop_gate:EXTENSIONS')
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, here)
    try:
        found: Any = getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        raise ConfigError(f"--extend: {error}; name a module of this folder, or an installed one") from None
    except AttributeError:
        raise ConfigError(f"--extend: the module {module} has no {attribute}") from None
    if not isinstance(found, dict) or not found.keys() <= set(_WHAT):
        raise ConfigError(f"--extend: {name} is not a dict with some of {', '.join(_WHAT)}")
    store = found.get("store", open_store)
    if not callable(store):
        raise ConfigError(f"--extend: {name} has a store that is not a function; name one that opens a store")
    given = {key: value for key, value in found.items() if key != "store"}
    return Brought(Extensions(**given), store)  # type: ignore[typeddict-item]  # `policy.registry` checks its values
