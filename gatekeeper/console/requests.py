"""One request for erasure: where it is, whom it concerns by recipient, and what an operator may do with it now."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final

from gatekeeper.console.page import Answer, Asked, Desk, File, Moved, Page, Shown
from gatekeeper.errors import EventError, RightsError
from gatekeeper.rights.states import BY_HAND, DUPLICATE, FOLLOWS, REFUSALS, Event, Part, State
from gatekeeper.vendors.deletion import NOT_POSSIBLE

_ID: Final = re.compile(r"er_[0-9A-Za-z]{4,64}")
_ORDER: Final[list[State]] = [one for one in State if one is not State.REFUSED]
_OVER: Final = frozenset({State.CLOSED, State.REFUSED, State.TOLD, State.SETTLED})
_SAID: Final[dict[Part, str]] = {
    Part.WAITING: "is going to be asked", Part.ASKED: "was asked", Part.ACCEPTED: "accepted it; some never say more",
    Part.CONFIRMED: "has confirmed it", Part.AUDIENCE_REMOVED: "removed the person from audiences; events remain",
    Part.FAILED: "did not take the request; it is asked again", Part.MANUAL: "has to be asked by a person",
    Part.NOT_POSSIBLE: "cannot be asked",
}  # fmt: skip


def page(desk: Desk, asked: Asked) -> Answer:
    """The request, without who it is about."""
    erasure = _id(asked)
    desk.office.record("erasures/show", erasure=erasure)
    found = desk.erasures.show(erasure)
    state = State(found["state"])
    may = {event for event in Event if (state, event) in FOLLOWS}
    own = desk.policy.file.rights.four_eyes and found["by"] == desk.office.who
    settled = "settled" in found["times"]
    values = {
        "one": found, "steps": [(one.value, found["times"].get(one.value)) for one in _order(state)],
        "recipients": [_recipient(one) for one in found["destinations"]],
        "can": {
            "verify": Event.VERIFY in may and "erase" in asked.may,
            "approve": Event.APPROVE in may and "approve" in asked.may and not own,
            "refuse": Event.REFUSE in may and "approve" in asked.may,
            "extend": state not in _OVER and found["extended"] is None and "approve" in asked.may,
            "tell": found["to_tell"] and Event.TELL in may and "erase" in asked.may,
            "settle": state in (State.ASKED, State.SETTLED, State.TOLD) and "erase" in asked.may,
        },
        "four_eyes": own and Event.APPROVE in may,
        "refusals": {code: text for code, text in REFUSALS.items() if code != DUPLICATE},
        "refused": REFUSALS.get(found["refusal"] or ""), "not_possible": NOT_POSSIBLE, "has_receipt": settled,
        "letter": _letter(desk, erasure),
    }  # fmt: skip
    return Shown("erasure.html", values, f"Request {erasure}")


def _order(state: State) -> list[State]:
    """The states of a request's way; one that was refused goes no further."""
    return [State.RECEIVED, State.REFUSED] if state is State.REFUSED else _ORDER


def _recipient(one: dict[str, Any]) -> dict[str, Any]:
    part = Part(one["state"])
    return one | {"said": _SAID[part], "next_states": sorted(part.value for part in BY_HAND.get(part, ())),
                  "is_task": part is Part.MANUAL}  # fmt: skip


def _letter(desk: Desk, erasure: str) -> str | None:
    try:
        return desk.erasures.letter(erasure)
    except RightsError:
        return None


def receipt(desk: Desk, asked: Asked) -> Answer:
    """The signed receipt, as a file."""
    erasure = _id(asked)
    desk.office.record("erasures/receipt", erasure=erasure)
    data = json.dumps(desk.erasures.receipt(erasure), indent=2).encode() + b"\n"
    return File(data, "application/json", f"{erasure}.json")


def task(desk: Desk, asked: Asked) -> Answer:
    """What a person has to do about a recipient; the text holds the identifiers."""
    erasure = _id(asked)
    desk.office.record("erasures/task", erasure=erasure)
    text = desk.erasures.task(erasure, asked.form.get("destination", ""))
    return Shown("task.html", {"text": text, "erasure": erasure}, "What is to be done")


def _act(name: str, do: Callable[[Desk, str, Asked], object]) -> Callable[[Desk, Asked], Answer]:
    """An act on a request, and back to its page."""

    def act(desk: Desk, asked: Asked) -> Answer:
        erasure = _id(asked)
        desk.office.record(f"erasures/{name}", erasure=erasure)
        do(desk, erasure, asked)
        return Moved(f"people/erasures/{erasure}")

    return act


def _id(asked: Asked) -> str:
    if not _ID.fullmatch(asked.parts[0]):
        raise EventError(404, "there is no such request")
    return asked.parts[0]


def _settle(desk: Desk, erasure: str, asked: Asked) -> object:
    form = asked.form
    return desk.erasures.settle(
        erasure, form.get("destination", ""), by=desk.office.who, state=form.get("state", ""),
        evidence=form.get("evidence") or None, reason=form.get("reason") or None,
    )  # fmt: skip


_verify = _act("verify", lambda desk, one, asked: desk.erasures.verify(one, by=desk.office.who, how=_how(asked, "how")))
_approve = _act("approve", lambda desk, one, asked: desk.erasures.approve(one, by=desk.office.who))
_refuse = _act(
    "refuse", lambda desk, one, asked: desk.erasures.refuse(one, by=desk.office.who, reason=_how(asked, "reason"))
)
_extend = _act(
    "extend", lambda desk, one, asked: desk.erasures.extend(one, by=desk.office.who, reason=_how(asked, "reason"))
)
_told = _act("told", lambda desk, one, asked: desk.erasures.told(one, by=desk.office.who))


def _how(asked: Asked, field: str) -> str:
    return asked.form.get(field, "")


PAGES: Final = (
    Page("GET", "people/erasures/{}", "read", page),
    Page("GET", "people/erasures/{}/receipt", "read", receipt),
    Page("POST", "people/erasures/{}/task", "erase", task),
    Page("POST", "people/erasures/{}/verify", "erase", _verify),
    Page("POST", "people/erasures/{}/approve", "approve", _approve),
    Page("POST", "people/erasures/{}/refuse", "approve", _refuse),
    Page("POST", "people/erasures/{}/extend", "approve", _extend),
    Page("POST", "people/erasures/{}/told", "erase", _told),
    Page("POST", "people/erasures/{}/settle", "erase", _act("settle", _settle)),
)
