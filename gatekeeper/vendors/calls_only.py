"""Kinds that take calls only: the ad vendors of the second tier, by table.

There is no canonical event for them: their own requests come through `/gk/to/<destination>/…` and are judged, stripped
and hashed there (`DIALECT` in the vendor's own file). No event is routed to them: a policy that does so does not load.
Sources: the vendors' pages named in `<vendor>.toml`, read 2026-11-23.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import Field, StringConstraints

from gatekeeper.model import Answer, Event, Outcome, Outgoing, Purpose, Shaped
from gatekeeper.vendors.formats import answers
from gatekeeper.vendors.kind import Destination, Kind, Shaping
from gatekeeper.vendors.settings import Common, Identifier, SecretValue

_CONVERSION: Final = ("order_value", "currency", "items")
_PERSON: Final = (
    "first_name_hash", "last_name_hash", "city_hash", "state_hash", "postal_code_hash", "country_hash",
    "date_of_birth_hash", "gender_hash",
)  # fmt: skip
Digits = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,20}$")]
Token = SecretValue | None


class PinterestSettings(Common):
    """Keys of a `pinterest` destination."""

    kind: Literal["pinterest"]
    ad_account_id: Digits = Field(description="Ad account whose events they are.")
    access_token: Token = Field(None, description="Conversion access token, for calls that bring none.")


class SnapSettings(Common):
    """Keys of a `snap` destination."""

    kind: Literal["snap"]
    pixel_id: Identifier = Field(description="Pixel id, or the app's.")
    access_token: Token = Field(None, description="Long-lived token, for calls that bring none.")


class LinkedinSettings(Common):
    """Keys of a `linkedin` destination."""

    kind: Literal["linkedin"]
    access_token: Token = Field(None, description="Token of the Conversions API, for calls that bring none.")


class MicrosoftSettings(Common):
    """Keys of a `microsoft` destination."""

    kind: Literal["microsoft"]
    tag_id: Digits = Field(description="UET tag id.")
    access_token: Token = Field(None, description="Token of the UET tag, for calls that bring none.")


class RedditSettings(Common):
    """Keys of a `reddit` destination."""

    kind: Literal["reddit"]
    pixel_id: Identifier = Field(description="Pixel or account id, such as a2_abc.")
    access_token: Token = Field(None, description="Conversion access token, for calls that bring none.")


class XSettings(Common):
    """Keys of an `x` destination; X's calls are signed by the caller."""

    kind: Literal["x"]
    pixel_id: Identifier = Field(description="Base tag id, such as o8z6j.")


@dataclass(frozen=True, slots=True)
class CallsOnly:
    """A kind without events; `shape` and `assemble` are never asked, because nothing is routed here."""

    KIND: Kind
    Settings: type[Any]

    def shape(self, event: Event, kept: Mapping[str, object], shaping: Shaping) -> Shaped | str:
        """Always why not."""
        return f"{self.KIND.name} takes calls only"

    def assemble(self, to: Destination, head: bytes, bodies: Sequence[bytes]) -> Outgoing:
        """Nothing was shaped, so there is nothing to assemble: raises ValueError."""
        raise ValueError(f"{self.KIND.name} takes calls only")

    def read_answer(self, answer: Answer, count: int) -> tuple[Outcome, ...]:
        """By the status alone."""
        return answers.by_status(answer, count)


def _kind(
    name: str,
    title: str,
    endpoint: str,
    processor: str,
    fields: tuple[str, ...],
    *,
    listed: tuple[str, ...] = (),
    clear: tuple[str, ...] = (),
    deletion: str = "none per event",
) -> Kind:
    """`fields` by default; `listed` are those the vendor has a place for as well."""
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
        deletion=deletion,
    )


_MATCHED: Final = ("ip", "user_agent", "email_hash", "phone_hash", "external_id_hash")
ALL: Final = (
    CallsOnly(
        _kind(
            "pinterest", "Pinterest Conversions API", "https://api.pinterest.com", "Pinterest Europe Ltd",
            ("page_url", "transaction_id", *_CONVERSION, "epik", *_MATCHED, *_PERSON), listed=("product_interest",),
        ),
        PinterestSettings,
    ),
    CallsOnly(
        _kind(
            "snap", "Snap Conversions API", "https://tr.snapchat.com", "Snap Group Ltd",
            ("page_url", "transaction_id", *_CONVERSION, "sc_click_id", "sc_cookie1", *_MATCHED,
             *(name for name in _PERSON if name != "date_of_birth_hash")),
            listed=("product_interest", "customer_lifetime_value"),
        ),
        SnapSettings,
    ),
    CallsOnly(
        _kind(
            "linkedin", "LinkedIn Conversions API", "https://api.linkedin.com", "LinkedIn Ireland Unlimited Company",
            ("order_value", "currency", "li_fat_id", "email_hash"),
            listed=("first_name_hash", "last_name_hash", "country_hash"),
            clear=("first_name_hash", "last_name_hash", "country_hash"),
        ),
        LinkedinSettings,
    ),
    CallsOnly(
        _kind(
            "microsoft", "Microsoft Advertising UET", "https://capi.uet.microsoft.com",
            "Microsoft Ireland Operations Ltd",
            ("page_url", "transaction_id", *_CONVERSION, "msclkid", *_MATCHED), listed=("referrer", "product_interest"),
        ),
        MicrosoftSettings,
    ),
    CallsOnly(
        _kind(
            "reddit", "Reddit Conversions API", "https://ads-api.reddit.com", "Reddit Netherlands B.V.",
            ("page_url", "transaction_id", *_CONVERSION, "rdt_cid", *_MATCHED),
        ),
        RedditSettings,
    ),
    CallsOnly(
        _kind(
            "x", "X Conversion API", "https://ads-api.x.com", "X Internet Unlimited Company",
            (*_CONVERSION, "twclid", "ip", "user_agent", "email_hash", "phone_hash"),
        ),
        XSettings,
    ),
)  # fmt: skip
"""The kinds, in the order of the registry. LinkedIn's clear names are for a policy to list: no default."""
