"""A choice, from what the visitor said to the ledger: the one way for the HTTP endpoint, the command line and Python.

`planned` is pure: what was asked, where and when in, a `Choice` out. `Choosing` has the ledger do it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Hashable, Mapping, Sequence
from concurrent.futures import Future

from msgspec import structs

from gatekeeper.audit.subjects import hashes
from gatekeeper.errors import StorageError
from gatekeeper.installation.ids import receipt_id
from gatekeeper.installation.ring import KeyRing
from gatekeeper.model import (
    OPTIONAL,
    Caller,
    Choice,
    ConsentModel,
    Notice,
    Permission,
    Place,
    Purpose,
    Recorded,
    Signal,
)
from gatekeeper.model.choice import Kind, Method, Row, Scope, Subject, Surface
from gatekeeper.model.reasons import GPC, WITHDRAWN
from gatekeeper.policy import Policy
from gatekeeper.signals.ledger import UNREADABLE, devices
from gatekeeper.signals.ledger import read as signals_of
from gatekeeper.storage.protocols import Ledger, Look

_SUBJECTS: Mapping[Kind, str] = {Kind.DEVICE: "consent", Kind.ACCOUNT: "user_id"}  # by `audit.subjects.KINDS`
_log = logging.getLogger("gatekeeper")
_HINTS = ("client_id", "session_id")


def planned(
    says: Mapping[Purpose, bool],
    subjects: tuple[Subject, ...],
    place: Place,
    *,
    receipt: str,
    at: float,
    now: float,
    method: Method,
    surface: Surface,
    policy: str,
    scope: Scope = Scope.DEVICE,
    trusted: bool = False,
    notice: str | None = None,
    display: str | None = None,
    issued: float | None = None,
    translated: bool = False,
    gpc: bool = False,
    conflicts: Mapping[Purpose, str] | None = None,
    evidence: str | None = None,
    hints: tuple[str, ...] = (),
    fresh: bool = False,
) -> Choice:
    """A choice as it is recorded. `says` maps the optional purposes that were spoken about to yes or no.

    `at` is when it was made (Unix seconds): believed of a trusted caller, never later than `now`. `conflicts` are those
    with other signals than GPC, which is found here.
    """
    found = dict(conflicts or {})
    if gpc and says.get(Purpose.MARKETING):
        found[Purpose.MARKETING] = "sec-gpc"
    return Choice(
        receipt=receipt,
        at=int(min(at, now) * 1000) / 1000,
        subjects=subjects,
        says={one: Permission.GRANTED if says[one] else Permission.DENIED for one in OPTIONAL if one in says},
        method=method,
        surface=surface,
        scope=scope,
        trusted=trusted,
        notice=notice,
        display=display,
        issued=issued,
        translated=translated,
        laws=tuple([law.id for law in place.laws]),
        country=place.country,
        region=place.region,
        policy=policy,
        gpc=gpc,
        gpc_binds=gpc and binds(place),
        conflicts=found,
        evidence=evidence,
        hints=hints,
        fresh=fresh,
    )


def binds(place: Place) -> bool:
    """Whether GPC is remembered there after it is gone: a law of the place is opt-out for marketing."""
    return any(law.marketing is ConsentModel.OPT_OUT for law in place.laws)


def _not_remembered(done: Future[Recorded]) -> None:
    error = done.exception()
    if error is not None:  # the next event of the visitor tries again
        _log.error("a signal could not be written into the ledger (%s)", type(error).__name__)


class Choosing:
    """The ledger, as one policy's gate uses it."""

    def __init__(self, policy: Policy, keys: KeyRing, ledger: Ledger) -> None:
        self._policy = policy
        self._keys = keys
        self.ledger = ledger

    def speaking(self, heard: Sequence[Signal], caller: Caller, named: Mapping[str, str] | None) -> tuple[Subject, ...]:
        """Whose words in the ledger count for a request: of its device, and of the account that is logged in.

        `named` is the subject that an authenticated caller gives.
        """
        given: list[str | None] = [*devices(heard)]
        account = caller.account
        if caller.visitor is not None:
            given.append(caller.visitor.subject)
            account = caller.visitor.account
        found: list[Subject] = []
        if named is not None and caller.trusted:
            given.append(named.get("consent"))
            if "user_id" in named:
                found.append(self.subject(Kind.ACCOUNT, named["user_id"]))
        if account:
            found.append(Subject(Kind.ACCOUNT, account))
        return (*[self.subject(Kind.DEVICE, one) for one in dict.fromkeys(given) if one], *found)

    def voices(
        self,
        heard: tuple[Signal, ...],
        subjects: tuple[Subject, ...],
        place: Place,
        at: float,
        *,
        silent: bool = False,
    ) -> tuple[tuple[Signal, ...], Hashable | None]:
        """All signals of a request, the ledger's included, and what they were seen by: `None` if not to be remembered.

        GPC of a visitor whom the ledger knows is written down, once, where it is to be remembered; of one who is
        suppressed (`silent`) nothing is.
        """
        try:
            look = self.ledger.choices(subjects)
        except StorageError:
            return (*heard, UNREADABLE), None
        told = [(subject.kind, voice) for subject, voice in zip(look.subjects, look.voices, strict=True)]
        if not silent and any(one.denies_as == GPC for one in heard) and binds(place):
            unknown = [one for one, voice in zip(look.subjects, look.voices, strict=True) if voice.gpc is None]
            if unknown:
                self._remember_gpc(unknown, place, at)
        return signals_of(heard, told), look.seen

    def _remember_gpc(self, subjects: Sequence[Subject], place: Place, at: float) -> None:
        for subject in subjects:
            choice = planned(
                {Purpose.MARKETING: False}, (subject,), place, receipt=receipt_id(at), at=at, now=at,
                method=Method.GPC, surface=Surface.PAGE, policy=self._policy.hash, gpc=True,
            )  # fmt: skip
            self.ledger.record(choice, {}).add_done_callback(_not_remembered)

    def subject(self, kind: Kind, reference: str) -> Subject:
        """A device by its `v_…`, or an account by its user id, as the ledger knows it."""
        return Subject(kind, self._keys.names(_SUBJECTS[kind], reference))

    def subjects(self, *, device: str | None = None, account: str | None = None) -> tuple[Subject, ...]:
        """The device and the account of a visitor, as far as they are known."""
        given = ((Kind.DEVICE, device), (Kind.ACCOUNT, account))
        return tuple([self.subject(kind, reference) for kind, reference in given if reference])

    def hints(self, **given: str | None) -> tuple[str, ...]:
        """Pseudonyms of a `client_id` and a `session_id`: what is queued under them ends with a refusal."""
        return tuple([self._keys.name(kind, value) for kind in _HINTS if (value := given.get(kind))])

    def choices(self, subjects: tuple[Subject, ...]) -> Look:
        """What the ledger says of each. Raises StorageError."""
        return self.ledger.choices(subjects)

    def history(self, subjects: tuple[Subject, ...]) -> list[Row]:
        """All rows of these subjects, the oldest first. Raises StorageError."""
        return self.ledger.history(subjects)

    def record(self, choice: Choice) -> Future[Recorded]:
        """Keep a choice and, where it denies, end what needs that consent; see `Ledger.record`.

        Where it grants, it lifts the erasure of those whose choice it is.
        """
        if choice.grants:
            names = [name for subject in choice.theirs for name in subject.names]
            choice = structs.replace(choice, lifts=tuple(hashes(self._keys, (), names)))
        return self.ledger.record(choice, self._reasons(choice))

    async def take(self, choice: Choice) -> Recorded:
        """The same, for who has an event loop. Raises StorageError: then nothing was recorded.

        `heard` is NOT_YET where a request may still begin: recorded, but not answered with success.
        """
        return await asyncio.shield(asyncio.wrap_future(self.record(choice)))

    def keep(self, notice: Notice) -> Future[None]:
        """Keep the words that are shown."""
        return self.ledger.keep(notice)

    def link(self, device: Subject, account: Subject | None) -> Future[None]:
        """Let a device speak for an account as well, until another link; `None`: it is logged out."""
        return self.ledger.link(device, account)

    def _reasons(self, choice: Choice) -> Mapping[str, str]:
        """Of the destinations that need what is refused, the reason code."""
        denied: Collection[Purpose] = [one for one, word in choice.says.items() if word is Permission.DENIED]
        why = GPC if choice.method is Method.GPC else WITHDRAWN
        return {name: why for name, to in self._policy.destinations.items() if to.purpose in denied}
