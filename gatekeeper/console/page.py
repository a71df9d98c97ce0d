"""What a page of the console is: its row, what it is given, and what it gives back. Nouns.

A page's function runs in a thread, after the session, the scope, the form's token and the `admin` line. It raises
EventError (status and words), ConfigError (what was asked cannot be done), AuditError or StorageError: the shell makes
a page of each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from gatekeeper.policy import Policy
from gatekeeper.rights.erasures import Erasures
from gatekeeper.rights.office import Office
from gatekeeper.storage.protocols import Store

HTML: Final = "text/html; charset=utf-8"


class Desk(NamedTuple):
    """What a page works with. `office` records and does; `problems` and `notes` are those of `readyz`."""

    office: Office
    erasures: Erasures
    problems: Callable[[], Sequence[str]] = list
    notes: Callable[[], Sequence[str]] = list
    metrics: Callable[[], bytes] = bytes  # Prometheus' text of this machine

    @property
    def policy(self) -> Policy:
        """The policy in force."""
        return self.office.policy

    @property
    def store(self) -> Store:
        """The store of all nodes."""
        return self.office.store

    @property
    def now(self) -> float:
        """The time of this look, in seconds since 1970."""
        return self.office.clock()


class Upload(NamedTuple):
    """A file of a form."""

    name: str
    data: bytes


class Asked(NamedTuple):
    """A request for a page: the variable parts of its path, its query, the fields and files of its form."""

    parts: tuple[str, ...] = ()
    query: Mapping[str, str] = {}
    form: Mapping[str, str] = {}
    files: Mapping[str, Upload] = {}
    may: frozenset[str] = frozenset()  # the scopes of who asks: a page hides what they may not do


class Later(NamedTuple):
    """The part of a page that asks the log, or whatever else can take longer: a template, and what finds its values.

    It stands where the page's template has `waits(…)`. The values may have a `status` for the page: it counts if the
    part was there before the page was sent.
    """

    template: str
    values: Callable[[], Mapping[str, Any]]


class Shown(NamedTuple):
    """A page to be rendered: a template of `templates/`, its values, and the part that may come later."""

    template: str
    values: Mapping[str, Any]
    title: str
    status: int = 200
    later: Later | None = None


class Moved(NamedTuple):
    """On to another page of the console, behind `<prefix>/admin/`; where a form's act leads."""

    path: str


class File(NamedTuple):
    """Bytes to be saved, or data for a script; `name` is its name on the disk of who looks."""

    data: bytes
    media: str
    name: str | None = None


Answer = Shown | Moved | File


class Page(NamedTuple):
    """One row of the console. `path` is behind `<prefix>/admin/`, `{}` for a variable part.

    `query` are the parameters that a GET may have: closed vocabularies and times, never an identifier. `nav` is the
    word in the navigation, for pages that stand there.
    """

    method: str  # GET or POST
    path: str
    may: str
    do: Callable[[Desk, Asked], Answer]
    nav: str | None = None
    query: tuple[str, ...] = ()

    @property
    def action(self) -> str:
        """What the `admin` line calls it."""
        return f"console/{self.path}" if self.method == "GET" else f"{self.method} console/{self.path}"


class Stream(NamedTuple):
    """Events for a page that is open: `events` is asked every `every` seconds for what is new, `None` for nothing."""

    path: str
    may: str
    open: Callable[[Desk], Callable[[], str | None]]  # a follower: called again and again, each time for one event
    every: float = 1.0  # seconds

    @property
    def action(self) -> str:
        """What the `admin` line calls it."""
        return f"console/{self.path}"
