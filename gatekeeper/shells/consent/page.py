"""The preferences page: HTML that works without script, in the visitor's language. State in, an answer out.

Its policy of content allows this style sheet and nothing else: no script, no image, no frame around it.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

from gatekeeper.browser import template
from gatekeeper.shells.asgi import Reply
from gatekeeper.shells.consent.bodies import State

if TYPE_CHECKING:
    from jinja2 import Template

RECEIPT: Final = re.compile(r"con_[0-9A-Za-z]{20,40}")


@dataclass(frozen=True, slots=True)
class View:
    """What the page shows besides the state: where its form goes, and what came of the last one."""

    action: str
    controller: str
    saved: bool = False
    receipt: str | None = None
    following: str | None = None
    error: str | None = None


def reply(status: int, state: State, view: View) -> Reply:
    """The page, with the headers that keep everything else out of it."""
    html = _page().render(
        state=state, notice=state.notice, texts=state.notice.texts, view=view, style=_style(),
        asks=[one for one in state.purposes if one.ask == "opt_in"],
    )  # fmt: skip
    policy = (
        f"default-src 'none'; style-src 'sha256-{_hash(_style())}'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
    headers = (
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-language", state.notice.language.encode()),
        (b"content-security-policy", policy.encode()),
        (b"referrer-policy", b"same-origin"),
        (b"x-content-type-options", b"nosniff"),
        (b"x-robots-tag", b"noindex"),
    )
    return Reply(status, html.encode(), headers)


@cache
def _page() -> Template:
    # Imported with the first page: most processes never show one.
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(template("preferences.html"))


@cache
def _style() -> str:
    return template("preferences.css")


def _hash(style: str) -> str:
    return base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
