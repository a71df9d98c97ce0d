"""The same shop as a bare script of the standard library: no framework, and no Gatekeeper to import."""

import hashlib
import json
import os
import sys
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

GA4 = os.environ.get("GA4_URL", "https://www.google-analytics.com")
META = os.environ.get("META_URL", "https://graph.facebook.com")


def post(url, visitor, body):
    """To a vendor, or to the sidecar in front of it: that one is told what the visitor's browser said."""
    headers = {"Content-Type": "application/json"}
    if os.environ.get("GATE_URL"):
        headers |= {name: visitor[name] for name in ("Cookie", "Sec-GPC") if name in visitor}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    urllib.request.urlopen(request, timeout=10).close()


def buy(order, visitor):
    """GA4 by the Measurement Protocol, Meta by the Conversions API."""
    address, value = visitor["X-Forwarded-For"], {"value": 149.0, "currency": "EUR"}
    params = {"transaction_id": order["order"], **value, "page_location": order["page"], "ip": address}
    post(
        f"{GA4}/mp/collect?measurement_id=G-SHOP&api_secret={os.environ['GA4_API_SECRET']}",
        visitor,
        {"client_id": "1.2", "user_id": order["email"], "events": [{"name": "purchase", "params": params}]},
    )
    event = {
        "event_name": "Purchase",
        "event_time": int(time.time()),
        "event_id": order["order"],
        "action_source": "website",
        "event_source_url": order["page"],
        "user_data": {
            "em": [hashlib.sha256(order["email"].encode()).hexdigest()],
            "client_ip_address": address,
            "client_user_agent": visitor["User-Agent"],
        },
        "custom_data": {"order_id": order["order"], **value},
    }
    post(
        f"{META}/v26.0/123456/events?access_token={os.environ['META_ACCESS_TOKEN']}",
        visitor,
        {"data": [event]},
    )


SCRIPTS = '<script src="/gk/gatekeeper.js"></script><script src="/gk/banner.js" defer></script>'
CHOICES = '<a href="/gk/consent?next=/" data-gatekeeper-show="preferences">Privacy choices</a>'
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Shop</title>{head}</head>
<body><h1>Desk lamp, € 149.00</h1>{foot}</body></html>"""


class Shop(BaseHTTPRequestHandler):
    """GET /, POST /buy."""

    def do_GET(self):
        """The page; behind the sidecar with its scripts, which nginx.conf serves on this host."""
        gated = bool(os.environ.get("GATE_URL"))
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(PAGE.format(head=SCRIPTS * gated, foot=CHOICES * gated).encode())

    def do_POST(self):
        """A purchase."""
        order = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        buy(order, self.headers)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"Thank you for {order['order']}.".encode())


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Shop)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()
