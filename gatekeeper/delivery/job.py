"""One filtered, hashed event on its way to one destination."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Job:
    """What delivery needs to know. `head` and `body` are `Shaped`'s: jobs of one head may share a request."""

    request_id: str
    destination: str
    event_time: float
    head: bytes = field(repr=False)
    body: bytes = field(repr=False)
    attempts: int = 0
