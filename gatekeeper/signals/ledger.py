"""The ledger, as signals. Pure. What a request says and what the ledger says of its visitor in, all signals out.

    the device's newest words     of one voice with our cookie: the newer wins, so that a stale cookie grants nothing
    the account's, for all devices    rule while logged in, in the place of the device's
    the account's, of one device  only deny: another device's refusal is felt, its grant is not this device's
    GPC that was seen before      an opt-out, until a later grant without it

Where the ledger cannot be read, the gate does not know what was withdrawn: everything optional is denied.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import structs

from gatekeeper.model import OPTIONAL, Permission, Purpose, Role, Signal, Standing, Voice, Word
from gatekeeper.model.choice import Kind, Scope
from gatekeeper.model.reasons import GPC
from gatekeeper.signals import own

SOURCE: Final = "ledger"
ACCOUNT: Final = "ledger-account"
REMEMBERED: Final = "ledger-gpc"
UNREADABLE: Final = Signal(SOURCE, Role.CHOICE, Standing.MALFORMED, voice=own.VOICE, note="the ledger cannot be read")
_NOTES: Final = {
    SOURCE: "what this device chose, as the ledger has it",
    ACCOUNT: "what this account chose, as the ledger has it",
}


def devices(heard: Sequence[Signal]) -> tuple[str, ...]:
    """The ids that our own cookies give the device."""
    return tuple(dict.fromkeys([one.subject for one in heard if one.source == own.COOKIE and one.subject]))


def read(heard: tuple[Signal, ...], voices: Sequence[tuple[Kind, Voice]]) -> tuple[Signal, ...]:
    """All signals of a request whose visitor the ledger knows."""
    found: list[Signal] = []
    ruled: set[Purpose] = set()
    seen: list[float] = []
    for kind, voice in voices:
        words = voice.words
        if kind is Kind.ACCOUNT:
            ruled |= {purpose for purpose, word in words.items() if word.scope is Scope.ACCOUNT}
            words = {
                purpose: word
                for purpose, word in words.items()
                if word.scope is Scope.ACCOUNT or word.says is Permission.DENIED
            }
        found += _spoken(words, SOURCE if kind is Kind.DEVICE else ACCOUNT)
        if voice.gpc is not None:
            seen.append(voice.gpc)
    if ruled:
        heard = tuple([_without(one, ruled) for one in heard])
        found = [one if one.source == ACCOUNT else _without(one, ruled) for one in found]
    if seen and not any(one.denies_as == GPC for one in heard):
        found.append(
            Signal(
                REMEMBERED,
                Role.OPT_OUT,
                Standing.DECIDED,
                {Purpose.MARKETING: Permission.DENIED},
                max(seen),
                denies_as=GPC,
                note="Sec-GPC was 1 before, and no grant was given since without it",
            )
        )
    return (*heard, *found) if found else heard


def _spoken(words: Mapping[Purpose, Word], source: str) -> list[Signal]:
    """A signal for each moment at which something was said that holds."""
    moments: dict[float, dict[Purpose, Word]] = {}
    for purpose in OPTIONAL:
        if purpose in words:
            moments.setdefault(words[purpose].at, {})[purpose] = words[purpose]
    return [
        Signal(
            source,
            Role.CHOICE,
            Standing.DECIDED,
            {purpose: word.says for purpose, word in said.items()},
            at,
            voice=own.VOICE if source == SOURCE else source,
            notice=next(iter(said.values())).notice,
            note=_NOTES[source],
        )
        for at, said in moments.items()
    ]


def _without(signal: Signal, ruled: set[Purpose]) -> Signal:
    """Our own voice without what the account's choice for all devices rules."""
    if signal.voice != own.VOICE or signal.beside or ruled.isdisjoint(signal.says):
        return signal
    left = {purpose: word for purpose, word in signal.says.items() if purpose not in ruled}
    return structs.replace(signal, says=left, note=f"{signal.note}; the account's choice rules while logged in")
