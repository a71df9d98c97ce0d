"""`[policy]` and `[controller]`: which policy this is, and who decides about the data."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gatekeeper.vendors.settings import HttpUrl, Spelled, Strict


class PolicyTable(Strict):
    """`[policy]`: which policy this is, and who is responsible."""

    version: Annotated[
        str, Spelled(r".*\S.*", "is empty; give this state of the policy a name, such as a date", 64)
    ] = Field(description="Your name for this state of the policy, such as a date; in every audit line.")
    controller: Annotated[
        str, Spelled(r".*\S.*", "is empty; name the company that decides about the data: it stands in the records")
    ] = Field(description="The company that decides about the data (GDPR article 4(7)).")
    site: HttpUrl | None = Field(None, description="Base of relative page addresses, such as https://shop.example.")
    phone_region: str | None = Field(None, description="Country of phone numbers without country code, such as DE.")
    currency: str | None = Field(None, description="ISO 4217 code of order values that come without one.")
    secret_paths: list[
        Annotated[str, Spelled(r"[^\W\d_]+([-_]?[^\W\d_]+)*", "is not one word; write letters, and - or _ between", 40)]
    ] = Field(
        default_factory=list,
        description="Further words of paths that a one-time secret follows, such as einloesen.",
    )


class ControllerTable(Strict):
    """`[controller]`: what consent records, receipts and notices must say of who decides about the data."""

    name: str | None = Field(None, min_length=1, description="The registered name, if it is not `policy.controller`.")
    address: str | None = Field(None, min_length=1, description="The postal address.")
    contact: str | None = Field(None, min_length=1, description="An e-mail address or page for questions.")
    storage: str | None = Field(None, min_length=1, description="Where consent records are kept, such as DE.")
