"""Asking recipients: who they are, what each is asked, and what its answers make of it. Pure but for `send`.

A recipient's steps are kept sealed and taken one after the other; every answer is kept before the next request. So a
crash asks a vendor twice at most, and forgets no answer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from msgspec import structs

from gatekeeper.errors import DeliveryError
from gatekeeper.model import Answer, Outgoing
from gatekeeper.policy import Policy
from gatekeeper.rights.case import Case, Recipient, Secret
from gatekeeper.rights.states import Part
from gatekeeper.vendors import deletion_of, spoken
from gatekeeper.vendors.deletion import (
    HOUR,
    NEVER_RECEIVED,
    NO_IDENTIFIER,
    NOT_CONFIGURED,
    Ids,
    Impossible,
    Stage,
    Step,
    Told,
    combined,
    configured,
)
from gatekeeper.vendors.deletion.tasks import TASKS, Task
from gatekeeper.vendors.kind import DAY, Destination

GIVE_UP: Final = 30 * DAY  # seconds of refusals after which people have to ask
AT_ONCE: Final = 20  # requests to one recipient in one pass
Send = Callable[[Outgoing], Awaitable[Answer]]
Keep = Callable[[Case, Secret], tuple[Case, Secret]]
_ENDS: Final[Mapping[Stage, Part]] = {
    Stage.ACCEPTED: Part.ACCEPTED, Stage.CONFIRMED: Part.CONFIRMED, Stage.REMOVED: Part.AUDIENCE_REMOVED,
    Stage.NOTHING: Part.NOT_POSSIBLE,
}  # fmt: skip


def recipients(policy: Policy, earlier: Iterable[tuple[str, str]], at: float) -> tuple[Recipient, ...]:
    """Every destination of the policy, and those of earlier policies (name and kind) that it does not have any more."""
    now = [Recipient(to.name, spoken(to), Part.WAITING, at) for to in policy.destinations.values()]
    there = {one.name for one in now}
    gone = {name: kind for name, kind in earlier if name not in there}
    return (*now, *(Recipient(name, kind, Part.WAITING, at, removed=True) for name, kind in sorted(gone.items())))


def begun(case: Case, secret: Secret, policy: Policy, at: float) -> tuple[Case, Secret]:
    """The request with what each recipient is going to be asked, or why it is not."""
    steps = dict(secret.steps)
    for one in case.recipients:
        if one.state is not Part.WAITING:
            continue
        to = policy.destinations.get(one.name)
        found = _first(to, one, case, secret, policy)
        if isinstance(found, Impossible):
            changed = structs.replace(one, state=Part.NOT_POSSIBLE, reason=found.reason, since=at)
        elif not found:
            why = NOT_CONFIGURED if to is not None and deletion_of(to) is not None else None
            changed = structs.replace(one, state=Part.MANUAL, since=at, why=why)
        else:
            steps[one.name] = tuple((step.name, step.data) for step in found)
            changed = structs.replace(one, next=at)
        case = case.with_recipient(changed)
    return case, structs.replace(secret, steps=steps)


def _first(
    to: Destination | None, one: Recipient, case: Case, secret: Secret, policy: Policy
) -> tuple[Step, ...] | Impossible:
    """The first steps; none where people have to ask."""
    if to is None:
        return ()
    if not _identifies(to, policy, secret):
        return Impossible(NO_IDENTIFIER)
    how = deletion_of(to)
    if how is None:
        return TASKS.get(one.kind, Task()).steps(to)
    found = how.forget(ids_of(case, secret, to.name), to)
    if isinstance(found, Impossible):
        return () if found.reason == NOT_CONFIGURED else found
    return found if configured(to, how.needs) else ()


def _identifies(to: Destination, policy: Policy, secret: Secret) -> bool:
    """Whether the destination may have got anything that a person can be found by."""
    identifying = policy.catalogue.identifying
    return to.kind.calls_only or bool(secret.ids.get(to.name)) or any(name in identifying for name in to.fields)


def ids_of(case: Case, secret: Secret, destination: str) -> Ids:
    """What a recipient can be asked by: what was given, and what the index says that it got."""
    values: dict[str, list[str]] = {}
    for kind, value in secret.given:
        values.setdefault(kind, []).append(value)
    for kind, more in secret.ids.get(destination, {}).items():
        values.setdefault(kind, []).extend(more)
    return Ids(case.id, case.law, {kind: tuple(dict.fromkeys(found)) for kind, found in values.items()})


async def ask(
    case: Case, secret: Secret, name: str, policy: Policy, send: Send, keep: Keep, now: Callable[[], float]
) -> tuple[Case, Secret]:
    """Take a recipient's steps until it wants to be waited for, is settled, or refuses."""
    to = policy.destinations.get(name)
    how = None if to is None else deletion_of(to)
    if to is not None and policy.file.rights.callback is not None:
        to = replace(to, erasure={**to.erasure, "callback": policy.file.rights.callback})
    for _ in range(AT_ONCE):
        one, left = case.recipient(name), secret.steps.get(name, ())
        if one is None or not left or one.settled or one.state is Part.MANUAL or (one.next or 0.0) > now():
            break
        if to is None or how is None:  # it left the policy meanwhile
            return keep(case.with_recipient(_by_hand(one, now(), "removed")), _without(secret, name))
        step = Step(*left[0])
        try:
            said = how.forgotten(step, await send(how.ask(step, to, now())))
        except DeliveryError as error:
            said = Told(Stage.AGAIN, wait=HOUR, why=str(error))
        case, secret = keep(*told(case, secret, name, said, assumed_after=how.assumed_after, at=now()))
    return case, secret


def told(
    case: Case, secret: Secret, name: str, said: Told, *, assumed_after: float | None, at: float
) -> tuple[Case, Secret]:
    """The request after an answer to the first of a recipient's steps."""
    one, left = case.recipient(name), secret.steps.get(name, ())
    if one is None:
        raise LookupError(name)
    asked = structs.replace(one, asked=one.asked or at, reference=said.reference or one.reference, why=said.why)
    if said.stage in (Stage.AGAIN, Stage.REFUSED):
        since = one.failing or at
        if at - since >= GIVE_UP:
            return case.with_recipient(_by_hand(asked, at, said.why)), _without(secret, name)
        state = Part.FAILED if said.stage is Stage.REFUSED else one.state
        failing = structs.replace(
            asked, asked=one.asked, state=state, since=_since(one, state, at), failing=since, next=at + said.wait
        )
        return case.with_recipient(failing), secret
    rest = left[1:]
    ends = secret.ends.get(name, ())
    if said.stage is Stage.PENDING:
        rest = (*((step.name, step.data) for step in said.steps), *rest)
    else:
        ends = (*ends, said.stage.value)
    asked = structs.replace(asked, failing=None)
    if rest:
        state = Part.ASKED
        changed = structs.replace(asked, state=state, since=_since(one, state, at), next=at + said.wait)
        secret = structs.replace(secret, steps={**secret.steps, name: rest}, ends={**secret.ends, name: ends})
        return case.with_recipient(changed), secret
    end = combined([Stage(stage) for stage in ends])
    changed = structs.replace(
        asked,
        state=_ENDS[end],
        since=at,
        next=None,
        reason=NEVER_RECEIVED if end is Stage.NOTHING else None,
        assumed_by=at + assumed_after if end is Stage.ACCEPTED and assumed_after is not None else None,
    )
    return case.with_recipient(changed), _without(secret, name)


def overdue(case: Case, secret: Secret, at: float) -> tuple[Case, Secret]:
    """End the machine's part when the identifiers have to go: what is not settled is a task for people."""
    for one in case.recipients:
        if not one.settled and one.state is not Part.MANUAL:
            case = case.with_recipient(_by_hand(one, at, one.why or "never"))
    return case, secret.wiped


def _since(one: Recipient, state: Part, at: float) -> float:
    return one.since if one.state is state else at


def _by_hand(one: Recipient, at: float, why: str | None) -> Recipient:
    return structs.replace(one, state=Part.MANUAL, since=at, next=None, why=why)


def _without(secret: Secret, name: str) -> Secret:
    steps: dict[str, Any] = {key: value for key, value in secret.steps.items() if key != name}
    ends = {key: value for key, value in secret.ends.items() if key != name}
    return structs.replace(secret, steps=steps, ends=ends)
