"""The keys that every `[destinations.<name>]` table may have. Each kind's `Settings` adds its own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, Final, get_args

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from gatekeeper.model import Purpose
from gatekeeper.vendors.kind import Kind, OnOptOut
from gatekeeper.vendors.records import DestinationRecords


@dataclass(frozen=True, slots=True)
class Spelled:
    """How a text is spelled, for people and for editors: `Annotated[str, Spelled(r"[0-9]+", "is not …; write …")]`.

    `pattern` is a regular expression that the whole text must match, `words` the fault's sentence without its key:
    what the text is not, and the remedy. `max_length` is in characters.
    """

    pattern: str
    words: str
    max_length: int = 256

    def check(self, text: str) -> str:
        """The text; ValueError with the words if it is spelled otherwise."""
        if len(text) > self.max_length:
            raise ValueError(f"has {len(text)} characters; {self.max_length} are the most")
        if re.fullmatch(self.pattern, text) is None:
            raise ValueError(self.words)
        return text

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return handler(schema) | {"pattern": f"^({self.pattern})$", "maxLength": self.max_length}


Identifier = Annotated[
    str, Spelled(r"[A-Za-z0-9._-]+", "is not an identifier; write letters, digits, dots and dashes only", 128)
]
HttpUrl = Annotated[
    str,
    Spelled(
        r"https?://[^\s/?#@]+(/[^\s?#]*)?",
        "is not an address such as https://shop.example/path; write it without user, query and fragment",
        2048,
    ),
]
NonEmpty = Annotated[str, Spelled(r"(?s).*\S.*", "is empty; write it, or remove the key", 1024)]


class Strict(BaseModel):
    """A table without unknown keys and without guessed types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class SecretRef(Strict):
    """A secret that is read from the environment when the policy is loaded."""

    env: Annotated[
        str,
        Spelled(r"[A-Za-z_][A-Za-z0-9_]*", "is not the name of an environment variable; write letters, digits and _"),
    ]


SecretValue = SecretRef | str


class ErasureSettings(Strict):
    """`[destinations.<name>.erasure]`: access to the recipient's deletion of one person; docs/erasure.md says which."""

    token: SecretValue | None = Field(None, description="Bearer token of the deletion interface.")
    key: SecretValue | None = Field(None, description="Amplitude's API key.")
    secret: SecretValue | None = Field(
        None, description="Amplitude's secret key; at your own endpoint the key of signatures, 128 bits at least."
    )
    project_token: SecretValue | None = Field(None, description="Mixpanel's project token.")
    property_id: Annotated[str, Spelled(r"[0-9]+", "is not a property; write its number")] | None = Field(
        None, description="GA4's numeric property, such as 123456789; not the measurement id."
    )
    project_id: Annotated[str, Spelled(r"[0-9]+", "is not a project; write its number")] | None = Field(
        None, description="PostHog's project, such as 1234."
    )
    site_id: Annotated[str, Spelled(r"[0-9]+", "is not a site; write its number")] | None = Field(
        None, description="Matomo's site, such as 1."
    )
    destination_ids: list[Identifier] = Field(
        default_factory=list, description="RudderStack's destinations to delete from."
    )
    audiences: list[Annotated[str, Spelled(r"[0-9]+", "is not an audience; write its number")]] = Field(
        default_factory=list, description="Audiences at Meta or Google Ads that a person is removed from."
    )


ERASURE_SECRETS: Final = ("token", "key", "secret", "project_token")


class Common(Strict):
    """Defaults of a kind that a policy may replace, and what the records of processing need."""

    purpose: Purpose | None = Field(None, strict=False, description="What the data is for; the kind's if absent.")
    fields: list[str] | None = Field(None, description="The allow-list; the kind's default if absent.")
    endpoint: HttpUrl | None = Field(None, description="Base URL; the vendor's own if absent.")
    events: list[str] | None = Field(None, description="Only these events go there.")
    regions: list[str] | None = Field(
        None, description="Only visitors of these countries, EU, EEA, or US-CA style regions."
    )
    on_opt_out: OnOptOut = "block"
    legal_basis: NonEmpty | None = Field(None, description="GDPR article 6 basis, for the records.")
    dpa: NonEmpty | None = Field(None, description="Reference of the data processing agreement (GDPR article 28).")
    lia: NonEmpty | None = Field(None, description="Reference of the legitimate interest assessment.")
    retention: (
        Annotated[str, Spelled(r"\d+(\.\d+)?\s*(h|d|w|y|months?)", "is not a time; write 14d, 26 months or 2y")] | None
    ) = Field(None, description="How long the vendor keeps it, such as 14d or 2y.")
    recipient: Annotated[str, Spelled(r"\S.*", "is not a name; write who receives the data", 200)] | None = Field(
        None, description="The company that receives the data, as notices name it; the kind's own if absent."
    )
    country: Annotated[str, Spelled(r"[A-Z]{2}", "is not a country; write its two letters, such as IE")] | None = Field(
        None, description="Country of the recipient, such as IE."
    )
    privacy_policy: HttpUrl | None = Field(None, description="Address of the recipient's privacy policy.")
    statistics_only: bool = Field(
        False, description="Strictly first-party audience statistics: exempt from consent where the law says so."
    )
    vendor_id: Annotated[int, Field(ge=0, le=65_535)] | None = Field(
        None,
        description="Id in the IAB's Global Vendor List: then a TC string must consent to this vendor too. "
        "The kind's own if absent (Google: 755), 0 for none.",
    )
    tcf_purposes: list[Annotated[int, Field(ge=1, le=24)]] | None = Field(
        None, description="TCF purposes this vendor needs consent for; the kind's own if absent."
    )
    expires: (
        Annotated[
            str,
            Spelled(
                r"\d+(\.\d+)?\s*(s|m|h|d|w)", "is not a duration; write a number and a unit, such as 90s, 24h or 3d"
            ),
        ]
        | None
    ) = Field(None, description="Older events are not sent, such as 1d; never older than the vendor accepts.")
    url_params: list[str] = Field(default_factory=list, description="Query parameters kept besides utm_*.")
    records: DestinationRecords = Field(DestinationRecords(), description="For the reports; it changes no decision.")
    erasure_endpoint: HttpUrl | None = Field(
        None, description="Where deletions are asked for: your own endpoint, or the vendor's in another region."
    )
    erasure: ErasureSettings = Field(ErasureSettings(), description="What deleting a person there needs.")

    def adapt(self, kind: Kind) -> Kind:
        """The kind as these settings change its defaults: an address out of a DSN, a batch size."""
        return kind


SECRETS: Final = frozenset({"api_secret", "access_token", "developer_token", "api_key"})


def holds_secrets(annotation: object) -> bool:
    """Whether a `SecretRef` stands anywhere in a type."""
    return annotation is SecretRef or any(map(holds_secrets, get_args(annotation)))


def secret_keys(table: type[Common]) -> frozenset[str]:
    """The keys of a kind's settings that hold one secret each: they are printed, hashed and archived nowhere."""
    typed = {
        key for key, field in table.model_fields.items() if SecretRef in (field.annotation, *get_args(field.annotation))
    }
    return frozenset(typed | (SECRETS & table.model_fields.keys()))
