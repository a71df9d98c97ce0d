"""What the person is told, and what recipients are asked by people. Pure: a request in, text out. Plain English.

The text names each recipient with its state in words, and what stays there. An operator translates it, or sends it as
it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from gatekeeper.counting import counted
from gatekeeper.rights.case import Case, Recipient
from gatekeeper.rights.proof import day
from gatekeeper.rights.states import REFUSALS, Part
from gatekeeper.vendors.deletion import NOT_POSSIBLE

_GDPR: Final = ("gdpr", "ukgdpr")
_SAID: Final[Mapping[Part, str]] = {
    Part.WAITING: "will be asked to delete your data",
    Part.ASKED: "was asked to delete your data and has not finished",
    Part.ACCEPTED: "accepted our request to delete your data; it does not report when it is done",
    Part.CONFIRMED: "confirmed that your data are deleted",
    Part.AUDIENCE_REMOVED: "removed you from its audiences; events that it received earlier stay there",
    Part.FAILED: "was asked to delete your data and has not accepted it yet; we ask again",
    Part.MANUAL: "is being asked by our staff to delete your data",
    Part.NOT_POSSIBLE: "could not be asked",
}


def told(case: Case, companies: Mapping[str, str], leaves: Mapping[str, str]) -> str:
    """What the person is told. `companies` are recipients by destination, `leaves` what stays with each."""
    if case.refusal is not None:
        return _refused(case)
    lines = [
        f"Your request {case.id} of {day(case.received)} to delete your personal data",
        "",
        "We deleted what we held about you: your consent record no longer names you, deliveries that waited were "
        "cancelled, and our log no longer refers to you. We keep a keyed hash of your identifiers, for the one purpose "
        "that your data are not collected again.",
        "",
        "These recipients had received data of yours, or may have:",
        *(f"  - {companies.get(one.name, one.name)} {_of(one, leaves)}" for one in case.recipients),
    ]
    if not case.settled:
        lines += ["", f"We tell you again when this changes. The term ends on {case.extended_to or case.due}."]
    if case.extended is not None:
        lines += ["", f"We extended the term to {case.extended_to}: {case.extended}"]
    lines += ["", "Statistics that count people without naming them stay. You may complain to a supervisory authority."]
    return "\n".join(lines) + "\n"


def _of(one: Recipient, leaves: Mapping[str, str]) -> str:
    said = _SAID[one.state]
    if one.state is Part.NOT_POSSIBLE and one.reason is not None:
        said += f": {NOT_POSSIBLE[one.reason]}"
    if one.assumed_by is not None:
        said += f"; by its own documentation that is {day(one.assumed_by)} at the latest"
    stays = leaves.get(one.name, "")
    return f"{said}. {stays}".rstrip() if not said.endswith(".") else f"{said} {stays}".rstrip()


def _refused(case: Case) -> str:
    why = REFUSALS[case.refusal or ""]
    if case.appeal_days is not None:
        within = counted(case.appeal_days, "day")
        appeal = (
            f"You can appeal; we answer within {within} of your appeal. If we refuse it, you may complain to the "
            "attorney general of your state."
        )
    else:
        article = " (GDPR article 12(4))" if case.law in _GDPR else ""
        appeal = f"You may complain to a supervisory authority and go to court{article}."
    return (
        f"Your request {case.id} of {day(case.received)} to delete your personal data\n\n"
        f"We do not carry it out. {why}\n\n{appeal}\n"
    )


def task(case: Case, one: Recipient, company: str, how: str, given: Iterable[tuple[str, str]]) -> str:
    """What a person has to do about a recipient, with the text to send. It holds the identifiers."""
    listed = "\n".join(f"  {kind}: {value}" for kind, value in given)
    return (
        f"{one.name} ({company})\n\n{how}\n\nText to send:\n\n"
        f"Subject: deletion of one person's data, our reference {case.id}\n\n"
        f"Please delete all personal data of the person with these identifiers ({case.law}), have your own processors "
        f"do the same, and confirm it with our reference by {case.due}:\n\n{listed}\n\n"
        f"When they have answered: gatekeeper erasure settle {case.id} {one.name} --state confirmed --evidence …\n"
    )
