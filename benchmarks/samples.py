"""What is sent: a policy, a browser's headers, an event, vendors' own calls. Each names its marks.

A mark is a text inside a request. `KEPT` has to arrive at the vendor, `STRIPPED` must not; a contestant whose mock
vendor saw anything else is not measured.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

KEPT = "T-KEPT-4711"
STRIPPED = "jane.doe@strip.example"
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
_CHOICE = (
    "cookieyes-consent=consentid:0f1a2b,consent:yes,action:yes,necessary:yes,functional:no,analytics:{a},"
    "performance:no,advertisement:{m}"
)
_COOKIES = (
    "_ga=GA1.1.1234567890.1700000000; _ga_ABCDEFGHIJ=GS1.1.1700000000.1.1.1700000000.0.0.0; "
    "_fbp=fb.1.1596403881668.1116446470; sessionid=4f1c2d3e4a5b6c7d8e9f0a1b2c3d4e5f; "
    "csrftoken=Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFy; _gcl_au=1.1.123456789.1700000000; {choice}; "
    "lang=de; cart=12; theme=dark; seen=1"
)
DESTINATIONS = ("ga4", "meta_capi", "tiktok", "own")


def cookie(*, granted: bool = True) -> str:
    """A browser's Cookie header of some 500 bytes with a consent platform's choice in it."""
    answer = "yes" if granted else "no"
    return _COOKIES.format(choice=_CHOICE.format(a=answer, m=answer))


def browser_headers(*, granted: bool = True) -> dict[str, str]:
    """The headers a browser sends."""
    return {
        "host": "shop.example",
        "user-agent": AGENT,
        "accept": "*/*",
        "accept-language": "de-DE,de;q=0.9,en;q=0.8",
        "accept-encoding": "gzip, deflate",
        "referer": "https://shop.example/checkout",
        "cookie": cookie(granted=granted),
        "sec-fetch-site": "same-origin",
        "sec-fetch-mode": "cors",
    }


def scope(*, granted: bool = True, path: str = "/") -> dict[str, Any]:
    """An ASGI scope with those headers, as a server makes it: bytes that were never seen before."""
    headers = [(name.encode(), value.encode()) for name, value in browser_headers(granted=granted).items()]
    return {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "headers": headers,
        "client": ("127.0.0.1", 50_000), "server": ("127.0.0.1", 80),
    }  # fmt: skip


def event(*, granted: bool = True) -> dict[str, Any]:
    """A purchase as a page posts it, with a field nobody listed."""
    return {
        "event": "purchase",
        "consent": {"necessary": True, "analytics": granted, "marketing": granted},
        "data": {
            "page_url": "https://shop.example/checkout/confirmation?fbclid=abc123",
            "order_value": 149.0,
            "currency": "EUR",
            "transaction_id": KEPT,
            "session_id": "s_98765",
            "client_id": "1234567890.1700000000",
            "email_hash": "5eb63bbbe01eeed093cb22bb8f5acdc3" * 2,
            "device_type": "desktop",
            "customer_note": STRIPPED,
        },
    }


def ga4_call() -> dict[str, Any]:
    """A Measurement Protocol body of an existing app, with two personal fields."""
    return {
        "client_id": "1234567890.1700000000",
        "timestamp_micros": 1_767_225_600_000_000,
        "user_properties": {"plan_mail": {"value": STRIPPED}},
        "events": [
            {
                "name": "purchase",
                "params": {
                    "transaction_id": KEPT, "currency": "EUR", "value": 149.0, "session_id": "1700000000",
                    "engagement_time_msec": 100, "page_location": "https://shop.example/checkout/confirmation",
                    "customer_note": STRIPPED,
                },
            }
        ],
    }  # fmt: skip


def meta_call() -> dict[str, Any]:
    """A Conversions API body of an existing app, with two fields nobody listed."""
    import time

    contents = [{"id": f"SKU-{n}", "quantity": n, "item_price": 9.5 * n} for n in range(1, 9)]
    return {
        "data": [
            {
                "event_name": "Purchase", "event_time": int(time.time()), "event_id": "e-1", "action_source": "website",
                "event_source_url": "https://shop.example/checkout/confirmation",
                "user_data": {
                    "em": ["5eb63bbbe01eeed093cb22bb8f5acdc3" * 2], "client_user_agent": AGENT,
                    "fbp": "fb.1.1596403881668.1116446470",
                },
                "custom_data": {
                    "currency": "EUR", "value": 149.0, "order_id": KEPT, "contents": contents,
                    "customer_note": STRIPPED,
                },
                "internal_note": STRIPPED,
            }
        ]
    }  # fmt: skip


def post(
    target: str, body: Mapping[str, Any], *, granted: bool = True, gpc: bool = False,
    instead: Mapping[str, str] | None = None,
) -> bytes:  # fmt: skip
    """A whole HTTP/1.1 POST from that browser; `instead` are headers that it says in place of the usual ones."""
    content = json.dumps(body, separators=(",", ":")).encode()
    headers = {
        **browser_headers(granted=granted), "content-type": "application/json", "content-length": str(len(content)),
        **(instead or {}),
    }  # fmt: skip
    if gpc:
        headers["sec-gpc"] = "1"
    head = "\r\n".join([f"POST {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""])
    return head.encode() + content


def get(target: str) -> bytes:
    """A whole HTTP/1.1 GET from that browser."""
    lines = [f"GET {target} HTTP/1.1", *(f"{name}: {value}" for name, value in browser_headers().items()), "", ""]
    return "\r\n".join(lines).encode()


def policy(vendor_port: int, *, destinations: tuple[str, ...] = DESTINATIONS) -> dict[str, Any]:
    """A policy whose vendors are the mock vendor. Visitors are under the GDPR."""
    at = f"http://127.0.0.1:{vendor_port}"
    every: dict[str, dict[str, Any]] = {
        "ga4": {"kind": "ga4", "measurement_id": "G-BENCH", "api_secret": "bench", "endpoint": at},
        "meta_capi": {"kind": "meta_capi", "pixel_id": "123", "access_token": "bench", "endpoint": at},
        "tiktok": {"kind": "tiktok", "pixel_code": "BENCH", "access_token": "bench", "endpoint": at},
        "own": {"kind": "first_party", "endpoint": f"{at}/own"},
    }
    for name in destinations:
        if name not in every:  # more of the shortest kind, for the curve over destinations
            every[name] = {"kind": "first_party", "endpoint": f"{at}/{name}"}
    return {
        "policy": {"version": "bench", "controller": "Bench"},
        "jurisdiction": {"always": ["gdpr"], "default": "gdpr"},
        "delivery": {"max_queued": 1_000_000},
        "destinations": {name: every[name] for name in destinations},
    }


def write_policy(path: Path, tables: Mapping[str, Any]) -> Path:
    """A policy as TOML on disk."""
    path.write_text("".join(_toml(tables, ())), "utf-8")
    return path


def _toml(table: Mapping[str, Any], at: tuple[str, ...]) -> list[str]:
    plain = {key: value for key, value in table.items() if not isinstance(value, Mapping)}
    out = [f"[{'.'.join(at)}]\n"] if at and plain else []
    out += [f"{key} = {json.dumps(value)}\n" for key, value in plain.items()]
    for key, value in table.items():
        if isinstance(value, Mapping):
            out += _toml(value, (*at, key))
    return out
