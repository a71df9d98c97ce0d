"""For templates: what the visitor permits, such as for a banner. Read only when a template asks."""

from __future__ import annotations

from typing import Any

from django.utils.functional import SimpleLazyObject

from gatekeeper import context
from gatekeeper.model import Permission, Purpose


def consent(request: Any) -> dict[str, Any]:
    """`gatekeeper.analytics`, `gatekeeper.marketing`, `gatekeeper.gpc`: booleans, all false outside a request."""
    return {"gatekeeper": SimpleLazyObject(_state)}


def _state() -> dict[str, bool]:
    here = context.present()
    if here is None:
        return {"analytics": False, "marketing": False, "gpc": False}
    found = here.gate.consent_of(here.caller(), here.gate.clock())
    granted = {
        p.value: found.rulings[p].permission is Permission.GRANTED for p in (Purpose.ANALYTICS, Purpose.MARKETING)
    }
    return granted | {"gpc": found.gpc_detected}
