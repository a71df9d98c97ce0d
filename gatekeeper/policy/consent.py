"""`[consent]`: the readers of a policy, with what its platforms' categories and services stand for."""

from __future__ import annotations

from collections.abc import Mapping

from gatekeeper.model import Purpose
from gatekeeper.policy import platforms
from gatekeeper.policy.faults import Faults
from gatekeeper.policy.tables.consent import ConsentTable
from gatekeeper.signals import CookieReaders, Readers, flags
from gatekeeper.signals.cookies import Reader
from gatekeeper.signals.tcf import PURPOSES
from gatekeeper.vendors.kind import Destination


def readers(
    table: ConsentTable, destinations: Mapping[str, Destination], known: tuple[Reader, ...], faults: Faults
) -> Readers:
    """All readers of a request; `known` are the cookie formats."""
    maps, services, wrong = platforms.compiled(table.model_extra or {}, destinations)
    faults += wrong
    usual = platforms.usual_services({name: to.kind.name for name, to in destinations.items()})
    own = {name: maps.pop(name) for name in list(maps) if name in flags.READERS}
    purposes = {
        Purpose.ANALYTICS: table.tcf.analytics if table.tcf.analytics is not None else PURPOSES[Purpose.ANALYTICS],
        Purpose.MARKETING: table.tcf.marketing if table.tcf.marketing is not None else PURPOSES[Purpose.MARKETING],
    }
    if "shopify" in own:  # both a cookie and a flag
        maps["shopify"] = own["shopify"]
    cookies = None
    with faults.collecting():
        cookies = CookieReaders(
            table.cookies,
            maps,
            versions=table.versions,
            names=table.names,
            tcf=purposes,
            services=services,
            usual_services=usual,
            readers=known,
        )
    return Readers(cookies, categories=own, dnt_denies=table.dnt, table=purposes)
