"""`[fields]`, `[events]` and `[[tests]]`: fields of your own, where events go, and what should become of them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

from gatekeeper.fields import IDENTIFIERS, TYPES
from gatekeeper.policy.tables.words import AgeBand, PurposeName
from gatekeeper.vendors.settings import Strict


class FieldTable(Strict):
    """`[fields.<name>]`: a field of your own."""

    purposes: Annotated[list[PurposeName], Field(min_length=1)]
    type: Annotated[str, Field(json_schema_extra={"enum": [t for t in TYPES if t not in ("items", "personal")]})] = (
        "text"
    )
    personal: str = Field("none", description="What kind of personal data it is or may hold.")
    max_length: Annotated[int, Field(ge=1, le=65_536)] = 256
    contextual: bool = Field(False, description="Says nothing about who the visitor is.")
    identifies: Annotated[str, Field(json_schema_extra={"enum": list(IDENTIFIERS)})] | None = Field(
        None, description="Which identifier of a person it is: then the log and the queue can be searched by it."
    )
    format: str | None = Field(None, description="Regular expression that a value must match whole.")
    description: str = ""


class EventTable(Strict):
    """`[events.<name>]`: where an event goes, and what it may be used for."""

    destinations: list[str] | None = Field(None, description="Only these destinations get it.")
    purposes: list[PurposeName] | None = Field(None, description="What it may be used for, if it does not say.")


class CallTable(Strict):
    """`call` of a test case: a request in a vendor's own words."""

    to: str = Field(description="The destination it is made to.")
    path: str = Field(description="The vendor's own path, with its query.")
    method: str = "POST"
    headers: dict[str, str] = Field(default_factory=dict, description="Such as Content-Type.")
    body: str | dict[str, Any] | list[Any] = Field("", description="Text, or what is sent as JSON.")


class CaseTable(Strict):
    """`[[tests]]`: an event or a call, who makes it where, and what should become of it."""

    name: str
    event: dict[str, Any] | None = None
    call: CallTable | None = Field(None, description="A request in a vendor's own words, in place of an event.")
    gpc: bool = False
    cookie: str | list[str] | None = Field(None, description="Cookie headers, as a browser sends them.")
    law: str | None = None
    place: str | None = Field(None, description="Where the visitor is, such as DE or US-CA.")
    age: AgeBand | None = Field(None, description="The visitor's age band.")
    expect: dict[str, str | list[str]] = Field(
        description="destination -> `send`, a reason code, or the fields that are sent"
    )

    @model_validator(mode="after")
    def _says_one_thing(self) -> CaseTable:
        if (self.event is None) == (self.call is None):
            raise ValueError("a case has an event or a call; give one of them")
        if self.law is not None and self.place is not None:
            raise ValueError("a case has a law or a place; give one of them, or none for an unknown place")
        return self
