"""`[rights]`: what the gate does for the persons whose data it decides about."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gatekeeper.vendors.settings import Spelled, Strict


class RightsTable(Strict):
    """`[rights]`: when the gate audits itself."""

    self_audit: Annotated[
        str, Spelled(r"off|([01]\d|2[0-3]):[0-5]\d", 'is not a time of the day; write it as 03:00, or "off"')
    ] = Field("03:00", description="When the gate audits the day before, UTC; `off`: never.")
