"""Taking a request for erasure in: whom it is about, where they are, and by when it must be answered. Keeps nothing.

Operators' words are checked here, too. Methods raise RightsError, and pass on StorageError and AuditError.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import nullcontext
from datetime import UTC, date, datetime
from typing import Any, Final

from gatekeeper.errors import ConfigError, RightsError
from gatekeeper.installation import ids
from gatekeeper.model import Law
from gatekeeper.model.suppression import Why
from gatekeeper.rights import due, proof
from gatekeeper.rights.case import Case, Secret
from gatekeeper.rights.identifiers import Sought, entries, sought, too_broad
from gatekeeper.rights.requests import Ports, Requests
from gatekeeper.rights.search import Found, link_id, search
from gatekeeper.rights.shown import linked
from gatekeeper.rights.states import State
from gatekeeper.vendors.kind import DAY

LONGEST: Final = 4_000  # characters of what operators write


class Taking:
    """What is known of a request when it comes in, and again when it is verified."""

    def __init__(self, ports: Ports, requests: Requests) -> None:
        self._ports = ports
        self._requests = requests

    def person(self, identifiers: Sequence[Mapping[str, str]], verified_by: str | None) -> Sought:
        """Whom it is about; refused where identifiers are not valid, or are too broad and nothing vouches for them."""
        policy = self._ports.policy()
        try:
            pairs = [(str(one["type"]), str(one["value"])) for one in identifiers]
        except (KeyError, TypeError):
            raise RightsError(422, "each is a type and a value", field="identifiers") from None
        try:
            region = policy.catalogue.phone_region
            who = sought(self._ports.ring(), pairs, policy.catalogue.identifying, region)
        except ConfigError as error:
            raise _of_config(error) from None
        if too_broad(who) and verified_by is None:
            raise RightsError(
                422,
                "a client id alone may be several people's; give another identifier, or say how it is known as theirs",
                field="identifiers",
            )
        return who

    def found(self, who: Sought, link: Collection[str] = ()) -> Found:
        """Where they are; `link` are ids of linked identifiers that the operator ticked."""
        try:
            machine = self._ports.machine
            with nullcontext(()) if machine is None else machine.folders() as others:
                return search(self._ports.store, self._ports.folder, who, link, others=others)
        except ConfigError as error:
            raise _of_config(error) from None

    def found_again(self, who: Sought, secret: Secret) -> Found:
        """Where they are by now, by what was ticked as far as it is still beside them."""
        offered = {one.id for one in self.found(who).linked}
        return self.found(who, [one for one in map(link_id, secret.linked) if one in offered])

    def term(self, received: float, law: str | None, laws: Iterable[str]) -> due.Term:
        """By when it must be answered: by `law`, or else by the strictest of `laws`, or of all there are."""
        day = datetime.fromtimestamp(received, UTC).date()
        return due.term(day, self._rows(law, laws, received))

    def begun(
        self,
        who: Sought,
        found: Found,
        term: due.Term,
        *,
        received: float,
        by: str,
        note_code: str | None,
    ) -> tuple[Case, Secret]:
        """The request as it is received, and what is sealed of it; refused where nothing of the person lasts."""
        now = self._ports.clock()
        try:
            entries(self._ports.ring(), who, why=Why.ERASED, since=now, erasure="", linked=found.names - who.names)
        except ConfigError as error:
            raise _of_config(error) from None
        salt = secrets.token_hex(16)
        case = Case(
            id=ids.erasure_id(now),
            state=State.RECEIVED,
            received=received,
            due=term.due.isoformat(),
            law=term.law,
            by=short("by", by),
            laws=tuple(sorted(found.laws)),
            times={State.RECEIVED.value: now},
            confirm_by=None if term.confirm is None else term.confirm.isoformat(),
            appeal_days=term.appeal_days,
            note_code=None if note_code is None else short("note_code", note_code),
            kinds=tuple(sorted(who.kinds)),
            stores=found.stores,
            commitment=proof.commitment(salt, who.given),
        )
        names = tuple(sorted(found.names))
        beside = tuple(sorted(found.names - who.names))
        return case, Secret(salt, given=who.given, names=names, linked=beside, ids=self._requests.recalled(who))

    def _rows(self, law: str | None, laws: Iterable[str], at: float) -> list[Law]:
        table = self._ports.policy().laws
        if law is not None:
            if law not in table.ids:
                raise RightsError(422, "is not the id of a law", field="law")
            return [table.law(law, at)]
        return [table.law(one, at) for one in sorted(laws) if one in table.ids] or [table.strictest]


def day_of(received: date | None, now: float) -> float:
    """When a request was received (Unix seconds): now, or on a day of the last year."""
    at = now if received is None else datetime(received.year, received.month, received.day, tzinfo=UTC).timestamp()
    if not now - 366 * DAY <= at <= now + DAY:
        raise RightsError(422, "is not a day of the last year", field="received")
    return at


def preview(found: Found, term: due.Term) -> dict[str, Any]:
    """What an operator sees of a search before anything is done."""
    return {
        "stores": found.stores, "destinations": found.destinations, "due": term.due.isoformat(), "law": term.law,
        "linked": [linked(one) for one in found.linked],
    }  # fmt: skip


def short(field: str, text: str) -> str:
    """What an operator wrote, on one line."""
    if not text.strip() or len(text) > LONGEST or not text.isprintable():
        raise RightsError(422, "is empty, too long, or more than one line", field=field)
    return text.strip()


def _of_config(error: ConfigError) -> RightsError:
    field, _, title = str(error).partition(": ")
    return RightsError(422, title or field, field=field if title else None)
