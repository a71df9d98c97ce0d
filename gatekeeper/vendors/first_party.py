"""The operator's own analytics: canonical events as JSON to the operator's endpoint. The shortest destination.

    POST <endpoint>   {"events": [{"event", "event_id", "event_time", "data": {…canonical names…}}]}

With `speaks` it is one of the analytics products named there: it takes calls in its own protocol, no events of ours.

Default purpose and fields: the guide's "First-party analytics": page views, funnels, scroll depth, device.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

import orjson
from pydantic import Field, model_validator

from gatekeeper.model import Event, Outgoing, Personal, Purpose, Shaped
from gatekeeper.vendors.formats import answers, normalise
from gatekeeper.vendors.kind import Destination, Kind, Shaping
from gatekeeper.vendors.products import OTHER, PRODUCTS
from gatekeeper.vendors.settings import Common, HttpUrl, SecretValue

KIND = Kind(
    name="first_party",
    title="First-party analytics",
    purpose=Purpose.ANALYTICS,
    allowed_purposes=frozenset({Purpose.ANALYTICS, Purpose.MARKETING}),
    legal_basis="consent",
    fields=(
        "page_url", "page_title", "referrer", "session_id", "scroll_depth", "time_on_page", "navigation_path",
        "funnel_step", "device_type", "viewport", "connection_quality", "language", "order_value", "currency",
        "transaction_id", "items",
    ),
    places=None,
    batch_events=100,
    max_age=30 * 86_400.0,
    accepts_contextual=True,
    measures_audience=True,
    processor="the operator",
    received_by="operator",
    deletion="by the operator, at the endpoint",
)  # fmt: skip


class Settings(Common):
    """Keys of a `first_party` destination."""

    kind: Literal["first_party"]
    endpoint: HttpUrl = Field(description="Where the events are posted; with `speaks`, the product's base URL.")
    speaks: str | None = Field(
        None,
        examples=[*PRODUCTS],
        description="The analytics product that is there: it takes calls in its own protocol, and no events of ours.",
    )
    api_key: SecretValue | None = Field(
        None, description="The product's key or token, for calls that come without one; only with `speaks`."
    )
    headers: dict[str, SecretValue] = Field(default_factory=dict, description="Extra request headers.")
    truncate_ip: bool = Field(False, description="Send the visitor's address cut to its network, as `ip_truncated`.")

    @model_validator(mode="after")
    def _speaks_or_not(self) -> Settings:
        if self.api_key is not None and self.speaks is None:
            raise ValueError("`api_key` goes into calls: say whose protocol they are in with `speaks`")
        return self

    def adapt(self, kind: Kind) -> Kind:
        """A product takes calls only, with the ids it cannot do without; who runs it is the processor."""
        if self.speaks is None:
            return kind
        product = PRODUCTS.get(self.speaks, OTHER)
        hosted = product.is_hosted(self.endpoint)
        return replace(
            kind,
            fields=(*kind.fields, *product.ids),
            calls_only=True,
            accepts_contextual=not product.refuses,
            processor=product.company if hosted else kind.processor,
            received_by="vendor" if hosted else kind.received_by,
        )


def shape(event: Event, kept: Mapping[str, object], shaping: Shaping) -> Shaped | str:
    """The event under its canonical names; personal values can only go as hashes that came in as hashes."""
    data: dict[str, object] = {}
    invalid: list[str] = []
    for name, value in kept.items():
        if type(value) is not Personal:
            data[name] = value
        elif value.hashed:
            data[name] = value.value
        else:
            invalid.append(name)
    sent = tuple(data)
    derived: tuple[str, ...] = ()
    if shaping.to.settings["truncate_ip"] and "ip" not in data:
        address = event.data.get("ip", event.offered.get("ip"))
    else:
        address = None
    if address is not None:
        data["ip_truncated"] = normalise.network(str(address))
        derived = ("ip_truncated",)
    body = {"event": event.name, "event_id": event.id, "event_time": event.time, "data": data}
    return Shaped(head=b"", body=orjson.dumps(body), sent=sent, derived=derived, invalid=tuple(invalid))


def assemble(to: Destination, head: bytes, bodies: Sequence[bytes]) -> Outgoing:
    """All events of a batch in one request."""
    return Outgoing(
        "POST",
        to.endpoint,
        (
            ("Content-Type", "application/json"),
            *to.headers,
        ),
        b'{"events":[' + b",".join(bodies) + b"]}",
    )


read_answer = answers.by_status
