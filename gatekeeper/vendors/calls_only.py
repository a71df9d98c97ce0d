"""Kinds that take calls only: ad vendors without a canonical event. Pure.

Their own requests come through `/gk/to/<destination>/…`, and are judged, stripped and hashed there (`DIALECT` in each
vendor's file). No event is routed to them: a policy that does so does not load. Their deletion is per person, by the
vendor's own tools.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Final

from gatekeeper.model import Event, Outgoing, Purpose, Shaped
from gatekeeper.vendors.formats import answers
from gatekeeper.vendors.kind import Destination, Kind, Shaping
from gatekeeper.vendors.settings import SecretValue, Spelled

CONVERSION: Final = ("order_value", "currency", "items")
MATCHED: Final = ("ip", "user_agent", "email_hash", "phone_hash", "external_id_hash")
PERSON: Final = (
    "first_name_hash", "last_name_hash", "city_hash", "state_hash", "postal_code_hash", "country_hash",
    "date_of_birth_hash", "gender_hash",
)  # fmt: skip

Digits = Annotated[str, Spelled(r"[0-9]{1,20}", "is not an id of digits only; copy it from the vendor's settings")]
Token = SecretValue | None


def kind(
    name: str,
    title: str,
    *,
    endpoint: str,
    processor: str,
    fields: tuple[str, ...],
    listed: tuple[str, ...] = (),
    clear: tuple[str, ...] = (),
) -> Kind:
    """The `KIND` of such a vendor. `fields` are sent by default; `listed` are those it has a place for as well."""
    return Kind(
        name=name,
        title=title,
        purpose=Purpose.MARKETING,
        allowed_purposes=frozenset({Purpose.MARKETING}),
        legal_basis="consent",
        fields=fields,
        places=frozenset({*fields, *listed}),
        clear=frozenset(clear),
        endpoint=endpoint,
        calls_only=True,
        processor=processor,
        deletion="none per event",
    )


def shape(event: Event, kept: Mapping[str, object], shaping: Shaping) -> Shaped | str:
    """Always why not: no event is routed here."""
    return f"{shaping.to.kind.name} takes calls only"


def assemble(to: Destination, head: bytes, bodies: Sequence[bytes]) -> Outgoing:
    """Raises ValueError: no event was shaped, so there is nothing to assemble."""
    raise ValueError(f"{to.kind.name} takes calls only")


read_answer = answers.by_status
