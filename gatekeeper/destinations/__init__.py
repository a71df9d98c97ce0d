"""Stage 5, shape: one file per kind of destination. `KINDS` is the explicit registry, by the name in a policy."""

from __future__ import annotations

from typing import Final

from gatekeeper.destinations import calls_only, first_party, ga4, google_ads, http_json, meta_capi, sentry, tiktok
from gatekeeper.destinations.kind import DestinationModule

_MODULES: Final[tuple[DestinationModule, ...]] = (
    ga4, meta_capi, google_ads, tiktok, sentry, first_party, http_json, *calls_only.ALL,
)  # fmt: skip
KINDS: Final[dict[str, DestinationModule]] = {module.KIND.name: module for module in _MODULES}
