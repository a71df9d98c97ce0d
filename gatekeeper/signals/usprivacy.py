"""The US Privacy string of the IAB: `1` + notice + opt-out of sale + LSPA, each `Y`, `N` or `-`.

Contract: `parse` gives a `UsPrivacy` or raises `UnreadableError`; `read` gives the opt-out signal and
never raises. An unreadable string is MALFORMED, never "did not opt out".
Source: https://github.com/InteractiveAdvertisingBureau/USPrivacy/blob/master/CCPA/US%20Privacy%20String.md
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gatekeeper.model import Permission, Purpose, Role, Signal, Standing
from gatekeeper.model.reasons import SALE
from gatekeeper.signals.encoding import UnreadableError, json_object, plain

_FORM = re.compile(r"1[YN-][YN-][YN-]")
_LETTERS = {"Y": True, "N": False, "-": None}


@dataclass(frozen=True, slots=True)
class UsPrivacy:
    """One string. `None` stands for a dash: not applicable or not known."""

    version: int
    notice: bool | None
    opt_out_sale: bool | None
    lspa: bool | None

    @property
    def ccpa_applies(self) -> bool:
        """False only for `1---`."""
        return not (self.notice is None and self.opt_out_sale is None and self.lspa is None)


def parse(text: str) -> UsPrivacy:
    """Decode four characters; white space around them is ignored. Raises `UnreadableError`."""
    text = text.strip(" \t")
    if _FORM.fullmatch(text) is None:
        raise UnreadableError("no US Privacy string")
    return UsPrivacy(1, _LETTERS[text[1]], _LETTERS[text[2]], _LETTERS[text[3]])


def read(value: str, *, source: str = "usprivacy") -> Signal:
    """The opt-out signal of one string as it stood in a cookie or parameter, bare or in its JSON wrapper."""
    if not value.strip(" \t"):
        return Signal(source, Role.OPT_OUT, Standing.UNDECIDED, note="empty US Privacy string")
    try:
        string = parse(_unwrap(value))
    except UnreadableError as why:
        return Signal(source, Role.OPT_OUT, Standing.MALFORMED, note=str(why))
    if string.opt_out_sale:
        return Signal(
            source,
            Role.OPT_OUT,
            Standing.DECIDED,
            {Purpose.MARKETING: Permission.DENIED},
            denies_as=SALE,
            note="opted out of sale",
        )
    note = "did not opt out of sale" if string.opt_out_sale is False else "opt-out of sale not stated"
    return Signal(source, Role.OPT_OUT, Standing.DECIDED, note=note)


def _unwrap(value: str) -> str:
    """`{"uspString": "1YN-", …}` is what some platforms store; everything else is the string itself."""
    text = plain(value)
    if text[:1] != "{":
        return text
    inner = json_object(text).get("uspString")
    return inner if isinstance(inner, str) else ""
