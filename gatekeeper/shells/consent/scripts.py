"""`GET /gk/gatekeeper.js`, `/gk/banner.js`, `/gk/gatekeeper.d.ts`: the page's side, from the site's own server.

Compressed once for each policy. The address with `?v=` and the hash of what is served may be kept for ever; any other
one for an hour, and is then asked for by its ETag. Tags of templates write the first (`addresses`).
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import Final, NamedTuple
from urllib.parse import parse_qs

import brotli

from gatekeeper.browser import template
from gatekeeper.browser.page import script, settings
from gatekeeper.policy import Policy
from gatekeeper.shells.asgi import Header, Headers, Read, Reply, Scope, problem_reply
from gatekeeper.signals import header_values
from gatekeeper.vendors.cookies import written_by

JAVASCRIPT: Final = b"text/javascript; charset=utf-8"
TYPES: Final = b"application/typescript; charset=utf-8"
_FOR_EVER: Final[Header] = (b"cache-control", b"public, max-age=31536000, immutable")
_FOR_AN_HOUR: Final[Header] = (b"cache-control", b"public, max-age=3600")


class File(NamedTuple):
    """One file as it is served."""

    body: bytes
    media: bytes

    @property
    def version(self) -> str:
        """Twelve digits of its hash."""
        return base64.urlsafe_b64encode(hashlib.sha256(self.body).digest()).decode()[:12]


NAMES: Final = ("gatekeeper.js", "banner.js", "gatekeeper.d.ts")


class Scripts:
    """The files of one policy."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    @cached_property
    def files(self) -> Mapping[str, File]:
        """Name -> the file. Made when one is wanted for the first time."""
        return {
            "gatekeeper.js": File(_of_policy(self._policy), JAVASCRIPT),
            "banner.js": File(script("banner.js"), JAVASCRIPT),
            "gatekeeper.d.ts": File(template("gatekeeper.d.ts").encode(), TYPES),
        }

    def addresses(self) -> dict[str, str]:
        """Name -> path under which the browser may keep it."""
        return {name: f"{self._policy.prefix}/{name}?v={file.version}" for name, file in self.files.items()}

    async def reply(self, scope: Scope, headers: Headers, read: Read) -> Reply:
        """The answer to a request for one of the files."""
        if scope["method"] not in ("GET", "HEAD"):
            return problem_reply(405, "the method is not one of this endpoint", headers=((b"allow", b"GET, HEAD"),))
        files = await asyncio.to_thread(lambda: self.files)
        file = files[str(scope["path"]).rpartition("/")[2]]
        tag = f'"{file.version}"'.encode()
        asked = parse_qs(bytes(scope.get("query_string", b"")).decode("latin-1"), max_num_fields=None)
        kept = _FOR_EVER if asked.get("v") == [file.version] else _FOR_AN_HOUR
        fixed: Headers = (
            (b"etag", tag),
            kept,
            (b"vary", b"Accept-Encoding"),
            (b"x-content-type-options", b"nosniff"),
            (b"cross-origin-resource-policy", b"cross-origin"),  # `server.origins`: other hosts of the site
        )
        if _known(headers, tag):
            return Reply(304, b"", fixed)
        coding = _coding(headers)
        body = file.body if coding is None else await asyncio.to_thread(_compressed, file.body, coding)
        encoded = () if coding is None else ((b"content-encoding", coding.encode()),)
        return Reply(200, body, ((b"content-type", file.media), *encoded, *fixed))


@lru_cache(maxsize=16)
def _compressed(body: bytes, coding: str) -> bytes:
    if coding == "br":
        found: bytes = brotli.compress(body)
        return found
    return gzip.compress(body, 9, mtime=0)


def _of_policy(policy: Policy) -> bytes:
    """`gatekeeper.js` with what the policy says to it."""
    consent, notices = policy.file.consent, policy.notices
    cookies: dict[str, list[str]] = {purpose.value: [] for purpose in notices.purposes}
    for purpose, names in consent.cookie.clear.items():
        cookies.get(purpose, []).extend(names)
    for to in policy.destinations.values():
        cookies.get(to.purpose.value, []).extend(written_by(to.kind.name))
    return script(
        "gatekeeper.js",
        settings(
            notices=[wording.hash for wording in notices.languages.values()],
            # The account's choice may have been changed on another device: then every page asks.
            again=0
            if consent.notice.scope == "account"
            else min(
                consent.notice.ask_again_after_grant,
                consent.notice.ask_again_after_refusal,
                consent.max_age or float("inf"),
            ),
            purposes=[purpose.value for purpose in notices.purposes],
            fields={name: [one.value for one in row.purposes] for name, row in policy.catalogue.by_name.items()},
            events={name: [one.value for one in of] for name, of in policy.event_purposes.items()},
            cookies={purpose: list(dict.fromkeys(names)) for purpose, names in cookies.items()},
        ),
    )


def _coding(headers: Headers) -> str | None:
    """The best coding that the browser takes; `None`: the file as it is (RFC 9110 section 12.5.3)."""
    offered = {}
    for value in header_values(headers, b"accept-encoding"):
        for part in value.decode("latin-1").lower().split(","):
            name, _, weight = part.partition(";")
            offered[name.strip()] = weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return next((name for name in ("br", "gzip") if offered.get(name, False)), None)


def _known(headers: Headers, tag: bytes) -> bool:
    """Whether the browser has this very file (RFC 9110 section 13.1.2: the weak comparison)."""
    tags = [
        one.strip().removeprefix(b"W/")
        for value in header_values(headers, b"if-none-match")
        for one in value.split(b",")
    ]
    return tag in tags or tags == [b"*"]
