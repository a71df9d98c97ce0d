"""Analytics products that a `first_party` destination may be. Data. Their calls are read in the file of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Product:
    """An analytics product. `ids` are the fields it tells visitors apart by; with `refuses`, it takes no event without.

    `company` runs it for others: under these `hosts`, or (`None`) always.
    """

    ids: tuple[str, ...]
    company: str
    hosts: tuple[str, ...] | None
    refuses: bool = False

    def is_hosted(self, endpoint: str) -> bool:
        """Whether the company runs it there, and so is a processor (GDPR article 28)."""
        host = f".{urlsplit(endpoint).hostname}"
        return self.hosts is None or any(host.endswith(f".{one}") for one in self.hosts)


# Source: the products' documentation of their hosted endpoints, read 2026-11-25.
PRODUCTS: Final[Mapping[str, Product]] = {
    "plausible": Product(("user_agent",), "Plausible Insights", ("plausible.io",)),
    "umami": Product(("user_agent",), "Umami Software", ("umami.is", "umami.dev")),
    "matomo": Product(("client_id",), "InnoCraft", ("matomo.cloud",)),
    "posthog": Product(("client_id",), "PostHog", ("posthog.com",), refuses=True),
    "snowplow": Product(("client_id",), "Snowplow", ("snplow.net", "snplow.com")),
    "segment": Product(("client_id", "user_id"), "Twilio Segment", None, refuses=True),
    "rudderstack": Product(("client_id", "user_id"), "RudderStack", ("rudderstack.com",), refuses=True),
    "mixpanel": Product(("client_id", "user_id"), "Mixpanel", None),
    "amplitude": Product(("client_id", "user_id"), "Amplitude", None, refuses=True),
}


OTHER: Final = Product((), "", ())
"""A product that the operator brings the format of: it runs where the operator runs it, and `fields` names its ids."""
