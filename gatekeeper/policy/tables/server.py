"""`[server]` and `[limits]`: how the sidecar listens, and what callers may have the gate do."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from gatekeeper.policy.tables.words import Prefix
from gatekeeper.policy.units import Duration, Size
from gatekeeper.vendors.settings import HttpUrl, SecretValue, Spelled, Strict

Scope = Literal["read", "erase", "approve", "suppress", "report", "deliver"]


class AdminTable(Strict):
    """`[[server.admins]]`: a token of the admin API, by the name that stands in the log, and what it may do."""

    name: Annotated[
        str, Spelled(r"[a-z][a-z0-9_-]{0,39}", "is not a name; write small letters, digits, _ and -, such as dpo", 40)
    ]
    token: SecretValue
    may: Annotated[list[Scope], Field(min_length=1)]


class ServerTable(Strict):
    """`[server]`: how the sidecar listens, and who may post."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8787
    prefix: Prefix = "/gk"
    trusted_proxies: list[str] = Field(
        default_factory=list, description="Networks whose headers are believed; `unix` for a Unix socket."
    )
    client_header: str = Field("X-Forwarded-For", description="The header with the client's address.")
    country_header: str | None = Field(None, description="An edge's country header, such as CF-IPCountry.")
    region_header: str | None = Field(None, description="The edge's region header.")
    hosts: list[str] = Field(default_factory=list, description="Names that Host may have; any if empty.")
    max_body: Size = Field(2**20, description="Largest body accepted, as received and as decompressed.")
    max_headers: Annotated[int, Field(ge=1, le=10_000)] = Field(100, description="Headers of one request.")
    max_header_size: Size = Field(16 * 2**10, description="Bytes of a request's target and headers.")
    header_timeout: Duration = Field(10.0, description="In which a request's headers must have arrived.")
    body_timeout: Duration = Field(15.0, description="In which a request's body must have arrived.")
    max_connections: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        4096, description="Open connections, per worker."
    )
    max_connections_per_address: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        512, description="Open connections from one address that is not a trusted proxy, for each worker."
    )
    origins: list[str] = Field(default_factory=list, description="Other origins whose pages may post events.")
    app_upstream: HttpUrl | None = Field(None, description="Origin of the app that the sidecar stands in front of.")
    api_keys: list[SecretValue] = Field(default_factory=list, description="Bearer keys of your own servers.")
    admin_token: SecretValue | None = Field(
        None, description="Bearer token of the metrics, and for reading in the admin API."
    )
    admins: list[AdminTable] = Field(
        default_factory=list, description="Tokens of the admin API; without them it is off."
    )


Rate = Annotated[int, Field(ge=1, le=1_000_000_000)]


class LimitsTable(Strict):
    """`[limits]`: what callers may have the gate do, in a minute and in one request."""

    events: Rate = Field(300_000, description="Events and calls a minute from anonymous callers, all together.")
    bytes: Size = Field(2**32, description="Bytes a minute from anonymous callers, all together.")
    address_events: Rate = Field(30_000, description="Events and calls a minute from one network: IPv4 /24, IPv6 /56.")
    address_bytes: Size = Field(2**29, description="Bytes a minute from one network.")
    consents: Rate = Field(600, description="Grants a minute from one network; refusals are never counted.")
    trusted_events: Rate = Field(3_000_000, description="Events and calls a minute from callers with an api key.")
    trusted_bytes: Size = Field(2**35, description="Bytes a minute from callers with an api key.")
    bodies: Size = Field(24 * 2**20, description="Bytes of bodies that are being read or wait, in all, per process.")
    elements: Annotated[int, Field(ge=1, le=5_000)] = Field(
        2000, description="Events of one request; a vendor's own limit holds where it is lower."
    )
    scrubbed: Annotated[int, Field(ge=1_000, le=100_000_000)] = Field(
        262_144, description="Characters of one request that are searched; fields beyond it are invalid."
    )
    decoded: Annotated[int, Field(ge=1_000, le=100_000_000)] = Field(
        65_536, description="Characters that words of base64, hexadecimal and escapes in it may hold, layer by layer."
    )
