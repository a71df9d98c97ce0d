"""What the gate does with an approved request, one state after the other, until it has to wait or is settled.

    approved      write down who is erased, suppress, cancel        -> suppressed
    suppressed    turn, redact, forget                              -> local_erased
    local_erased  find out which recipients to ask for what         -> asked
    asked         ask, look, ask again                              -> settled
    told          after a week                                      -> closed

Every act can be done again: a process that is killed between an act and its version leaves a request that the next
one goes on with. One process at a time is at it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Final

import orjson
from msgspec import structs

from gatekeeper.errors import ConfigError, GatekeeperError, RightsError, StorageError
from gatekeeper.installation.locks import Lock
from gatekeeper.model.suppression import Why
from gatekeeper.policy import Policy, archive
from gatekeeper.rights import asking, local, recorded
from gatekeeper.rights.asking import Send
from gatekeeper.rights.case import Case, Secret
from gatekeeper.rights.erasures import CLOSING, KEPT, Erasures
from gatekeeper.rights.identifiers import entries
from gatekeeper.rights.shown import shown
from gatekeeper.rights.states import Event, State
from gatekeeper.storage.erasing import ErasureRow

LOCK: Final = ".lock"
AGAIN: Final = 60.0  # seconds after something that could not be done
TOGETHER: Final = 100  # persons who are deleted together
UNDER_WAY: Final = "something of the person is under way; it is deleted next time"
_log = logging.getLogger("gatekeeper")
Opened = Callable[[], AbstractAsyncContextManager[Send]]


class Progress:
    """Goes on with requests. `sender` opens the way to vendors, `edge` is told of each point between two acts."""

    def __init__(self, erasures: Erasures, sender: Opened, edge: Callable[[str], None] = lambda name: None) -> None:
        self._erasures = erasures
        self._ports = erasures.ports
        self._sender = sender
        self._edge = edge

    def run(self, erasure: str | None = None) -> list[dict[str, Any]]:
        """Go on with one request, or with all of which something is due; what became of each.

        Persons who are to be deleted at one time are deleted together: the log is read once for all of them.

        Raises RightsError (409) while another process is doing it, and of one request whatever its step raises.
        """
        path = file_of(self._ports.policy())
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        lock = Lock(path.with_name(path.name + LOCK))
        if not lock.take():
            raise RightsError(409, "another process works on requests; try again later")
        try:
            one_only = erasure is not None
            due = self._ports.store.erasures.work(self._ports.clock()) if erasure is None else [erasure]
            due = self._each(due, self._suppress, raising=one_only)
            for n in range(0, len(due), TOGETHER):
                self._erase(due[n : n + TOGETHER], raising=one_only)
            found: list[dict[str, Any]] = []
            self._each(due, lambda one: found.append(self._told(self._go_on(one))), raising=one_only)
            return found
        finally:
            lock.release()

    def expire(self) -> int:
        """Delete requests that ended two years ago, and entries of the index that are over; how many requests."""
        return local.expire(self._ports.store, self._ports.clock() - KEPT)

    def _each(self, erasures: Iterable[str], do: Callable[[str], None], *, raising: bool) -> list[str]:
        """Take a step with each of several requests; those with which it could be taken. The others wait a minute."""
        done = []
        for one in erasures:
            try:
                do(one)
                done.append(one)
            except GatekeeperError as error:
                self._waits(one, error, raising=raising)
        return done

    def _waits(self, erasure: str, error: GatekeeperError, *, raising: bool) -> None:
        """Have a request wait for a minute; or with `raising`, raise what is in its way."""
        if raising:
            raise error
        _log.error("the erasure %s waits: %s", erasure, error)
        with contextlib.suppress(StorageError):
            self._put_off(erasure)

    def _go_on(self, erasure: str) -> Case:
        """One request whose person is deleted here, until it waits."""
        while True:
            kept, case = self._erasures.requests.of(erasure)
            match case.state:
                case State.LOCAL_ERASED:
                    self._begin(kept, case)
                case State.ASKED:
                    return self._ask(kept, case)
                case State.TOLD:
                    return self._close(kept, case)
                case _:
                    return case

    def _suppress(self, erasure: str) -> None:
        kept, case = self._erasures.requests.of(erasure)
        if case.state is not State.APPROVED:
            return
        ports, erasures = self._ports, self._erasures
        policy, ring, now = ports.policy(), ports.ring(), ports.clock()
        secret = erasures.requests.secret(kept)
        who = erasures.requests.who(secret)
        names = frozenset({*secret.names, *who.names})
        ids = _merged(secret.ids, erasures.requests.recalled(who))
        made = entries(ring, who, why=Why.ERASED, since=now, erasure=case.id, linked=secret.linked)
        self._edge("before-recorded")
        recorded.write(file_of(policy), ring, case.id, now, names, made)
        self._edge("recorded")
        local.suppress(ports.store, made, names, self._destinations())
        self._edge("suppressed")
        secret = structs.replace(secret, names=tuple(sorted(names)), ids=ids)
        case = case.after(Event.SUPPRESS, now, suppressed=True)
        erasures.requests.keep(kept, case, secret=secret, next_at=now)

    def _erase(self, erasures: Iterable[str], *, raising: bool) -> None:
        """Delete the persons of those requests that are `suppressed`, together."""
        ports, requests, now = self._ports, self._erasures.requests, self._ports.clock()
        secrets: dict[str, Secret] = {}

        def suppressed(one: str) -> None:
            kept, case = requests.of(one)
            if case.state is State.SUPPRESSED:
                secrets[one] = requests.secret(kept)

        def forgotten(one: str) -> None:
            aliases = requests.aliases(requests.who(secrets[one]))
            ports.store.erasures.forget(aliases).result(local.PATIENCE)
            self._edge("forgotten")

        self._each(erasures, suppressed, raising=raising)
        people = {one: frozenset(secrets[one].names) for one in self._each(secrets, forgotten, raising=raising)}
        if not people:
            return
        try:
            done = local.erase(
                ports.store, ports.folder, ports.writer, people, self._destinations(), at=now, machine=ports.machine
            )
        except GatekeeperError as error:
            for one in people:
                self._waits(one, error, raising=raising)
            return
        self._edge("erased")
        for one in done.late:
            self._waits(one, StorageError(UNDER_WAY), raising=raising)

        def erased(one: str) -> None:
            kept, case = requests.of(one)
            case = case.after(Event.ERASE, now, gone=dict(done.gone[one]))
            requests.keep(kept, case, secret=secrets[one], next_at=now)

        self._each([one for one in people if one not in done.late], erased, raising=raising)

    def _destinations(self) -> list[str]:
        """All that may have something queued, removed ones too."""
        return [*{*self._ports.policy().destinations, *self._ports.store.books.count()}]

    def _begin(self, kept: ErasureRow, case: Case) -> None:
        policy, now = self._ports.policy(), self._ports.clock()
        case = case.after(Event.ASK, now, recipients=asking.recipients(policy, earlier(policy), now))
        case, secret = asking.begun(case, self._erasures.requests.secret(kept), policy, now)
        self._edge("begun")
        self._erasures.requests.progressed(kept, case, secret)

    def _ask(self, kept: ErasureRow, case: Case) -> Case:
        ports, erasures = self._ports, self._erasures
        if kept.sealed is None:
            return case
        secret = erasures.requests.secret(kept)
        if ports.clock() >= erasures.requests.wiping(case):
            case, secret = asking.overdue(case, secret, ports.clock())
            return erasures.requests.progressed(kept, case, secret)[1]
        due = [one.name for one in case.recipients if one.next is not None and one.next <= ports.clock()]
        waiting = [kept]

        def keep(case: Case, secret: Secret) -> tuple[Case, Secret]:
            self._edge("answered")
            waiting[0], case, left = erasures.requests.progressed(waiting[0], case, secret)
            self._edge("kept")
            return case, left or secret.wiped

        async def each() -> Case:
            asked, sealed = case, secret
            async with self._sender() as send:
                for name in due:
                    asked, sealed = await asking.ask(asked, sealed, name, ports.policy(), send, keep, ports.clock)
            return asked

        return asyncio.run(each()) if due else erasures.requests.progressed(kept, case, secret)[1]

    def _close(self, kept: ErasureRow, case: Case) -> Case:
        now = self._ports.clock()
        if now < case.told[-1] + CLOSING or case.states != case.told_as:
            return case
        return self._erasures.requests.keep(kept, case.after(Event.CLOSE, now), secret=None, marks=())

    def _put_off(self, erasure: str) -> None:
        kept = self._ports.store.erasures.get(erasure)
        if kept is not None and kept.next is not None:
            self._ports.store.erasures.save(kept._replace(next=self._ports.clock() + AGAIN)).result(local.PATIENCE)

    def _told(self, case: Case) -> dict[str, Any]:
        return shown(case, self._ports.clock())


def file_of(policy: Policy) -> Path:
    """Where it is written down who was erased."""
    return policy.folder / policy.file.rights.erasures


def earlier(policy: Policy) -> Iterator[tuple[str, str]]:
    """The destinations of every policy that was in force here, by name and kind or product."""
    for path in sorted(archive.folder(policy).glob("*.json")):
        try:
            tables = orjson.loads(path.read_bytes())["policy"]["destinations"]
            for name, table in tables.items():
                yield name, str(table.get("speaks") or table["kind"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise ConfigError(f"{path}: is not a policy that was kept; copy it back, or remove it") from None


def _merged(
    first: dict[str, dict[str, tuple[str, ...]]], second: dict[str, dict[str, tuple[str, ...]]]
) -> dict[str, dict[str, tuple[str, ...]]]:
    made: dict[str, dict[str, tuple[str, ...]]] = {}
    for found in (first, second):
        for name, kinds in found.items():
            for kind, values in kinds.items():
                into = made.setdefault(name, {})
                into[kind] = tuple(dict.fromkeys((*into.get(kind, ()), *values)))
    return made
