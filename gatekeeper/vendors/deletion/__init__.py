"""How a person is deleted at a vendor. Pure. Identifiers in, requests out; answers in, what they say out.

A vendor's own folder, or its file here, has a `DELETION`, composed of three functions:

    forget(ids, to)          -> steps to take, or why it is impossible
    ask(step, to, at)        -> Outgoing     the request of a step
    read(step, said)         -> Told         what the JSON of a success says, and the steps that follow

Steps are data that can be kept sealed and taken up again after a crash; a request is built only when it is sent, so
that no secret is kept. An answer of 2xx says that a request arrived, and is `ACCEPTED` at most. `CONFIRMED` takes a
vendor's own word that it is done. A step without an identifier does not exist: where an empty filter means
"everybody", such a request would delete all there is (getsentry/sentry#56315).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, NamedTuple

import orjson

from gatekeeper.fields.phone import e164
from gatekeeper.model import Answer, Outgoing
from gatekeeper.vendors.formats import normalise
from gatekeeper.vendors.formats.answers import RETRIED, retry_after
from gatekeeper.vendors.kind import DAY, Destination
from gatekeeper.vendors.spelling import plain_host

HOUR: Final = 3_600.0
LOOK: Final = 6 * HOUR  # seconds between two looks at how far a vendor is
_HASH: Final = re.compile(r"[0-9a-f]{64}")
_REFERENCE: Final = re.compile(r"[A-Za-z0-9_.:-]{1,128}")


@dataclass(frozen=True, slots=True)
class Ids:
    """What a person is known by, by the kinds of `audit.subjects.KINDS`, and the request's own id.

    E-mail, telephone number and customer id leave as SHA-256 only, as events did; see `hashed`.
    """

    erasure: str
    law: str
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)

    def of(self, *kinds: str) -> tuple[str, ...]:
        """Every value of some kinds that is not empty, each once, in order."""
        found = [value for kind in kinds for value in self.values.get(kind, ())]
        return tuple(dict.fromkeys(value for value in found if value.strip()))

    def hashed(self, kind: str, *, plus: bool = True) -> tuple[str, ...]:
        """SHA-256 of the normal form of personal values; of telephone numbers with or without the plus sign."""
        found = []
        for value in self.of(kind):
            if _HASH.fullmatch(value.strip().lower()):
                found.append(value.strip().lower())
            elif (normal := _normal(kind, value)) is not None:
                found.append(normalise.sha256(normal if plus else normal.lstrip("+")))
        return tuple(dict.fromkeys(found))


def _normal(kind: str, value: str) -> str | None:
    if kind == "email":
        return normalise.email(value)
    return e164(value, None) if kind == "phone" else normalise.compact(value)


class Impossible(NamedTuple):
    """Why a vendor cannot be asked: one of `NOT_POSSIBLE`."""

    reason: str


NO_API: Final = "no_api"
NO_IDENTIFIER: Final = "no_identifier"
NOT_CONFIGURED: Final = "not_configured"
WINDOW_PASSED: Final = "window_passed"
NEVER_RECEIVED: Final = "never_received"
NOT_POSSIBLE: Final[Mapping[str, str]] = {
    NO_API: "The recipient offers no way to delete one person's events.",
    NO_IDENTIFIER: "We hold no identifier that the recipient knows this person by.",
    WINDOW_PASSED: "The recipient has deleted data of that age already.",
    NOT_CONFIGURED: "We have no access to the recipient's deletion interface.",
    NEVER_RECEIVED: "The recipient holds nothing of this person.",
}
"""Reason -> what the person is told."""


class Step(NamedTuple):
    """One thing to ask: the name of a request, and what it is about. Plain data, kept sealed."""

    name: str
    data: dict[str, Any]


class Stage(StrEnum):
    """What an answer says of its step."""

    PENDING = "pending"  # what follows is asked after `wait` seconds
    ACCEPTED = "accepted"  # arrived, and the vendor never says more
    CONFIRMED = "confirmed"  # the vendor says that it is done
    REMOVED = "audience_removed"  # from the audiences that the policy names; events stay
    NOTHING = "nothing"  # the vendor holds nothing of this person
    AGAIN = "again"  # the same step after `wait` seconds: 429, an outage
    REFUSED = "refused"  # not taken: a token that expired, a plan without deletion; the same step once a day


_WEAKEST_FIRST: Final = (Stage.ACCEPTED, Stage.REMOVED, Stage.CONFIRMED, Stage.NOTHING)


def combined(ends: Collection[Stage]) -> Stage:
    """What several steps that ended add up to: the weakest of what they say."""
    return next(stage for stage in _WEAKEST_FIRST if stage in ends)


class Told(NamedTuple):
    """A vendor's answer, read. `reference` names the vendor's own record, and no person."""

    stage: Stage
    steps: tuple[Step, ...] = ()
    wait: float = 0.0
    reference: str | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Deletion:
    """A vendor's deletion. `needs` are the keys of `erasure` that it cannot do without; any of a tuple will do.

    `assumed_after` (seconds) is when an accepted request counts as carried out, by the vendor's own documentation.
    `leaves` says what stays there all the same, for the person. `gone` are names of steps that 404 is a success of.
    """

    forget: Callable[[Ids, Destination], tuple[Step, ...] | Impossible]
    ask: Callable[[Step, Destination, float], Outgoing]
    read: Callable[[Step, Any], Told]
    needs: tuple[str, ...] = ()
    assumed_after: float | None = None
    leaves: str = ""
    gone: tuple[str, ...] = ()

    def forgotten(self, step: Step, answer: Answer) -> Told:
        """What an answer says of its step. One that is no success says the same at every vendor."""
        refused = None if answer.status == 404 and step.name in self.gone else _refusal(answer)
        return self.read(step, _parsed(answer)) if refused is None else refused


def setting(to: Destination, key: str) -> Any:
    """A plain value of the destination's `erasure`."""
    return to.erasure.get(key)


def secret(to: Destination, key: str) -> str:
    """A secret of the destination's `erasure`, for the one request that it goes into."""
    return to.secret(f"erasure.{key}")


def configured(to: Destination, needs: Sequence[str]) -> bool:
    """Whether the policy gives what a deletion needs."""
    return all(to.erasure.get(key) or _given(to, key) for key in needs)


def _given(to: Destination, key: str) -> bool:
    found = to.secrets.get(f"erasure.{key}")
    return found is not None and bool(found.value)


def base(to: Destination, default: str, europe: str | None = None) -> str:
    """Where a vendor's deletion is asked for: the policy's `erasure_endpoint`, else the vendor's address of the region
    that its events go to.
    """
    if to.erasure_endpoint:
        return to.erasure_endpoint
    labels = re.split(r"[.-]", plain_host(to.endpoint.partition("://")[2].partition("/")[0]))
    return europe if europe is not None and "eu" in labels else default


def json_request(method: str, url: str, headers: Sequence[tuple[str, str]], body: object = None) -> Outgoing:
    """A request with a JSON body, or without one."""
    if body is None:
        return Outgoing(method, url, (("Accept", "application/json"), *headers), b"")
    return Outgoing(method, url, (("Content-Type", "application/json"), *headers), orjson.dumps(body))


def bearer(to: Destination) -> tuple[tuple[str, str], ...]:
    """The header with the token of `erasure`."""
    return (("Authorization", "Bearer " + secret(to, "token")),)


def _refusal(answer: Answer) -> Told | None:
    """What an answer that is no success says; `None` of a success."""
    if 200 <= answer.status < 300:
        return None
    if answer.status in RETRIED or answer.status >= 500:
        return Told(Stage.AGAIN, wait=retry_after(answer) or HOUR, why=f"http_{answer.status}")
    return Told(Stage.REFUSED, wait=DAY, why=f"http_{answer.status}")


def unreadable() -> Told:
    """What is said of a success that cannot be understood, or that is about another person: it confirms nothing."""
    return Told(Stage.REFUSED, wait=DAY, why="answer_unreadable")


def under_way(said: object, key: str, wait: float) -> Told:
    """What is said where the vendor works under a number of its own: the step `status`, which asks by that number."""
    number = reference(said)
    if number is None:
        return unreadable()
    return Told(Stage.PENDING, (Step("status", {key: number}),), wait=wait, reference=number)


def another() -> Told:
    """What is said of an answer about another person."""
    return Told(Stage.REFUSED, wait=DAY, why="answer_about_another")


def _parsed(answer: Answer) -> Any:
    """The JSON of an answer; `None` where it has none."""
    try:
        return orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return None


def reference(value: object) -> str | None:
    """A vendor's name for its record, if it is one that can be shown and asked by."""
    text = str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    return text if _REFERENCE.fullmatch(text) and not _HASH.fullmatch(text) else None
