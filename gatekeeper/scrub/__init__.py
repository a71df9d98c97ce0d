"""Scrubbing by value. Pure. A text or URL in, the same without personal shapes out, and what was found.

    lift_click_ids   a URL's click ids become fields of their own
    scrub_url        allow-listed query parameters stay, fragment and userinfo go, path segments are searched
    scrub_text       free text: titles, search terms, error messages and stacks
    personal_shape   identifiers: a user id that is an e-mail address is no user id

The allow-lists (fields, query parameters) are the first line: a field that is not listed is not sent. This is
the second: it looks for shapes in what is left, and shapes can be missed (`docs/scrubbing.md` has the rates).
No function here raises for any `str`, and each takes time linear in its length.
"""

from __future__ import annotations

from gatekeeper.scrub.click_ids import CLICK_IDS, lift_click_ids
from gatekeeper.scrub.found import Scrubbed
from gatekeeper.scrub.identifier import personal_shape
from gatekeeper.scrub.text import scrub_text
from gatekeeper.scrub.url import DEFAULT_PARAMS, scrub_url

__all__ = [
    "CLICK_IDS",
    "DEFAULT_PARAMS",
    "Scrubbed",
    "lift_click_ids",
    "personal_shape",
    "scrub_text",
    "scrub_url",
]
