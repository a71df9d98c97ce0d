"""Reading answers. Pure. What HTTP alone says of a request's fate; vendors' own codes are in their files."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import Final

from gatekeeper.model import Answer, Fate, Outcome

DELIVERED: Final = Outcome(Fate.DELIVERED)
RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})


def by_status(answer: Answer, count: int) -> tuple[Outcome, ...]:
    """2xx is delivered; 408, 425, 429 and 5xx are tried again; anything else will not get better."""
    if 200 <= answer.status < 300:
        return (DELIVERED,) * count
    if answer.status in RETRIED or answer.status >= 500:
        return (Outcome(Fate.RETRY, f"http_{answer.status}", retry_after(answer)),) * count
    return (Outcome(Fate.DEAD, f"http_{answer.status}"),) * count


def retry_after(answer: Answer) -> float | None:
    """Seconds of a Retry-After header (RFC 9110 section 10.2.3), against the answer's own Date if it is one."""
    headers = {name.lower(): value for name, value in answer.headers}
    value = headers.get("retry-after", "").strip()
    if value.isdigit() and len(value) < 9:
        return float(value)
    try:
        wait = parsedate_to_datetime(value) - parsedate_to_datetime(headers["date"])
    except (KeyError, ValueError, TypeError):
        return None
    return max(0.0, wait.total_seconds())
