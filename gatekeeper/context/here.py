"""Where code is running: in which gate and for which visitor. One object per request, shared by all copies of it.

A context variable is copied into every task, timer and thread that is begun in a request, and nothing takes the copies
back. So the variable holds a `Here`, and the end of the request is written on that: every copy sees it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar, Token
from dataclasses import replace as changed
from typing import Any
from weakref import WeakKeyDictionary

from msgspec import Struct, structs

from gatekeeper.context import places
from gatekeeper.gate import Gate
from gatekeeper.model import Caller, Visitor
from gatekeeper.signals.context import fault, passed_on
from gatekeeper.signals.context import write as write_token


class Here(Struct, eq=False):
    """Where code is running: in which gate, and for which request, carried token or named visitor.

    `ask` says what the gate may believe of the request, `carried` is the token of a visitor of another request, `root`
    the path that the app is mounted below, without a slash at its end. One of these is made for every request of the
    host app, and most are never asked anything.
    """

    gate: Gate
    ask: Callable[[], Caller] | None = None
    visitor: Visitor | None = None
    told: dict[str, Any] | None = None  # what the host app knows of the visitor
    carried: str | None = None
    ended: bool = False
    root: str = ""
    outer: Here | None = None  # where the code was before; while a kept visitor is entered
    _caller: Caller | None = None

    def __repr__(self) -> str:
        """Nothing of the request."""
        return "Here()"

    def end(self) -> None:
        """Speak for no visitor from now on, in every copy of the context, and hold nothing of the request."""
        self.ended = True
        self.ask = self.visitor = self.told = self.carried = self._caller = None

    def caller(self) -> Caller:
        """What is known of the visitor, read when it is first asked for; an unknown visitor after the end.

        A carried visitor is read again each time: the token expires, and its consent may be withdrawn meanwhile.
        """
        if self.ended:
            places.warn(places.ENDED)
            return Caller(relayed=True)
        caller, told = self._known(), self.told
        if not told:
            return caller
        residence, age_band = told.get("residence"), told.get("age_band")
        account = told.get("account", ())
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

    def _known(self) -> Caller:
        caller, ask, carried = self._caller, self.ask, self.carried
        if carried is not None:
            visitor = self.gate.visitor(carried, self.gate.clock())
            wrong = fault(visitor)
            if wrong is not None:
                places.warn(places.CARRIED, wrong)
            return Caller(visitor=visitor, relayed=True)
        if caller is None:
            # What this process sends is the app's: a batch of its SDKs may carry the marks of other visitors.
            caller = structs.replace(Caller(visitor=self.visitor) if ask is None else ask(), relayed=True)
            if not self.ended:
                self._caller = caller
        return caller

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
_followed: WeakKeyDictionary[Gate, Gate] = WeakKeyDictionary()  # gates whose policy was read again -> the next one


def install(gate: Gate) -> None:
    """Make a gate known to code that runs outside any request."""
    _installed.append(gate)


def uninstall(gate: Gate) -> None:
    """Forget a gate again, if it is known."""
    if gate in _installed:
        _installed.remove(gate)


def replace(old: Gate, new: Gate) -> None:
    """Make a gate known in the place of another, if that one is: the policy was read again."""
    _followed[old] = new
    _installed[:] = [new if gate is old else gate for gate in _installed]


def in_force(gate: Gate) -> Gate:
    """The gate that took the place of one whose policy was read again; else the same."""
    while (following := _followed.get(gate)) is not None:
        gate = following
    return gate


def present() -> Here | None:
    """The context of the request being served, or of a carried visitor; `None` outside, and after its end."""
    here = current.get()
    if here is not None and here.ended:
        places.warn(places.ENDED)
        return None
    return here


def working() -> Here | None:
    """For whom this code works: the present visitor, else an unknown one; `None` where no gate runs.

    After the end of a request that is an unknown visitor of its gate, outside any one of this process's newest gate.
    """
    here = current.get()
    if here is not None:
        return Here(in_force(here.gate), ended=True) if here.ended else here
    return Here(_installed[-1]) if _installed else None


def newest() -> Gate | None:
    """The gate for a visitor who comes from elsewhere: the present context's, else this process's newest."""
    here = working()
    return None if here is None else in_force(here.gate)


def outside() -> Here | None:
    """For whom the code around a gate works: as before; never for a visitor whose request has ended."""
    here = current.get()
    return None if here is None or here.ended else here


def leave(mark: Token[Here | None]) -> None:
    """Set the context as it was; in a coroutine that the server closes from another context there is nothing to set."""
    try:  # noqa: SIM105  # fast: a request comes here three times, and `suppress` takes ten times as long
        current.reset(mark)
    except ValueError:
        pass
