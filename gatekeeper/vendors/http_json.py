"""Any JSON endpoint: a flat object under the names the policy gives.

    POST <endpoint>   {"event", "event_id", "event_time", …fields…}, or with `batch = true` {"events": […]}

No vendor documents what such an endpoint is for. The policy must say its purpose, and the default fields are the
guide's list for first-party analytics, as far as that purpose covers them. Personal data goes out hashed, by rules
that most vendors share: e-mail trimmed and in lower case, phone in E.164 with its plus, names and places without
white space and punctuation, country as ISO 3166-1 alpha-2 in lower case, birth date as YYYYMMDD.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Literal

import orjson
from pydantic import Field, model_validator

from gatekeeper.model import Event, Outgoing, Personal, Purpose, Shaped
from gatekeeper.vendors import first_party
from gatekeeper.vendors.formats import answers, normalise
from gatekeeper.vendors.kind import Destination, Kind, Shaping
from gatekeeper.vendors.settings import Common, HttpUrl, SecretValue

ENVELOPE: Final = ("event", "event_id", "event_time")
BATCH: Final = 100
HASHED: Final[Mapping[str, Callable[[str], str | None]]] = {
    "email_hash": normalise.email,
    "phone_hash": lambda e164: e164,
    "first_name_hash": normalise.letters,
    "last_name_hash": normalise.letters,
    "street_hash": normalise.letters,
    "city_hash": normalise.letters,
    "state_hash": normalise.state,
    "postal_code_hash": normalise.postal_code,
    "country_hash": normalise.country,
    "date_of_birth_hash": normalise.birth_date,
    "gender_hash": normalise.gender,
    "external_id_hash": normalise.compact,
}

KIND = Kind(
    name="http_json",
    title="Any JSON endpoint",
    purpose=None,
    allowed_purposes=frozenset(Purpose),
    legal_basis="consent",
    fields=first_party.KIND.fields,
    places=None,
    max_age=30 * 86_400.0,
    accepts_contextual=True,
    processor="the operator of the endpoint",
    received_by="endpoint",
    deletion="by the operator of the endpoint",
)


class Settings(Common):
    """Keys of an `http_json` destination."""

    kind: Literal["http_json"]
    endpoint: HttpUrl = Field(description="Where the events are posted.")
    headers: dict[str, SecretValue] = Field(default_factory=dict, description="Extra request headers.")
    rename: dict[str, str] = Field(default_factory=dict, description='New names, such as { page_url = "url" }.')
    batch: bool = Field(False, description="Post up to 100 events at once, as a list under `events`.")

    @model_validator(mode="after")
    def _names_are_apart(self) -> Settings:
        taken = [*self.rename.values(), *(name for name in ENVELOPE if name not in self.rename)]
        for name in self.rename.values():
            if not 0 < len(name) <= 128 or taken.count(name) > 1:
                raise ValueError(f'rename: "{name}" cannot be a new name, or is one twice; choose another')
        return self

    def adapt(self, kind: Kind) -> Kind:
        """One event per request, unless the endpoint takes lists."""
        return replace(kind, batch_events=BATCH) if self.batch else kind


def shape(event: Event, kept: Mapping[str, object], shaping: Shaping) -> Shaped | str:
    """The event as one flat object."""
    rename = shaping.to.settings["rename"]
    out: dict[str, Any] = {
        rename.get(name, name): value for name, value in zip(ENVELOPE, (event.name, event.id, event.time), strict=True)
    }
    sent: list[str] = []
    invalid: list[str] = []
    for name, value in kept.items():
        if type(value) is Personal:
            plain = normalise.plain_hash(value)
            value = normalise.hashed(value, None if value.hashed else HASHED[name](value.value)) if plain else None
        place = rename.get(name, name)
        if value is None or place in out:  # a field must never stand in for another
            invalid.append(name)
            continue
        out[place] = value
        sent.append(name)
    return Shaped(head=b"", body=orjson.dumps(out), sent=tuple(sent), invalid=tuple(invalid))


def assemble(to: Destination, head: bytes, bodies: Sequence[bytes]) -> Outgoing:
    """The object, or all objects of a batch in a list."""
    body = b'{"events":[' + b",".join(bodies) + b"]}" if to.settings["batch"] else b"".join(bodies)
    return Outgoing("POST", to.endpoint, (("Content-Type", "application/json"), *to.headers), body)


read_answer = answers.by_status
