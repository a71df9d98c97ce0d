"""`[delivery]` and `[outbound]`: how deliveries are made, and what the app's own clients may call."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from gatekeeper.policy.units import Duration
from gatekeeper.vendors.settings import NonEmpty, SecretValue, Strict


class DeliveryTable(Strict):
    """`[delivery]`: how hard delivery tries."""

    timeout: Duration = Field(10.0, description="For one request, from connect to the end of the answer.")
    max_queued: Annotated[int, Field(ge=1, le=10_000_000)] = Field(
        1_000_000, description="Events waiting for one destination before new ones are blocked there."
    )
    proxy: SecretValue | None = Field(None, description="Forward proxy that vendors are reached through.")
    no_proxy: list[NonEmpty] = Field(
        default_factory=list, description="Hosts that are reached without it; a leading dot means all names below."
    )
    dead_letters: Duration = Field(
        7 * 86_400.0, description="How long undeliverable events are kept for a retry by hand."
    )
    max_concurrent: Annotated[int, Field(ge=1, le=10_000)] = Field(
        64, description="Calls under way to one destination; further ones wait their turn."
    )


class OutboundTable(Strict):
    """`[outbound]`: tracking calls of the app's own HTTP clients."""

    allow: list[str] = Field(
        default_factory=list,
        description="Hosts that the app may call unfiltered: tracking hosts without a destination, and others you use.",
    )
    unknown: Literal["allow", "warn", "block"] = Field(
        "allow", description="What happens to calls to hosts that are not in any table; they are always counted."
    )
