"""What a TC string allows: our purposes, and one vendor's purposes.

Contract: pure functions over a `TcString`. Consent is what was consented to; legitimate interest never
stands in for it. A string the framework calls invalid (`TcString.faults`) can refuse, it cannot grant.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterable, Mapping
from importlib.resources import files

from gatekeeper.model import Permission, Purpose, Role, Signal, Standing
from gatekeeper.signals.encoding import UnreadableError, plain
from gatekeeper.signals.tcf.string import TcString, parse

PurposeTable = Mapping[Purpose, Collection[int]]

PURPOSES: PurposeTable = {
    Purpose(name): tuple(numbers)
    for name, numbers in tomllib.loads((files(__package__) / "purposes.toml").read_text("utf-8")).items()
}
"""The default table: every TCF purpose listed must be consented to. See `purposes.toml`."""

_NOT_ALLOWED, _LEGITIMATE_INTEREST_ONLY = 0, 2  # publisher restrictions under which consent is no basis


class TcSignal(Signal, frozen=True):
    """A signal whose carrier is a TC string; `tc` is that string, for the question of one vendor."""

    tc: TcString | None = None


def spoken(tc: TcString, table: PurposeTable = PURPOSES) -> Mapping[Purpose, Permission]:
    """What the string says of our purposes. One TCF purpose refused refuses; all consented to grants.

    Where purpose 1 was not shown to the visitor (PurposeOneTreatment) nothing that needs it is granted.
    """
    grants = not tc.faults
    says = {}
    for purpose, needs_all in table.items():
        hidden = tc.purpose_one_treatment and 1 in needs_all
        shown = [number for number in needs_all if not (hidden and number == 1)]
        if not all(number in tc.purpose_consents for number in shown):
            says[purpose] = Permission.DENIED
        elif grants and not hidden and shown:
            says[purpose] = Permission.GRANTED
    return says


def vendor_permission(tc: TcString, vendor: int, needs_all: Collection[int]) -> Permission:
    """Whether `vendor` (an id of the Global Vendor List) may process for every TCF purpose in `needs_all`.

    Asks for the vendor's consent bit, its disclosure where the string lists disclosures, every purpose's
    consent bit, and no publisher restriction that forbids the purpose or takes consent away as its basis.
    UNKNOWN only where the string says purpose 1 was never shown and everything else is consented to.
    """
    if tc.faults or vendor not in tc.vendor_consents:
        return Permission.DENIED
    if tc.disclosed is not None and vendor not in tc.disclosed:
        return Permission.DENIED
    for restriction in tc.publisher_restrictions:
        forbids = restriction.kind in (_NOT_ALLOWED, _LEGITIMATE_INTEREST_ONLY)
        if forbids and restriction.purpose in needs_all and vendor in restriction.vendors:
            return Permission.DENIED
    hidden = tc.purpose_one_treatment and 1 in needs_all
    if not all(number in tc.purpose_consents or (hidden and number == 1) for number in needs_all):
        return Permission.DENIED
    return Permission.UNKNOWN if hidden else Permission.GRANTED


def vendor_permissions(signals: Iterable[Signal], vendor: int, needs_all: Collection[int]) -> Permission:
    """The same over all TC strings in `signals`: one refusal refuses; UNKNOWN where there is none.

    A signal whose string is not at hand (too long for the visitor context it came in) cannot tell of vendors: it
    refuses.
    """
    answers = {
        Permission.DENIED if signal.tc is None else vendor_permission(signal.tc, vendor, needs_all)
        for signal in signals
        if isinstance(signal, TcSignal)
    }
    for answer in (Permission.DENIED, Permission.UNKNOWN, Permission.GRANTED):
        if answer in answers:
            return answer
    return Permission.UNKNOWN


def read(value: str, table: PurposeTable = PURPOSES, *, source: str = "tcf", role: Role = Role.CHOICE) -> Signal:
    """The signal of one TC string as it stood in a cookie or parameter, percent-encoded or not.

    Broken: MALFORMED. Empty: UNDECIDED. Never raises.
    """
    if not value:
        return Signal(source, role, Standing.UNDECIDED, note="empty TC string")
    try:
        tc = parse(plain(value))
    except UnreadableError as why:
        return Signal(source, role, Standing.MALFORMED, note=f"TC string: {why}")
    return signal(tc, table, source=source, role=role)


def signal(tc: TcString, table: PurposeTable, *, source: str, role: Role) -> TcSignal:
    """The signal of a decoded TC string. An invalid one that refuses nothing is as if absent (UNDECIDED)."""
    says = spoken(tc, table)
    note = "TC string"
    if tc.faults:
        note = f"TC string invalid under the framework ({', '.join(tc.faults)}): its grants do not count"
    elif tc.purpose_one_treatment:
        note = "TC string: purpose 1 was not shown to the visitor"
    return TcSignal(
        source,
        role,
        Standing.DECIDED if says or not tc.faults else Standing.UNDECIDED,
        says,
        at=tc.last_updated,
        evidence=f"cmp-{tc.cmp_id}",
        note=note,
        tc=tc,
    )
