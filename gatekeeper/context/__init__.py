"""The visitor's context: who this code is working for, carried from the shell to wherever an event is tracked.

`track` sends an event from application code in the context of the request being served. That context ends with its
request. `keep` takes it along in this process, `dump` and `load` to another one: signed, expiring, as the
`Gatekeeper-Context` header or a job's argument.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import orjson

from gatekeeper.consent.minors import AGE_BANDS
from gatekeeper.context import places
from gatekeeper.context.here import (
    Here,
    current,
    in_force,
    install,
    leave,
    newest,
    outside,
    present,
    replace,
    uninstall,
    working,
)
from gatekeeper.errors import ConfigError, EventError, GatekeeperError
from gatekeeper.gate import Gate, incoming
from gatekeeper.model import Visitor
from gatekeeper.model.choice import Kind

__all__ = [
    "Here",
    "Kept",
    "current",
    "dump",
    "in_force",
    "install",
    "keep",
    "leave",
    "link",
    "load",
    "outside",
    "present",
    "replace",
    "stamp",
    "tell",
    "track",
    "uninstall",
    "working",
]
_log = logging.getLogger("gatekeeper")
_NO_VISITOR = "there is no visitor here: {} belongs in code that serves a request"


def track(event: str, /, **data: Any) -> str | None:
    """Send an event in the current visitor's context and return its request id; `data` are canonical fields.

    Outside any context the visitor is unknown and the strictest law applies. Never raises into the host: an
    event that cannot be taken is logged by its fault, without values, and `None` is returned. It is decided
    at once and delivered in the background.
    """
    here = working()
    if here is None:
        _log.error(
            "track(): no gate runs in this process; wrap the app in GatekeeperMiddleware, or call gatekeeper.start()"
        )
        return None
    try:
        posted = incoming.parse(orjson.dumps({"event": event, "data": data}))
        request_ids, _ = here.gate.take(posted, here.caller(), ours=True)
    except (EventError, GatekeeperError) as error:
        _log.error("track() was refused: %s", error)
        return None
    except Exception as error:  # noqa: BLE001  # the host's request must not fail for a tracking call
        _log.error("track() failed (%s)", type(error).__name__)
        return None
    return request_ids[0]


def tell(*, residence: tuple[str, str | None] | None = None, age_band: str | None = None) -> None:
    """State the residence and age band of the visitor being served, for every event of this request.

    `residence` is (country, region) of the account, or of the visitor's own choice: it adds laws, never
    removes one. `age_band` is one of under_13, 13_15, 16_17, adult. Raises GatekeeperError outside a request
    and ConfigError for a band there is not.
    """
    here = _visited("tell()")
    if age_band is not None and age_band not in AGE_BANDS:
        raise ConfigError(f'age_band: "{age_band}" is not a band; use one of {", ".join(AGE_BANDS)}')
    told = {key: value for key, value in (("residence", residence), ("age_band", age_band)) if value is not None}
    here.told = (here.told or {}) | told


def link(user_id: str | None) -> None:
    """Link the visitor's device to the account that logs in; call it with `None` at logout.

    What the account chose counts on this device then, and what is chosen here counts for the account (docs/ledger.md).
    The rest of this request knows at once; the device is linked by its consent cookie until the next `link`. Raises
    GatekeeperError outside a request, and ConfigError for an empty id.
    """
    here = _visited("link()")
    if user_id is not None and not str(user_id).strip():
        raise ConfigError("user_id: is empty; give the account's id, or None at logout")
    choosing = here.gate.choosing
    if choosing is None:
        raise GatekeeperError("this gate has no ledger")
    account = None if user_id is None else choosing.subject(Kind.ACCOUNT, str(user_id))
    caller = here.caller()
    here.told = (here.told or {}) | {"account": () if account is None else account.names}
    for device in choosing.speaking(here.gate.heard(caller), caller, None):
        if device.kind is Kind.DEVICE:
            choosing.link(device, account).add_done_callback(_not_linked)


def _not_linked(done: Future[None]) -> None:
    error = done.exception()
    if error is not None:
        _log.error("link(): the account counts for this request only (%s)", type(error).__name__)


def dump() -> str:
    """The current visitor as a signed token, valid for an hour. Raises GatekeeperError outside any context."""
    return _visited("dump()").token()


def stamp() -> str | None:
    """The same for what carries it along unasked; `None` outside any context. Never raises."""
    here = present()
    if here is None:
        return None
    try:
        return here.token()
    except Exception as error:  # noqa: BLE001  # without it the visitor is unknown, and the app goes on
        _log.error("work could not be marked with its visitor (%s)", type(error).__name__)
        return None


class Kept:
    """A visitor who is kept after the end of the request, for an hour: what `keep` returns.

    Each `with` around what begins the work, or in the work itself, is one of that visitor's; any number of tasks and
    threads may enter it, also at the same time.
    """

    __slots__ = ("_gate", "_token")

    def __init__(self, gate: Gate, token: str) -> None:
        self._gate = gate
        self._token = token

    def __repr__(self) -> str:
        """Nothing of the visitor."""
        return "Kept()"

    def __enter__(self) -> None:
        current.set(Here(in_force(self._gate), carried=self._token, outer=outside()))

    def __exit__(self, *error: object) -> None:
        here = current.get()
        if here is None or here.carried is not self._token:
            return  # closed from another context: there is nothing of ours to leave
        current.set(here.outer)
        here.outer = None  # work that was begun in here holds it, and would hold all that was before


def keep() -> Kept:
    """Keep the current visitor for work that outlives the request: `with gatekeeper.context.keep(): …`.

    Tasks, timers and threads with a copy of the context that are begun in the block speak for the visitor after the
    request, too, as `dump` would let them: for an hour. Raises GatekeeperError outside any context.
    """
    here = _visited("keep()")
    return Kept(here.gate, here.token())


def _visited(function: str) -> Here:
    here = present()
    if here is None:
        raise GatekeeperError(_NO_VISITOR.format(function))
    return here


@contextmanager
def load(token: str | None = None, *, subject: str | None = None) -> Iterator[None]:
    """Work for another visitor: `with gatekeeper.context.load(token): …`. A bad token denies everything.

    Or for one named by `subject`, as a job that only knows whose order it is: such a visitor said nothing here, is
    nowhere known and stands in the log under that name. The visitor's context ends with the block. Raises
    GatekeeperError where no gate runs, and ConfigError for both or neither.
    """
    if (token is None) == (subject is None):
        raise ConfigError("load(): give a token or a subject, and not both")
    gate = newest()
    if gate is None:
        raise GatekeeperError(
            "no gate runs in this process: wrap the app in GatekeeperMiddleware, or call gatekeeper.start()"
        )
    here = Here(gate, carried=token, visitor=None if subject is None else Visitor((), subject=subject))
    mark = current.set(here)
    try:
        yield
    finally:
        here.end()
        try:
            current.reset(mark)
        except ValueError:
            places.warn(places.ELSEWHERE)
