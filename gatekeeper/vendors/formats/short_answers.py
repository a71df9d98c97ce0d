"""The short answers of analytics products: JSON, a word, a pixel, a refusal. Pure."""

from __future__ import annotations

import base64
from typing import Final

from gatekeeper.model import Answer
from gatekeeper.vendors.formats import answers

GIF: Final = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")


def json_answer(body: bytes, status: int = 200) -> Answer:
    """An answer in JSON."""
    return Answer(status, (("Content-Type", "application/json"),), body)


def text_answer(body: bytes, status: int = 200) -> Answer:
    """An answer in plain text."""
    return Answer(status, (("Content-Type", "text/plain"),), body)


def gif_answer() -> Answer:
    """The transparent pixel."""
    return Answer(200, (("Content-Type", "image/gif"),), GIF)


def refused(answer: Answer) -> Answer:
    """A failure as the caller may see it: the status, and a Retry-After in seconds."""
    wait = answers.retry_after(answer)
    return Answer(answer.status, () if wait is None else (("Retry-After", str(int(wait))),))
