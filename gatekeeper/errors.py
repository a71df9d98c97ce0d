"""The errors Gatekeeper raises, sorted by who must act.

    GatekeeperError
    ├── ConfigError      the operator: the policy, a key, a secret or a path is wrong
    ├── EventError       the sender: what was posted is not an event
    ├── RightsError      the operator: what was asked of a person's data is not possible, or not now
    ├── DeliveryError    for now only the gate: a vendor could not be reached; retried
    ├── StorageError     the operator, now: the outbox cannot be written, so no event is accepted
    └── AuditError       the operator, now: the audit log cannot be written, so nothing is sent

A refusal is never an error: blocked tracking is a `Decision` with a reason.
"""

from __future__ import annotations

__all__ = [
    "AuditError",
    "ConfigError",
    "DeliveryError",
    "EventError",
    "GatekeeperError",
    "RightsError",
    "StorageError",
    "missing",
    "unreadable",
    "unwritable",
]


class GatekeeperError(Exception):
    """Anything this package raises on purpose."""


class ConfigError(GatekeeperError):
    """A policy, key folder or secret that cannot be used.

    `problems` holds one finished sentence per fault, each naming the key, the value and the remedy.
    """

    def __init__(self, *problems: str) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


class EventError(GatekeeperError):
    """A request body that is not a valid event: `status` is the HTTP status, `field` the path of the wrong part."""

    def __init__(self, status: int, title: str, *, field: str | None = None, detail: str | None = None) -> None:
        self.status = status
        self.title = title
        self.field = field
        self.detail = detail
        super().__init__(title if field is None else f"{field}: {title}")


class RightsError(GatekeeperError):
    """A request about a person's data that cannot be done: `status` is the HTTP answer, `field` what is wrong with it.

    403 where the token does not permit it, 404 for what is not there, 409 in a wrong state,
    422 for what cannot be understood.
    """

    def __init__(self, status: int, title: str, *, field: str | None = None) -> None:
        self.status = status
        self.title = title
        self.field = field
        super().__init__(title if field is None else f"{field}: {title}")


class DeliveryError(GatekeeperError):
    """A request that got no answer from its vendor (connect, timeout, broken response)."""


class AuditError(GatekeeperError):
    """The audit log could not be written, so nothing may be sent."""


class StorageError(GatekeeperError):
    """The outbox could not be read or written; nothing of the caller's request was kept."""


def unreadable(path: object, error: Exception) -> ConfigError:
    """The error of a file that cannot be read, in words: what is wrong with `path`, and what to do about it."""
    match error:
        case FileNotFoundError():
            return ConfigError(f"{path}: there is no such file; name one that exists")
        case IsADirectoryError():
            return ConfigError(f"{path}: is a folder; name a file")
        case UnicodeDecodeError():
            return ConfigError(f"{path}: is not text in UTF-8; save it in that encoding")
    return ConfigError(f"{path}: cannot be read ({_words(error)})")


def unwritable(path: object, error: OSError) -> ConfigError:
    """The error of a file that cannot be written, in words."""
    match error:
        case FileNotFoundError() | NotADirectoryError():
            return ConfigError(f"{path}: its folder does not exist; make it first, or name another file")
        case IsADirectoryError():
            return ConfigError(f"{path}: is a folder; name a file")
    return ConfigError(f"{path}: cannot be written ({_words(error)})")


def _words(error: Exception) -> str:
    return (getattr(error, "strerror", None) or type(error).__name__).lower()


def missing(what: str, library: str, extra: str) -> ConfigError:
    """The error of something that needs an extra which is not installed: `what` needs `library`."""
    return ConfigError(f'{what}: needs {library}, which is not installed; pip install "gatekeeper-consent[{extra}]"')
