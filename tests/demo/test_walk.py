"""What the demo prints of a purchase can be read on any terminal."""

import io

import pytest
from rich.console import Console

from gatekeeper.demo.walk import ACTS, side_by_side

SENT = {
    "status": "delivered", "consent_basis": "analytics", "scrubbed": {"page_url": ["query"]},
    "fields_sent": ["page_url", "order_value", "session_id"], "fields_derived": ["client_id"],
    "stripped_because": {"transaction_id": "not_needed", "email": "purpose"},
}  # fmt: skip
RECORD = {
    "request_id": "req_x",
    "deliveries": [
        {"destination": "ga4"} | SENT,
        {"destination": "meta_capi", "status": "blocked", "reason": "no_marketing_consent"},
        {"destination": "tiktok", "status": "blocked", "reason": "no_marketing_consent"},
        {"destination": "own"} | SENT,
    ],
}


@pytest.mark.parametrize("width", [80, 100, 160])
def test_no_code_is_cut_or_broken(width):
    """Neither a reason, nor a field, at the width of an old terminal either."""
    console = Console(file=io.StringIO(), width=width)
    console.print(side_by_side(1, ACTS[0], RECORD, width))
    shown = console.file.getvalue()
    assert "\u2026" not in shown and max(map(len, shown.splitlines())) <= width
    assert shown.count("no_marketing_consent") == 2
    for word in ("transaction_id", "not_needed", "order_value", "client_id", "meta_capi", "tiktok"):
        assert word in shown
