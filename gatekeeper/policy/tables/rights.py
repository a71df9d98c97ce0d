"""`[rights]`: requests of persons about their data, and the gate's audit of its own work. It changes no decision."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gatekeeper.vendors.settings import HttpUrl, Spelled, Strict


class RightsTable(Strict):
    """What the operator chose for requests of persons, and when the gate audits itself."""

    four_eyes: bool = Field(False, description="The operator who entered a request for erasure cannot approve it.")
    remember: bool = Field(
        False, description="Keep, encrypted, which ids each destination got of a person, so that it can be asked."
    )
    erasures: Annotated[str, Spelled(r".*\S.*", "is empty; name a file that no backup of the store replaces", 1024)] = (
        Field("var/erasures.jsonl", description="The erased persons, as keyed hashes, to erase again after a restore.")
    )
    self_audit: Annotated[
        str, Spelled(r"off|([01]\d|2[0-3]):[0-5]\d", 'is not a time of the day; write it as 03:00, or "off"')
    ] = Field("03:00", description="When the gate audits the day before, UTC; `off`: never.")
    callback: HttpUrl | None = Field(
        None, description="Where your own endpoints can call back, such as https://shop.example/gk/erased."
    )
