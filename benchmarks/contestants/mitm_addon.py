"""The same consent filter as a mitmproxy add-on; runs in mitmproxy's own environment, so it imports nothing of ours.

mitmdump --mode reverse:http://127.0.0.1:VENDOR_PORT -s mitm_addon.py --listen-port PORT -q
"""

import json
import re
import time

from mitmproxy import http

PERSONAL = frozenset({"customer_note", "plan_mail", "internal_note"})
_PREFIX = re.compile(r"^/gk/to/[^/]+")
_LOG = open("mitmproxy.jsonl", "a", encoding="utf-8")  # noqa: PTH123, SIM115  # closed with the process


def _without(value):
    if isinstance(value, dict):
        return {key: _without(inner) for key, inner in value.items() if key not in PERSONAL}
    if isinstance(value, list):
        return [_without(inner) for inner in value]
    return value


def _allowed(vendor, cookie, gpc):
    if vendor == "meta_capi" and gpc == "1":
        return False
    start = cookie.find("cookieyes-consent=")
    if start < 0:
        return False
    end = cookie.find(";", start)
    choice = cookie[start : end if end >= 0 else len(cookie)]
    needs = "analytics:yes" if vendor == "ga4" else "advertisement:yes"
    return "action:yes" in choice and needs in choice


def request(flow):
    """Drop or rewrite one call."""
    asked = flow.request
    asked.path = _PREFIX.sub("", asked.path)
    vendor = "ga4" if asked.path.partition("?")[0].endswith("/collect") else "meta_capi"
    sent = _allowed(vendor, asked.headers.get("cookie", ""), asked.headers.get("sec-gpc", ""))
    verdict = "sent" if sent else "blocked"
    _LOG.write(json.dumps({"at": time.time(), "vendor": vendor, "verdict": verdict}) + "\n")
    if verdict == "blocked":
        flow.response = http.Response.make(204)
        return
    asked.content = json.dumps(_without(json.loads(asked.content)), separators=(",", ":")).encode()
    del asked.headers["cookie"]
