"""Shopify's Customer Privacy API, forwarded from the browser: `customerPrivacy` of a pixel's `init`.

Contract: `read` takes `{"analyticsProcessingAllowed": …, "marketingAllowed": …, "saleOfDataAllowed": …}`
and never raises. Booleans only; `saleOfDataAllowed: false` is an opt-out of sale.
Source: https://shopify.dev/docs/api/web-pixels-api/standard-api/customerprivacy
"""

from __future__ import annotations

from collections.abc import Mapping

from gatekeeper.model import Purpose, Signal
from gatekeeper.signals.answers import opt_out, permissions
from gatekeeper.signals.flags.answers import flag, malformed

SOURCE = "shopify"
CATEGORIES = {
    "analyticsprocessingallowed": Purpose.ANALYTICS,
    "marketingallowed": Purpose.MARKETING,
}


def read(privacy: object) -> tuple[Signal, ...]:
    """The flag, and the opt-out of sale, of one `customerPrivacy`."""
    if not isinstance(privacy, Mapping):
        return (malformed(SOURCE, "the consent object is none"),)
    spoken = {str(name): allowed is True for name, allowed in privacy.items()}
    found = (flag(SOURCE, permissions(spoken, CATEGORIES), "customer privacy"),)
    sale = privacy.get("saleOfDataAllowed", True)
    return found if sale is True else (*found, opt_out(SOURCE, "opted out of sale"))
