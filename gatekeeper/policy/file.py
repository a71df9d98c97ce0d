"""The policy file's own shape, as pydantic models: what may be written, before anything is compiled."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, Literal, Union

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    create_model,
    field_validator,
    model_validator,
)

from gatekeeper.fields import IDENTIFIERS, TYPES
from gatekeeper.model import Purpose
from gatekeeper.policy.records import RecordsTable
from gatekeeper.policy.rights import RightsTable
from gatekeeper.policy.units import Duration, Size
from gatekeeper.vendors import KINDS
from gatekeeper.vendors.kind import DestinationModule
from gatekeeper.vendors.settings import Common, HttpUrl, NonEmpty, SecretValue, Spelled, Strict

Name = Annotated[
    str,
    Spelled(
        r"[A-Za-z][A-Za-z0-9_.-]*",
        "is not a name; begin it with a letter, go on with letters, digits, dots, dashes and _",
        64,
    ),
]
Prefix = Annotated[
    str, Spelled(r"/[A-Za-z0-9_/-]*[A-Za-z0-9_-]", "is not a path; begin it with / and end it without, such as /gk")
]
Language = Annotated[
    str, Spelled(r"[a-z]{2,3}(-[A-Z][A-Za-z]{1,3})?", "is not a language; write de or pt-BR")
]  # BCP 47, its short forms
AgeBand = Literal["under_13", "13_15", "16_17", "adult"]
# TOML has no enums: a purpose is written as a string.
PurposeName = Annotated[Purpose, Field(strict=False)]
# What a consent platform's category or service stands for: a purpose, a destination, or a list of them.
Words = Annotated[
    list[str],
    BeforeValidator(lambda value: [value] if isinstance(value, str) else value, json_schema_input_type=str | list[str]),
]


class PolicyTable(Strict):
    """`[policy]`: which policy this is, and who is responsible."""

    version: Annotated[
        str, Spelled(r".*\S.*", "is empty; give this state of the policy a name, such as a date", 64)
    ] = Field(description="Your name for this state of the policy, such as a date; in every audit line.")
    controller: Annotated[
        str, Spelled(r".*\S.*", "is empty; name the company that decides about the data: it stands in the records")
    ] = Field(description="Who decides about the data (GDPR article 4(7)).")
    site: HttpUrl | None = Field(None, description="Base of relative page addresses, such as https://shop.example.")
    phone_region: str | None = Field(None, description="Country of phone numbers without country code, such as DE.")
    currency: str | None = Field(None, description="ISO 4217 code of order values that come without one.")
    secret_paths: list[
        Annotated[str, Spelled(r"[^\W\d_]+([-_]?[^\W\d_]+)*", "is not one word; write letters, and - or _ between", 40)]
    ] = Field(
        default_factory=list,
        description="Further words of paths that a one-time secret follows, such as einloesen.",
    )


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
        512, description="Open connections from one address that is no trusted proxy, per worker."
    )
    origins: list[str] = Field(default_factory=list, description="Other origins whose pages may post events.")
    app_upstream: HttpUrl | None = Field(None, description="Origin of the app that the sidecar stands in front of.")
    api_keys: list[SecretValue] = Field(default_factory=list, description="Bearer keys of your own servers.")
    admin_token: SecretValue | None = Field(None, description="Bearer token of the metrics; without it there are none.")


class TcfTable(Strict):
    """`[consent.tcf]`: which TCF purposes make up ours."""

    analytics: list[Annotated[int, Field(ge=1, le=24)]] | None = None
    marketing: list[Annotated[int, Field(ge=1, le=24)]] | None = None


Domain = Annotated[
    str, Spelled(r"[a-z0-9-]+(\.[a-z0-9-]+)+", "is not a domain; write shop.example, in small letters", 253)
]
PageAddress = Annotated[
    str,
    Spelled(
        r"(https?://[^\s/?#@]+)?/([^\s/\\]\S*)?", "is not the address of a page; write /privacy or https://…", 2048
    ),
]


Paragraph = Annotated[str, Spelled(r"(?s).*\S.*", "is empty; write it, or remove the key", 4_000)]


class CookieTable(Strict):
    """`[consent.cookie]`: how far our own cookies reach."""

    domain: Domain | None = Field(
        None, description="The site's domain, such as shop.example, where subdomains share a choice; else one host."
    )
    same_site: Literal["lax", "strict", "none"] = Field(
        "lax", description="`none`, for pages that other sites embed, only with `partitioned`."
    )
    partitioned: bool = Field(False, description="A cookie of its own for each site that embeds the page (CHIPS).")

    @model_validator(mode="after")
    def _embedded(self) -> CookieTable:
        if self.same_site == "none" and not self.partitioned:
            raise ValueError('same_site: "none" is for embedded pages; browsers want partitioned = true with it')
        return self


class NoticeTable(Strict):
    """`[consent.notice]`: the words that visitors are asked with, and when they are asked again."""

    version: Annotated[str, Spelled(r"[!-~]([ -~]*[!-~])?", "is not a version; write 2026-11", 64)] | None = Field(
        None,
        description="Your name for what is asked. Who granted under another one is asked again. "
        "Without it, it follows from purposes and recipients.",
    )
    language: Language = Field("en", description="The language of visitors who prefer none that there is.")
    scope: Literal["device", "account"] = Field(
        "device", description="How far a choice reaches: this browser, or all devices of who is logged in."
    )
    url: PageAddress | None = Field(None, description="Your privacy policy, such as /privacy.")
    ask_again_after_grant: Duration = Field(180 * 86_400.0, description="A grant older than this is asked for again.")
    ask_again_after_refusal: Duration = Field(
        180 * 86_400.0,
        description="Who refused is not asked again before; 180d is the shortest that regulators accept.",
    )

    @field_validator("ask_again_after_refusal")
    @classmethod
    def _patience(cls, value: float) -> float:
        if value < 180 * 86_400.0:
            raise ValueError("no regulator accepts less than 180d; write 180d or more")
        return value

    texts: dict[
        Language, dict[str, Annotated[str, Spelled(r"(?s).*\S.*", "is empty; write it, or remove the key", 4_000)]]
    ] = Field(default_factory=dict, description="Your own words, by language; others stay as they are.")


class ConsentTable(Strict):
    """`[consent]`: which signals are read, and how long a grant lasts.

    Any other table in it is a consent platform's: its own category names and the purpose of each, and its single
    services and the destination of each, or a list of both.
    """

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)
    __pydantic_extra__: dict[str, dict[str, Words]] = Field(init=False)

    cookies: Literal["auto"] | list[str] = "auto"
    max_age: Duration | None = Field(365 * 86_400.0, description="Grants older than this count as never given.")
    gpc: Literal["everywhere", "where_required"] = "everywhere"
    dnt: list[PurposeName] = Field(default_factory=list, description="Purposes that DNT: 1 denies; none by default.")
    names: dict[str, str] = Field(default_factory=dict, description="The site's own cookie name -> the standard one.")
    versions: dict[str, dict[str, str]] = Field(
        default_factory=dict, description="Platform -> the notice version a grant must have been given under (`*`)."
    )
    tcf: TcfTable = TcfTable()
    notice: NoticeTable = NoticeTable()
    cookie: CookieTable = CookieTable()


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


class AuditTable(Strict):
    """`[audit]`: where the log is written, and how it is kept."""

    path: str = "var/audit"
    rotate: Size = Field(64 * 10**6, description="A segment is closed at this size, and at midnight UTC.")
    checkpoint: Duration = Field(60.0, ge=1.0, description="How often how far the log is gets signed, while it grows.")
    anchor: (
        Annotated[
            str,
            Spelled(
                r"stdout|https?://\S+|(?![A-Za-z][A-Za-z0-9+.-]*://).*\S.*",
                "is not a place for anchors; write stdout, a path, or an address that begins with https://",
                2048,
            ),
        ]
        | None
    ) = Field(None, description="Where signed checkpoints are put besides: stdout, a file elsewhere, or a URL.")
    fsync: Literal["batch", "os"] = Field(
        "batch",
        description="`batch`: lines are on the disk before anything is sent. `os`: a power cut can lose the last ones.",
    )


class StorageTable(Strict):
    """`[storage]`: where the ledger and the outbox are kept."""

    url: Annotated[
        str, Spelled(r"sqlite:///.+", "is not the address of a store; write it as sqlite:///var/gatekeeper.db", 1024)
    ] = "sqlite:///var/gatekeeper.db"


class KeysTable(Strict):
    """`[keys]`: the folder of the signing and pseudonym keys."""

    path: str = "var/keys"


class DeliveryTable(Strict):
    """`[delivery]`: how hard delivery tries."""

    timeout: Duration = Field(10.0, description="For one request, from connect to the end of the answer.")
    max_queued: Annotated[int, Field(ge=1, le=10_000_000)] = Field(
        1_000_000, description="Events waiting for one destination before new ones are blocked there."
    )
    proxy: SecretValue | None = Field(None, description="Forward proxy that vendors are reached through.")
    no_proxy: list[NonEmpty] = Field(
        default_factory=list, description="Hosts that are reached without it; a leading dot means all names below."
    )
    dead_letters: Duration = Field(
        7 * 86_400.0, description="How long undeliverable events are kept for a retry by hand."
    )
    max_concurrent: Annotated[int, Field(ge=1, le=10_000)] = Field(
        64, description="Calls under way to one destination; further ones wait their turn."
    )


Rate = Annotated[int, Field(ge=1, le=1_000_000_000)]


class LimitsTable(Strict):
    """`[limits]`: what callers may have the gate do, in a minute and in one request."""

    events: Rate = Field(300_000, description="Events and calls a minute from anonymous callers, all together.")
    bytes: Size = Field(2**32, description="Bytes a minute from anonymous callers, all together.")
    address_events: Rate = Field(30_000, description="Events and calls a minute from one network: IPv4 /24, IPv6 /56.")
    address_bytes: Size = Field(2**29, description="Bytes a minute from one network.")
    consents: Rate = Field(600, description="Grants a minute from one network; refusals are never counted.")
    trusted_events: Rate = Field(3_000_000, description="Events and calls a minute from bearers of an api key.")
    trusted_bytes: Size = Field(2**35, description="Bytes a minute from bearers of an api key.")
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


class RetentionTable(Strict):
    """`[retention]`: how long personal references stay in the audit."""

    personal_references: Duration = Field(90 * 86_400.0, description="Then they are removed from the log.")
    statistics: Duration = Field(3 * 31_557_600.0, description="How long aggregated numbers are kept.")
    consent: Duration = Field(5 * 31_557_600.0, description="How long consent records are kept; receipts say it.")


class ControllerTable(Strict):
    """`[controller]`: what consent records, receipts and notices must say of who decides about the data."""

    name: str | None = Field(None, min_length=1, description="The registered name, if it is not `policy.controller`.")
    address: str | None = Field(None, min_length=1, description="The postal address.")
    contact: str | None = Field(None, min_length=1, description="An e-mail address or page for questions.")
    storage: str | None = Field(None, min_length=1, description="Where consent records are kept, such as DE.")


class OutboundTable(Strict):
    """`[outbound]`: tracking calls of the app's own HTTP clients."""

    allow: list[str] = Field(
        default_factory=list,
        description="Known tracking hosts that may be called unfiltered though no destination, and hosts you know of.",
    )
    unknown: Literal["allow", "warn", "block"] = Field(
        "allow", description="What becomes of calls to hosts that are in no table; they are counted in any case."
    )


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
        None, description="What it identifies somebody as: then the log and the queue can be searched by it."
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


class PolicyFile(Strict):
    """The whole file; `model` makes the one in which a destination is a table of one of the kinds."""

    policy: PolicyTable
    server: ServerTable = ServerTable()
    consent: ConsentTable = ConsentTable()
    jurisdiction: JurisdictionTable = JurisdictionTable()
    audit: AuditTable = AuditTable()
    storage: StorageTable = StorageTable()
    keys: KeysTable = KeysTable()
    delivery: DeliveryTable = DeliveryTable()
    limits: LimitsTable = LimitsTable()
    retention: RetentionTable = RetentionTable()
    outbound: OutboundTable = OutboundTable()
    controller: ControllerTable = ControllerTable()
    destinations: dict[Name, Common] = Field(default_factory=dict)
    fields: dict[Name, FieldTable] = Field(default_factory=dict)
    events: dict[str, EventTable] = Field(default_factory=dict)
    tests: list[CaseTable] = Field(default_factory=list)
    records: RecordsTable = RecordsTable()
    rights: RightsTable = RightsTable()


def model(kinds: Mapping[str, DestinationModule]) -> type[PolicyFile]:
    """The file where these kinds are known: each destination is a table of the kind that it names."""
    return _model(tuple((name, module.Settings) for name, module in kinds.items()))


@lru_cache(maxsize=8)
def _model(kinds: tuple[tuple[str, type[Common]], ...]) -> type[PolicyFile]:
    names = [name for name, _ in kinds]

    def known_kind(table: object) -> object:
        """Say which kinds there are before a union of all of them complains."""
        if isinstance(table, dict) and table.get("kind") not in names:
            got = f'"{table["kind"]}"' if "kind" in table else "missing"
            raise ValueError(f"kind: {got}; use one of {', '.join(names)}")
        return table

    table: Any = Annotated[
        Union[tuple(settings for _, settings in kinds)],  # noqa: UP007  # a tuple, not names
        Field(discriminator="kind"),
        BeforeValidator(known_kind),
    ]
    return create_model(
        "PolicyFile",
        __base__=PolicyFile,
        __doc__="The whole file.",
        destinations=(dict[Name, table], Field(default_factory=dict)),
    )


def json_schema(kinds: Mapping[str, DestinationModule] = KINDS) -> dict[str, Any]:
    """JSON Schema (2020-12) of the policy file, for editors."""
    schema = model(kinds).model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "gatekeeper.toml"}
