"""The pages of the console, in the order of the navigation. A page is added by a line here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gatekeeper.console import audit, consent, destinations, documents, now, people, policy, requests
from gatekeeper.console.page import Page, Stream

PAGES: Final[Sequence[Page]] = (
    *now.PAGES, *consent.PAGES, *destinations.PAGES, *people.PAGES, *requests.PAGES, *audit.PAGES, *policy.PAGES,
    *documents.PAGES,
)  # fmt: skip
STREAMS: Final[Sequence[Stream]] = (*now.STREAMS, *audit.STREAMS)
