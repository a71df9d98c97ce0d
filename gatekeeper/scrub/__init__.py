"""Scrubbing by value. Pure. What personal shapes a text or URL holds, and the text without them.

A second line of defence: the allow-list of fields is the first.
"""

from __future__ import annotations

from dataclasses import dataclass

from gatekeeper.scrub.urls import CLICK_IDS, DEFAULT_PARAMS, lift_click_ids
from gatekeeper.scrub.urls import scrub_url as _scrub_url


@dataclass(frozen=True, slots=True)
class Scrubbed:
    """A text without its personal shapes, and which kinds were found, in order."""

    text: str
    found: tuple[str, ...] = ()


def scrub_url(url: str, params: frozenset[str] = DEFAULT_PARAMS) -> Scrubbed:
    """A URL with only the allow-listed query parameters, without user info and fragment."""
    return Scrubbed(*_scrub_url(url, params))


__all__ = ["CLICK_IDS", "DEFAULT_PARAMS", "Scrubbed", "lift_click_ids", "scrub_url"]
