"""The canonical event of a posted one. Pure.

What was posted is sorted into the fields of the policy's catalogue; what is no field of it, or holds no usable value,
is kept by its name and cause alone.
"""

from __future__ import annotations

from typing import Final

from gatekeeper import signals
from gatekeeper.fields.accept import accept, accept_value, in_order, sort
from gatekeeper.gate.incoming import Posted
from gatekeeper.model import Caller, Event, Purpose
from gatekeeper.policy import Policy
from gatekeeper.scrub import lift_click_ids

_EVERY_PURPOSE: Final = frozenset(Purpose)


def canonical(
    policy: Policy, posted: Posted, caller: Caller, *, at: float, request_id: str, since: float | None = None
) -> Event:
    """The event in the catalogue's own fields: cleaned, named, timed, with what the caller's request offers beside it.

    Click ids in URLs become fields of their own; addresses that begin with `/` get the policy's `site`. Only a trusted
    caller says when the event happened, and a browser that held it unsent: not before `since`. No event is of the
    future.
    """
    catalogue, table = policy.catalogue, policy.file.policy
    data, unusable, named = sort(posted.data, catalogue)
    for name in [name for name in data if name in catalogue.urls]:
        value = str(data[name])
        if table.site is not None and value.startswith("/") and not value.startswith("//"):
            value = table.site.rstrip("/") + value
        data[name], lifted = lift_click_ids(value)
        if lifted:
            more, bad = accept(lifted, catalogue)
            for click_id, clean in more.items():
                data.setdefault(click_id, clean)
            unusable |= {click_id: cause for click_id, cause in bad.items() if click_id not in data}
    currency = table.currency
    offered: dict[str, object] = {}
    if currency is not None and "order_value" in data:
        offered["currency"] = currency
    if not caller.trusted:
        agent = signals.header_values(caller.headers, b"user-agent")
        given = (("ip", caller.address), ("user_agent", agent[0].decode("latin-1") if agent else None))
        for name, known in given:
            row = catalogue.by_name[name]
            clean = None if known is None else accept_value(row, name, known, catalogue)
            if clean is not None:
                offered[row.key] = clean
    time = at
    if posted.time is not None and (caller.trusted or since is not None):
        time = posted.time if caller.trusted or since is None else max(posted.time, since)
    purposes = posted.purposes or policy.event_purposes.get(posted.name, _EVERY_PURPOSE)
    return Event(
        name=posted.name,
        id=posted.id or request_id,
        time=min(time, at),
        data=data,
        purposes=purposes,
        offered=offered,
        unusable=unusable,
        names=in_order(named, data, unusable),
    )
