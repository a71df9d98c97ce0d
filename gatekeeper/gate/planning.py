"""The order for an event: read → locate → resolve → decide → scrub → shape. A posted event in, its plan out.

Pure but for the look-ups it was given: nothing is written, nothing is sent. A call takes the same stages in `calls`.
"""

from __future__ import annotations

import logging

from msgspec import structs

from gatekeeper.audit import subjects
from gatekeeper.consent.token import held_since
from gatekeeper.gate.deciding import Deciding
from gatekeeper.gate.event import canonical
from gatekeeper.gate.incoming import Posted
from gatekeeper.gate.persons import known_by, left_by, subjects_of
from gatekeeper.gate.settle import failed, unnamed
from gatekeeper.gate.situation import Situations, age_of
from gatekeeper.gate.suppressing import Suppressing, without_person
from gatekeeper.gate.verdicts import Verdicts
from gatekeeper.installation.ring import KeyRing
from gatekeeper.model import Caller, Event, Inputs, Place, Plan, Shaped
from gatekeeper.policy import Policy
from gatekeeper.scrub.fields import Scrubber
from gatekeeper.scrub.meter import Heavy, Meter
from gatekeeper.scrub.taint import declared

_log = logging.getLogger("gatekeeper")


class Planner:
    """Plans events by one policy."""

    def __init__(
        self, policy: Policy, keys: KeyRing, situations: Situations, suppressing: Suppressing, deciding: Deciding
    ) -> None:
        self._policy = policy
        self._keys = keys
        self._situations = situations
        self._suppressing = suppressing
        self._deciding = deciding
        self._remembers = policy.file.rights.remember

    def plan(self, posted: Posted, caller: Caller, *, at: float, request_id: str, meter: Meter) -> Plan:
        """What would happen to an event, decided and shaped; see `Gate.plan`."""
        try:
            return self._plan(posted, caller, at, request_id, meter)
        except Heavy:
            raise
        except Exception as error:  # noqa: BLE001  # fail closed, whatever it is
            # The traceback's locals hold the visitor's data: the class of the error is all that is logged.
            _log.error("the gate failed on an event (%s); it was blocked", type(error).__name__)
            event = Event(posted.name, request_id, at, {})
            place = Place(None, None, "unknown", (self._policy.laws.strictest,))
            blocked = tuple(failed(to) for to in self._policy.destinations_for(posted.name))
            return Plan(request_id, at, event, place, None, blocked, {}, ())

    def _plan(self, posted: Posted, caller: Caller, at: float, request_id: str, meter: Meter) -> Plan:
        policy, keys = self._policy, self._keys
        since = None if posted.held is None or caller.trusted else held_since(posted.held, at=at, verify=keys.verify)
        event = canonical(policy, posted, caller, at=at, request_id=request_id, since=since)
        held = since is not None and event.time != at
        place, consent, hidden = self._situations.of(
            caller, at=at, event_time=at if held else event.time, query=caller.query, claim=posted.consent,
            carried=posted.flags, declared=posted.place, named=posted.subject,
            hidden=self._suppressing.of(caller, event, posted),
        )  # fmt: skip
        if hidden:
            event = without_person(event, policy.catalogue)
        scrubber = Scrubber(policy.catalogue, declared(posted.data.items()), meter)
        event = scrubber.envelope(event, request_id)
        verdicts = Verdicts(event, place, consent, at, scrubber=scrubber, deciding=self._deciding,
                            keys=keys, catalogue=policy.catalogue)  # fmt: skip
        decisions = []
        shaped: dict[str, Shaped] = {}
        refused = event.name != posted.name
        for to in policy.destinations_for(posted.name):
            if refused:
                decisions.append(unnamed(to))
                continue
            try:
                decision, outgoing = verdicts.of(to)
            except Heavy:
                raise
            except Exception as error:  # noqa: BLE001  # fail closed; the other destinations are not harmed
                _log.error("the gate failed on an event for %s (%s); blocked", to.name, type(error).__name__)
                decision, outgoing = failed(to), None
            decisions.append(decision)
            if outgoing is not None:
                shaped[to.name] = outgoing
        left = subjects.identifiers(event.data, policy.catalogue.identifying, [one.sent for one in shaped.values()])
        about = () if hidden else subjects_of(keys, caller, consent, [*left, *verdicts.derived], posted)
        inputs = Inputs("event", age_of(caller), posted.purposes, verdicts.vendors, verdicts.unfit, refused, held)
        made = Plan(request_id, at, event, place, consent, tuple(decisions), shaped, about, inputs)
        if not self._remembers or hidden:
            return made
        identifying = policy.catalogue.identifying
        sent = left_by(event, shaped, verdicts.derived_for, identifying)
        return structs.replace(made, left=sent, known=known_by(event, consent, identifying))
