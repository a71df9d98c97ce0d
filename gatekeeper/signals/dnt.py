"""The `DNT` header: reported, and acted on only where the policy says so.

Contract: `read` gives one signal per request that says `DNT: 1`; it denies the purposes it is told to, by
default none.
Source: https://www.w3.org/TR/tracking-dnt/ (a Note since 2019-01-17; the work was given up in favour of
GPC)
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from gatekeeper.model import Permission, Purpose, Role, Signal, Standing

SOURCE = "dnt"


def read(lines: Iterable[bytes | str], denies: Collection[Purpose] = ()) -> tuple[Signal, ...]:
    """`lines` are the values of all DNT fields. Only a value that is exactly `1` counts."""
    if not any(line in (b"1", "1") for line in lines):
        return ()
    says = dict.fromkeys(denies, Permission.DENIED)
    note = "DNT on" if says else "DNT on; the policy does not act on it"
    return (Signal(SOURCE, Role.OPT_OUT, Standing.DECIDED, says, note=note),)
