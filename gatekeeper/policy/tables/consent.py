"""`[consent]` and its own tables: which signals are read, how visitors are asked, how far a choice reaches."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, field_validator, model_validator

from gatekeeper.policy.tables.words import Language, PurposeName, Words
from gatekeeper.policy.units import Duration
from gatekeeper.vendors.settings import Spelled, Strict


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
    clear: dict[
        Literal["analytics", "marketing"],
        list[Annotated[str, Spelled(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", "is not a cookie's name; write _hj*", 128)]],
    ] = Field(
        default_factory=dict,
        description="Cookies of your pages that gatekeeper.js deletes when the purpose is withdrawn, besides those of "
        "the packaged kinds.",
    )

    @model_validator(mode="after")
    def _embedded(self) -> CookieTable:
        if self.same_site == "none" and not self.partitioned:
            raise ValueError('same_site: "none" is for embedded pages; browsers want partitioned = true with it')
        return self


class NoticeTable(Strict):
    """`[consent.notice]`: the words that visitors are asked with, and when they are asked again."""

    version: Annotated[str, Spelled(r"[!-~]([ -~]*[!-~])?", "is not a version; write 2026-11", 64)] | None = Field(
        None,
        description="Your name for what is asked. Visitors who granted under another one are asked again. "
        "Without it, it follows from purposes and recipients.",
    )
    language: Language = Field("en", description="The language for visitors who prefer none of those available.")
    scope: Literal["device", "account"] = Field(
        "device", description="Where a choice counts: in this browser, or on all devices while logged in."
    )
    url: PageAddress | None = Field(None, description="Your privacy policy, such as /privacy.")
    ask_again_after_grant: Duration = Field(180 * 86_400.0, description="A grant older than this is asked for again.")
    ask_again_after_refusal: Duration = Field(
        180 * 86_400.0,
        description="Visitors who refused are not asked again before; 180d is the shortest that regulators accept.",
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
