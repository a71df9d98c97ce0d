"""The keys that every `[destinations.<name>]` table may have. Each kind's `Settings` adds its own."""

from __future__ import annotations

from typing import Annotated, Final, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from gatekeeper.model import Purpose
from gatekeeper.vendors.kind import Kind, OnOptOut

Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]+$", max_length=128)]
HttpUrl = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$", max_length=2048)]


class Strict(BaseModel):
    """A table without unknown keys and without guessed types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class SecretRef(Strict):
    """A secret that is read from the environment when the policy is loaded."""

    env: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


SecretValue = SecretRef | str


class Common(Strict):
    """Defaults of a kind that a policy may replace, and what the records of processing need."""

    purpose: Purpose | None = Field(None, strict=False, description="What it is for; the kind's default if absent.")
    fields: list[str] | None = Field(None, description="The allow-list; the kind's default if absent.")
    endpoint: HttpUrl | None = Field(None, description="Base URL; the vendor's own if absent.")
    events: list[str] | None = Field(None, description="Only these events go there.")
    regions: list[str] | None = Field(None, description="Only visitors of these countries, or US-CA style regions.")
    on_opt_out: OnOptOut = "block"
    legal_basis: str | None = Field(None, description="GDPR article 6 basis, for the records.")
    dpa: str | None = Field(None, description="Reference of the data processing agreement (GDPR article 28).")
    lia: str | None = Field(None, description="Reference of the legitimate interest assessment.")
    retention: str | None = Field(None, description="How long the vendor keeps it, such as 14d or 2y.")
    recipient: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = Field(
        None, description="Who receives the data, as notices name them; the kind's company if absent."
    )
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] | None = Field(
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
    expires: Annotated[str, StringConstraints(pattern=r"^\d+(\.\d+)?\s*(s|m|h|d|w)$")] | None = Field(
        None, description="Older events are not sent, such as 1d; never older than the vendor accepts."
    )
    url_params: list[str] = Field(default_factory=list, description="Query parameters kept besides utm_*.")

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
