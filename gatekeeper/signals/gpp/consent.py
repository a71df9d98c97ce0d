"""What a GPP string says: opt-outs of its US sections, choices of its TCF sections.

Contract: `read` never raises. Opt-outs count whatever `gpp_sid` says, because who opted out has opted
out; the TCF sections count unless `gpp_sid` names the sections in force and leaves them out. A US section
that cannot be read is taken as an opt-out; the value 3, which no specification defines, too. So is a section
with an id above all that are known: new ones have been those of US states.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from gatekeeper.model import Permission, Purpose, Role, Signal, Standing
from gatekeeper.model.reasons import GPC, SALE
from gatekeeper.signals import tcf
from gatekeeper.signals.encoding import UnreadableError, plain
from gatekeeper.signals.gpp import canada
from gatekeeper.signals.gpp.canada import CanadaString
from gatekeeper.signals.gpp.section import US_SECTIONS, UsSection
from gatekeeper.signals.gpp.string import TCF_CANADA, TCF_EU, US_PRIVACY, Broken, GppString, Unknown, parse
from gatekeeper.signals.tcf import PURPOSES, PurposeTable, TcString
from gatekeeper.signals.usprivacy import UsPrivacy

_OPTED_OUT = (1, 3)
_NO_CONSENT = 1
_NEWEST = max(US_SECTIONS)
_NO_MARKETING = {Purpose.MARKETING: Permission.DENIED}


def opted_out(string: GppString, kind: str) -> bool | None:
    """Whether any section opts out of `kind` (`sale`, `sharing`, `targeted`); `None`: none speaks of it."""
    answers = []
    for _number, part in string.sections:
        if isinstance(part, UsSection):
            value: int | None = getattr(part, kind)
            if value:
                answers.append(value in _OPTED_OUT)
        elif isinstance(part, UsPrivacy) and kind == "sale" and part.opt_out_sale is not None:
            answers.append(part.opt_out_sale)
    return any(answers) if answers else None


def gpc(string: GppString) -> bool | None:
    """Whether any section says that Global Privacy Control was on; `None` where none speaks of it."""
    answers = [part.gpc for _number, part in string.sections if isinstance(part, UsSection)]
    return True if True in answers else False if False in answers else None


def read(
    value: str,
    table: PurposeTable = PURPOSES,
    *,
    in_force: Collection[int] | None = None,
    source: str = "gpp",
    role: Role = Role.CHOICE,
) -> tuple[Signal, ...]:
    """The signals of one GPP string as it stood in a cookie or parameter, percent-encoded or not.

    `in_force` are the ids of `gpp_sid`, `None` where it was not given. `role` is that of the TCF sections.
    A bare TC string under a GPP name is read as what it is.
    """
    if not value:
        return (Signal(source, Role.OPT_OUT, Standing.UNDECIDED, note="empty GPP string"),)
    try:
        text = plain(value)
        if text.startswith("C"):
            return (tcf.read(text, table, source=source, role=role),)
        string = parse(text)
    except UnreadableError as why:
        return (Signal(source, Role.OPT_OUT, Standing.MALFORMED, note=f"GPP string: {why}"),)
    return (*_opt_outs(string, source), *_choices(string, table, in_force, source, role))


def _opt_outs(string: GppString, source: str) -> Iterator[Signal]:
    us = [(number, part) for number, part in string.sections if number in US_SECTIONS or number == US_PRIVACY]
    unknown = [number for number, part in string.sections if isinstance(part, Unknown)]
    if not us and not unknown:
        return
    unreadable = [US_SECTIONS.get(number, "uspv1") for number, part in us if isinstance(part, Broken)]
    found = [kind for kind in ("sale", "sharing", "targeted") if opted_out(string, kind)]
    notes = [f"opted out of {', '.join(found)}"] if found else []
    if unreadable:
        notes.append(f"unreadable, taken as an opt-out: {', '.join(unreadable)}")
    newer = any(number > _NEWEST for number in unknown)
    if newer:
        notes.append("a section newer than those known here, taken as an opt-out")
    elif unknown:
        notes.append("a section that is not read")
    if us:
        notes.append(f"sections {', '.join(US_SECTIONS.get(number, 'uspv1') for number, _part in us)}")
    notes.extend(_trail(string))
    denies = bool(found or unreadable or newer)
    yield Signal(
        source,
        Role.OPT_OUT,
        Standing.DECIDED,
        _NO_MARKETING if denies else {},
        denies_as=SALE if denies else None,
        note="; ".join(notes),
    )
    if gpc(string):
        yield Signal(
            source,
            Role.OPT_OUT,
            Standing.DECIDED,
            _NO_MARKETING,
            denies_as=GPC,
            note="GPC recorded in the GPP string",
        )


def _trail(string: GppString) -> Iterator[str]:
    """What the sections say of children and sensitive data; told, not acted on."""
    for _number, part in string.sections:
        if isinstance(part, UsSection):
            if any(part.known_child or ()):
                refused = _NO_CONSENT in (part.known_child or ())
                yield f"{part.name}: known child{', no consent' if refused else ''}"
            if _NO_CONSENT in (part.sensitive or ()):
                yield f"{part.name}: no consent to some sensitive data"


def _choices(
    string: GppString, table: PurposeTable, in_force: Collection[int] | None, source: str, role: Role
) -> Iterator[Signal]:
    for number, part in string.sections:
        if number not in (TCF_EU, TCF_CANADA) or (in_force is not None and number not in in_force):
            continue
        match part:
            case TcString():
                yield tcf.signal(part, table, source=source, role=role)
            case CanadaString():
                yield Signal(
                    source,
                    role,
                    Standing.DECIDED,
                    canada.spoken(part, table),
                    at=part.last_updated,
                    evidence=f"cmp-{part.cmp_id}",
                    note="Canadian TC string in a GPP string",
                )
            case Broken():
                yield Signal(source, role, Standing.MALFORMED, note=f"TCF section of a GPP string: {part.why}")
