"""The visitor's context: who this code is working for, carried from the shell to wherever an event is tracked.

`track` sends an event from application code in the context of the request being served. `dump` and `load` carry
that context to another process: signed, expiring, as the `Gatekeeper-Context` header or a job's argument.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace as changed
from typing import Any

import orjson
from msgspec import Struct, structs

from gatekeeper.consent.minors import AGE_BANDS
from gatekeeper.errors import ConfigError, EventError, GatekeeperError
from gatekeeper.gate import Gate, incoming
from gatekeeper.model import Caller, Visitor
from gatekeeper.model.choice import Kind
from gatekeeper.signals.context import passed_on
from gatekeeper.signals.context import write as write_token

__all__ = ["dump", "link", "load", "tell", "track"]
_log = logging.getLogger("gatekeeper")


class Here(Struct, eq=False):
    """Where code is running: in which gate, and for which request or which verified visitor.

    `ask` says what the gate may believe of the request. One of these is made for every request of the host app, and
    most are never asked anything.
    """

    gate: Gate
    ask: Callable[[], Caller] | None = None
    visitor: Visitor | None = None
    told: dict[str, Any] | None = None  # what the host app knows of the visitor
    _caller: Caller | None = None

    def __repr__(self) -> str:
        """Nothing of the request."""
        return "Here()"

    def caller(self) -> Caller:
        """What is known of the visitor, read when it is first asked for."""
        caller = self._caller
        if caller is None:
            caller = Caller(visitor=self.visitor) if self.ask is None else self.ask()
            # What this process sends is the app's: a batch of its SDKs may carry the marks of other visitors.
            caller = self._caller = structs.replace(caller, relayed=True)
        if not self.told:
            return caller
        residence, age_band = self.told.get("residence"), self.told.get("age_band")
        account = self.told.get("account", ())
        if caller.visitor is not None:
            known = caller.visitor
            visitor = changed(
                known,
                residence=residence or known.residence,
                age_band=age_band or known.age_band,
                account=account or known.account,
            )
            return structs.replace(caller, visitor=visitor)
        return structs.replace(caller, residence=residence, age_band=age_band, account=account)

    def token(self) -> str:
        """The visitor as a signed token, valid for an hour; one that comes of another token ends with that."""
        caller = self.caller()
        if caller.visitor is not None:
            visitor = passed_on(caller.visitor, self.gate.heard(caller))
        else:
            heard = self.gate.heard(caller)
            place = self.gate.place_of(caller)
            subject = next((signal.subject for signal in heard if signal.subject), None)
            declared = None if place.country is None else (place.country, place.region)
            visitor = Visitor(heard, declared, caller.residence, caller.age_band, subject, account=caller.account)
        return write_token(visitor, at=self.gate.clock(), sign=self.gate.keys.sign)


current: ContextVar[Here | None] = ContextVar("gatekeeper_here", default=None)
_installed: list[Gate] = []  # gates of this process, oldest first: where code without a context tracks to


def install(gate: Gate) -> None:
    """Make a gate known to code that runs outside any request."""
    _installed.append(gate)


def working() -> Here | None:
    """For whom this code works: the current visitor, else nobody in this process's newest gate; `None` without one."""
    return current.get() or (Here(_installed[-1]) if _installed else None)


def replace(old: Gate, new: Gate) -> None:
    """Make a gate known in the place of another, if that one is: the policy was read again."""
    _installed[:] = [new if gate is old else gate for gate in _installed]


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
    """What the host app knows of the visitor being served, for every event of this request.

    `residence` is (country, region) of the account, or of the visitor's own choice: it adds laws, never
    removes one. `age_band` is one of under_13, 13_15, 16_17, adult. Raises GatekeeperError outside a request
    and ConfigError for a band there is not.
    """
    here = current.get()
    if here is None:
        raise GatekeeperError("there is no visitor here: tell() belongs in code that serves a request")
    if age_band is not None and age_band not in AGE_BANDS:
        raise ConfigError(f'age_band: "{age_band}" is not a band; use one of {", ".join(AGE_BANDS)}')
    told = {key: value for key, value in (("residence", residence), ("age_band", age_band)) if value is not None}
    here.told = (here.told or {}) | told


def link(user_id: str | None) -> None:
    """Say which account is logged in on the visitor's device: call it at login, and with `None` at logout.

    What the account chose counts on this device then, and what is chosen here counts for the account (docs/consent.md).
    The rest of this request knows at once; the device is linked by its consent cookie until the next `link`. Raises
    GatekeeperError outside a request, and ConfigError for an empty id.
    """
    here = current.get()
    if here is None:
        raise GatekeeperError("there is no visitor here: link() belongs in code that serves a request")
    if user_id is not None and not str(user_id).strip():
        raise ConfigError("user_id: is empty; give the account's id, or None at logout")
    choosing = here.gate.choosing
    if choosing is None:
        raise GatekeeperError("this gate has no ledger")
    account = None if user_id is None else choosing.subject(Kind.ACCOUNT, str(user_id))
    here.told = (here.told or {}) | {"account": () if account is None else account.names}
    for device in choosing.speaking(here.gate.heard(here.caller()), structs.replace(here.caller(), account=()), None):
        if device.kind is Kind.DEVICE:
            choosing.link(device, account).add_done_callback(_not_linked)


def _not_linked(done: Future[None]) -> None:
    error = done.exception()
    if error is not None:
        _log.error("link(): the account counts for this request only (%s)", type(error).__name__)


def dump() -> str:
    """The current visitor as a signed token, valid for an hour. Raises GatekeeperError outside any context."""
    here = current.get()
    if here is None:
        raise GatekeeperError("there is no visitor here: dump() belongs in code that serves a request")
    return here.token()


@contextmanager
def load(token: str | None = None, *, subject: str | None = None) -> Iterator[None]:
    """Work for another visitor: `with gatekeeper.context.load(token): …`. A bad token denies everything.

    Or for one named by `subject`, as a job that only knows whose order it is: such a visitor said nothing here, is
    nowhere known and stands in the log under that name. Raises GatekeeperError where no gate runs, and ConfigError
    for both or neither.
    """
    if (token is None) == (subject is None):
        raise ConfigError("load(): give a token or a subject, and not both")
    here = current.get()
    gate = here.gate if here else _installed[-1] if _installed else None
    if gate is None:
        raise GatekeeperError(
            "no gate runs in this process: wrap the app in GatekeeperMiddleware, or call gatekeeper.start()"
        )
    visitor = Visitor((), subject=subject) if token is None else gate.visitor(token, gate.clock())
    mark = current.set(Here(gate, visitor=visitor))
    try:
        yield
    finally:
        current.reset(mark)
