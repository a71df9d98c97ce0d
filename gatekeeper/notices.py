"""What the process log says of decisions: each at DEBUG, and a warning for each cause and destination, once.

A blocked call looks like success to the SDK that made it, and a blocked event like an accepted one. So the log says it
where a developer looks. Nothing in here is a visitor's: reasons, destinations, request ids and names of fields.
"""

from __future__ import annotations

import logging
from collections.abc import Hashable, Iterable, Mapping
from typing import Final

from gatekeeper.fields.names import UNPRINTABLE
from gatekeeper.installation.forks import Guard
from gatekeeper.model import Decision, Plan, Verdict
from gatekeeper.model.reasons import (
    AUDIT,
    INSUFFICIENT,
    INTERNAL,
    MISMATCH,
    OTHER_ACCOUNT,
    TABLE,
    UNLISTED,
    UNREADABLE_CALL,
)
from gatekeeper.scrub.identifier import is_mechanical

UNLISTED_HOST: Final = "unlisted_host"  # what the audit calls a host in no table; `outbound/unlisted.py` warns of it
_LATER: Final = "further ones are logged at DEBUG"
_INVALID: Final = 'the field "%s" of the event "%s" has a value that is not valid for it, and is not sent'
_UNKNOWN: Final = (
    'the field "%s" of the event "%s" is not in the catalogue, and is not sent; add it to [fields], or correct its name'
)
MOST: Final = 1_000  # causes that are remembered; further ones are logged at DEBUG alone
# Causes that are the policy's or the app's, and that the visitor can do nothing about.
_OURS: Final = frozenset({INSUFFICIENT, MISMATCH, OTHER_ACCOUNT, UNLISTED, UNREADABLE_CALL})
_SAID_ELSEWHERE: Final = frozenset({AUDIT, INTERNAL})  # as an error, by what failed
_log = logging.getLogger("gatekeeper")
_lock = Guard()
_said: set[Hashable] = set()


def once(cause: Hashable, sentence: str, *values: object, level: int = logging.WARNING) -> None:
    """Say a sentence the first time that its cause occurs in this process."""
    if cause in _said:
        return
    with _lock:
        if cause in _said or len(_said) >= MOST:
            return
        _said.add(cause)
    _log.log(level, sentence, *values)


def wanted() -> bool:
    """Whether each decision is said."""
    return _log.isEnabledFor(logging.DEBUG)


def forget() -> None:
    """Forget what was said, so that it is said once more; for tests."""
    with _lock:
        _said.clear()


def of_call(plans: Iterable[Plan]) -> None:
    """What became of the elements of a call. A cause is said even if it is the visitor's: the SDK hears of success."""
    for plan in plans:
        for one in plan.decisions:
            _debug(plan, one)
            if one.verdict is Verdict.BLOCK:
                _blocked_call(one)


def of_event(plan: Plan) -> None:
    """What became of an event. Of what visitors choose there is no warning: that is what a gate is for."""
    for one in plan.decisions:
        _debug(plan, one)
        if one.verdict is Verdict.BLOCK and one.reason in _OURS:
            once(
                ("event", one.destination, one.reason), "an event for %s was blocked (%s): %s; %s",
                one.destination, one.reason, _why(one), _LATER,
            )  # fmt: skip


def of_fields(event: str, unusable: Mapping[str, str]) -> None:
    """Fields of an event of the operator's own code that cannot be used, with the cause; each name once."""
    for name, cause in unusable.items():
        if not is_mechanical(name):
            name = UNPRINTABLE
        sentence = _INVALID if cause == "invalid" else _UNKNOWN
        once(("field", name, cause), sentence, name, event)


def of_subject() -> None:
    """A `subject` from a sender who is not trusted."""
    once(
        ("subject",), "an event names a `subject`, and its sender is not trusted: the subject is ignored; send it with "
        "a key of server.api_keys",
    )  # fmt: skip


def of_refusal(destination: str, why: str) -> None:
    """Events that a vendor refuses for good; `why` is a short code."""
    once(
        ("refused", destination, why), "%s refuses events for good (%s); see `gatekeeper dead-letter list`",
        destination, why,
    )  # fmt: skip


def _debug(plan: Plan, one: Decision) -> None:
    if wanted():
        _log.debug(
            "%s: %s: %s%s", plan.request_id, one.destination, one.verdict, f" ({one.reason})" if one.reason else ""
        )


def _blocked_call(one: Decision) -> None:
    reason, name = one.reason or INTERNAL, one.destination
    if reason in _SAID_ELSEWHERE or name == UNLISTED_HOST:
        return
    if reason == UNLISTED:
        once(
            ("call", name, reason),
            "%s is blocked: the policy has no destination for it; add one, or name it in [outbound] allow", name,
        )  # fmt: skip
        return
    once(("call", name, reason), "a call to %s was blocked (%s): %s; %s", name, reason, _why(one), _LATER)


def _why(one: Decision) -> str:
    """The rule's own words where the cause is the app's, else what the reason means."""
    why = one.steps[-1].why if one.reason in _OURS and one.steps else ""
    return why or TABLE[one.reason or INTERNAL].sentence
