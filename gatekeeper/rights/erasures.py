"""Requests for erasure: what operators do with them. The commands and the admin interface call the same methods.

`states.py` says what can follow what, `requests.py` keeps it. What the gate itself goes on with is in `progress.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

from msgspec import structs

from gatekeeper.audit.signing import Signer
from gatekeeper.audit.subjects import hashes
from gatekeeper.errors import RightsError
from gatekeeper.rights import due, proof, words
from gatekeeper.rights.case import Case, read
from gatekeeper.rights.identifiers import Sought
from gatekeeper.rights.requests import PATIENCE, Ports, Requests, time_of
from gatekeeper.rights.sealing import mark
from gatekeeper.rights.shown import shown
from gatekeeper.rights.states import BY_HAND, DUPLICATE, REFUSALS, Event, Part, State, may
from gatekeeper.rights.taking import Taking, day_of, preview, short
from gatekeeper.vendors import deletion_of
from gatekeeper.vendors.deletion import NOT_POSSIBLE
from gatekeeper.vendors.deletion.tasks import TASKS, Task
from gatekeeper.vendors.kind import DAY

KEPT: Final = 24 * 30.4 * DAY  # seconds that ended requests are kept (11 CCR 7101: 24 months)
CLOSING: Final = 7 * DAY  # seconds between the last telling and the end


class Erasures:
    """All requests of an installation. Methods raise RightsError, and pass on StorageError and AuditError."""

    def __init__(self, ports: Ports) -> None:
        self.ports = ports
        self.requests = Requests(ports)
        self._taking = Taking(ports, self.requests)

    def request(
        self,
        identifiers: Sequence[Mapping[str, str]],
        *,
        by: str,
        link: Collection[str] = (),
        law: str | None = None,
        verified_by: str | None = None,
        received: date | None = None,
        note_code: str | None = None,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Take a request in and search every store; with `dry_run` only say what there is.

        `link` are the linked identifiers that the operator ticked as this person's, `verified_by` how
        the person's identity was verified. Without it the request waits in `received` and nothing can approve it.
        """
        ring, now = self.ports.ring(), self.ports.clock()
        who = self._taking.person(identifiers, verified_by)
        found = self._taking.found(who, link)
        at = day_of(received, now)
        term = self._taking.term(at, law, found.laws)
        seen = preview(found, term)
        if dry_run:
            return seen | {"state": "dry_run"}
        case, secret = self._taking.begun(who, found, term, received=at, by=by, note_code=note_code)
        marks = [one for kind, reference in who.references for one in mark(ring, kind, reference)]
        duplicate = next(iter(self._open_twins(marks, verified_by)), None)
        if duplicate is not None:
            case = case.after(Event.REFUSE, now, refusal=DUPLICATE, duplicate_of=duplicate)
        elif verified_by is not None:
            case = case.after(Event.VERIFY, now, verified_by=short("verified_by", verified_by)).after(Event.FIND, now)
        self.requests.write(case)
        kept = self.requests.row(case, None if duplicate else secret, 0, tuple(marks) if duplicate is None else ())
        if not self.ports.store.erasures.add(kept).result(PATIENCE):
            raise RightsError(409, "there is a request of this id")
        return self._told(case) | seen

    def verify(self, erasure: str, *, by: str, how: str) -> dict[str, Any]:
        """Record how the person's identity was verified; then search every store again."""
        kept, case = self.requests.of(erasure)
        self._may(case, Event.VERIFY)
        now, secret = self.ports.clock(), self.requests.secret(kept)
        case = case.after(Event.VERIFY, now, verified_by=short("how", how))
        found = self._taking.found_again(self.requests.who(secret), secret)
        secret = structs.replace(secret, names=tuple(sorted({*secret.names, *found.names})))
        case = case.after(Event.FIND, now, stores=found.stores, laws=tuple(sorted({*case.laws, *found.laws})))
        return self._told(self.requests.keep(kept, case, secret=secret))

    def approve(self, erasure: str, *, by: str) -> dict[str, Any]:
        """Let it be carried out; not by who entered it, where the policy wants four eyes."""
        kept, case = self.requests.of(erasure)
        self._may(case, Event.APPROVE)
        if self.ports.policy().file.rights.four_eyes and case.by == by:
            raise RightsError(403, "who entered a request cannot approve it (rights.four_eyes)")
        self.requests.secret(kept)  # where it cannot be opened, nothing can be carried out
        case = case.after(Event.APPROVE, self.ports.clock(), approved_by=short("by", by))
        return self._told(self.requests.keep(kept, case, next_at=self.ports.clock()))

    def refuse(self, erasure: str, *, by: str, reason: str) -> dict[str, Any]:
        """Do not carry it out, for one of the reasons that laws know."""
        kept, case = self.requests.of(erasure)
        if reason not in REFUSALS or reason == DUPLICATE:
            known = ", ".join(sorted(set(REFUSALS) - {DUPLICATE}))
            raise RightsError(422, f'"{reason}" is not a reason; use one of {known}', field="reason")
        self._may(case, Event.REFUSE)
        case = case.after(Event.REFUSE, self.ports.clock(), refusal=reason, approved_by=short("by", by))
        return self._told(self.requests.keep(kept, case, secret=None, marks=()))

    def extend(self, erasure: str, *, by: str, reason: str) -> dict[str, Any]:
        """Take the law's longer term, with the reason that the person is told before the first one ends."""
        kept, case = self.requests.of(erasure)
        now = self.ports.clock()
        if case.state in (State.CLOSED, State.REFUSED, State.TOLD, State.SETTLED) or case.extended is not None:
            raise RightsError(409, f"is {case.state}: its term cannot be extended")
        term = self._taking.term(case.received, None, {case.law, *case.laws})
        if term.extended is None:
            raise RightsError(409, f"{case.law or 'the law'} allows no longer term")
        if proof.day(now) > case.due:
            raise RightsError(409, f"the term ended on {case.due}: the person had to be told before")
        case = structs.replace(case, extended=short("reason", reason), extended_to=term.extended.isoformat())
        return self._told(self.requests.keep(kept, case))

    def settle(
        self,
        erasure: str,
        destination: str,
        *,
        by: str,
        state: str,
        evidence: str | None = None,
        reason: str | None = None,
    ) -> dict[str, Any]:
        """What an operator knows of a recipient: `confirmed` and others with evidence, `not_possible` with a reason."""
        kept, case = self.requests.of(erasure)
        if case.state not in (State.ASKED, State.SETTLED, State.TOLD):
            raise RightsError(409, f"is {case.state}: no recipient was asked, or it is over")
        one = case.recipient(destination)
        if one is None:
            raise RightsError(404, f"{erasure} has no destination of that name")
        if state not in {part.value for part in Part}:
            raise RightsError(422, "is not a state of a destination", field="state")
        part = Part(state)
        if part not in BY_HAND.get(one.state, ()):
            raise RightsError(
                409, f"{destination} is {one.state} in a request that is {case.state}; it cannot be {state}"
            )
        if part is Part.NOT_POSSIBLE and reason not in NOT_POSSIBLE:
            raise RightsError(422, f"use one of {', '.join(NOT_POSSIBLE)}", field="reason")
        if part is not Part.NOT_POSSIBLE and not (evidence or "").strip():
            raise RightsError(422, "is missing; name a ticket or a letter", field="evidence")
        now = self.ports.clock()
        changed = structs.replace(
            one, state=part, since=now, next=None, by=short("by", by), why=None,
            reason=reason if part is Part.NOT_POSSIBLE else None,
            evidence=None if evidence is None else short("evidence", evidence),
        )  # fmt: skip
        secret = self.requests.secret(kept) if kept.sealed is not None else None
        if secret is not None:
            secret = structs.replace(secret, steps={k: v for k, v in secret.steps.items() if k != destination})
        return self._told(self.requests.progressed(kept, case.with_recipient(changed), secret)[1])

    def told(self, erasure: str, *, by: str) -> dict[str, Any]:
        """Write down that the person was told what `letter` says; again where something changed since."""
        kept, case = self.requests.of(erasure)
        early = date.fromisoformat(case.extended_to or case.due).toordinal() - due.EARLY
        now = self.ports.clock()
        today = datetime.fromtimestamp(now, UTC).date().toordinal()
        if not may(case.state, Event.TELL) or (case.state is State.ASKED and today < early):
            raise RightsError(
                409,
                f"is {case.state}: the person is told when every recipient is settled, or {due.EARLY} days before the "
                "end",
            )
        case = case.after(Event.TELL, now, told=(*case.told, now), told_as=case.states)
        next_at = now + CLOSING if case.state is State.TOLD else kept.next
        return self._told(self.requests.keep(kept, case, next_at=next_at))

    def show(self, erasure: str) -> dict[str, Any]:
        """Everything but who it is."""
        return self._told(self.requests.of(erasure)[1])

    def all(self, state: str | None = None, due_before: date | None = None) -> list[dict[str, Any]]:
        """All requests, those that are due first at the beginning."""
        if state is not None and state not in {one.value for one in State}:
            raise RightsError(422, "is not a state of a request", field="state")
        before = None if due_before is None else time_of(due_before)
        return [self._told(read(one)) for one in self.ports.store.erasures.page(state, before)]

    def of_person(self, who: Sought) -> list[dict[str, Any]]:
        """The requests of a person: open ones, and those after which they are suppressed.

        Of others that are over, such as refused ones, nothing is left that leads from the person to them.
        """
        ports = self.ports
        marks = [one for kind, reference in who.references for one in mark(ports.ring(), kind, reference)]
        entries = ports.store.suppressions.find(hashes(ports.ring(), who.references))
        found = dict.fromkeys([*ports.store.erasures.marked(marks), *sorted({one.erasure for one in entries})])
        kept = [row for one in found if (row := ports.store.erasures.get(one)) is not None]
        return [self._told(read(row)) for row in kept]

    def letter(self, erasure: str) -> str:
        """What the person is told, as it is now."""
        case, policy = self.requests.of(erasure)[1], self.ports.policy()
        companies = {
            name: policy.file.destinations[name].recipient or to.kind.processor or to.kind.title
            for name, to in policy.destinations.items()
        }
        leaves = {name: how.leaves for name, to in policy.destinations.items() if (how := deletion_of(to)) is not None}
        return words.told(case, companies, leaves)

    def task(self, erasure: str, destination: str) -> str:
        """What a person has to do about a recipient, with the text to send. It holds identifiers."""
        kept, case = self.requests.of(erasure)
        one = case.recipient(destination)
        if one is None:
            raise RightsError(404, f"{erasure} has no destination of that name")
        secret = self.requests.secret(kept)
        if not secret.given:
            raise RightsError(409, "its identifiers are wiped")
        to = self.ports.policy().destinations.get(destination)
        company = one.kind if to is None else to.kind.processor or to.kind.title
        given = [*secret.given, *((k, v) for k, found in secret.ids.get(destination, {}).items() for v in found)]
        return words.task(case, one, company, TASKS.get(one.kind, Task()).text, dict.fromkeys(given))

    def receipt(self, erasure: str, *, person: bool = False) -> dict[str, Any]:
        """The signed receipt; the person's own copy has the salt, which is gone once the request is closed."""
        kept, case = self.requests.of(erasure)
        if "settled" not in case.times:
            raise RightsError(409, f"is {case.state}: there is a receipt when every recipient is settled")
        found = proof.signed(proof.receipt(case), Signer(self.ports.policy().keys_folder).keys()[-1])
        if not person:
            return found
        if kept.sealed is None:
            raise RightsError(409, "is closed: the person's own copy can be made no more")
        return found | {"salt": self.requests.secret(kept).salt}

    def _open_twins(self, marks: Collection[bytes], verified_by: str | None) -> list[str]:
        """Open requests of the same person; one that is not verified does not stand in the way of one that is."""
        found = []
        for erasure in self.ports.store.erasures.marked(marks):
            kept = self.ports.store.erasures.get(erasure)
            if kept is not None and (verified_by is None or kept.state != State.RECEIVED):
                found.append(erasure)
        return found

    @staticmethod
    def _may(case: Case, event: Event) -> None:
        if not may(case.state, event):
            raise RightsError(409, f"is {case.state}: that cannot follow")

    def _told(self, case: Case) -> dict[str, Any]:
        """A request as it may be shown."""
        return shown(case, self.ports.clock())
