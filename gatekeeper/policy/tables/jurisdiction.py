"""`[jurisdiction]`: which laws apply where."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from gatekeeper.vendors.settings import Strict


class JurisdictionTable(Strict):
    """`[jurisdiction]`: laws that apply to everybody, and the law of loopback and private peers."""

    always: list[str] = Field(default_factory=list, description="Law ids that apply to every visitor, such as gdpr.")
    laws: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="Replaced fields of laws, and laws of your own."
    )
    database: str | None = Field(
        None, description="Your own GeoLite2, GeoIP2 or DB-IP file; the bundled one if absent."
    )
    anonymisers: list[str] = Field(
        default_factory=list, description="Files with relay, VPN or Tor exit networks, one per line."
    )
    default: str | None = Field(None, description="Law of loopback and private peers, for development and tests.")
