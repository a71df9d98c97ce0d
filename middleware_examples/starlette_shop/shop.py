"""A shop on Starlette that tells GA4 and Meta of every purchase by httpx, whoever buys. Nothing here knows of consent.

The lines that make it comply are at the end.
"""

import hashlib
import os
import time

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.routing import Route

GA4 = os.environ.get("GA4_URL", "https://www.google-analytics.com")
META = os.environ.get("META_URL", "https://graph.facebook.com")


PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Shop</title>{head}</head>
<body><h1>Desk lamp, € 149.00</h1>{foot}</body></html>"""
head = foot = str  # of the page: nothing, without the gate


async def home(request):
    """The page. Behind the gate its head has the scripts, and its foot the way back to the choice."""
    return HTMLResponse(PAGE.format(head=head(), foot=foot()))


async def buy(request):
    """A purchase; the vendors are told once the visitor has the answer."""
    form = await request.json()
    order = {"id": form["order"], "value": 149.0, "email": form["email"], "page": form["page"]}
    order |= {"address": request.headers.get("x-forwarded-for"), "agent": request.headers.get("user-agent")}
    return PlainTextResponse(f"Thank you for {order['id']}.", background=BackgroundTask(tell, order))


async def tell(order):
    """GA4 by the Measurement Protocol, Meta by the Conversions API."""
    async with httpx.AsyncClient() as http:
        await http.post(
            f"{GA4}/mp/collect",
            params={"measurement_id": "G-SHOP", "api_secret": os.environ["GA4_API_SECRET"]},
            json={
                "client_id": "1.2",
                "user_id": order["email"],  # careless, and seen often
                "events": [
                    {
                        "name": "purchase",
                        "params": {
                            "transaction_id": order["id"],
                            "value": order["value"],
                            "currency": "EUR",
                            "page_location": order["page"],
                            "ip": order["address"],
                        },
                    }
                ],
            },
        )
        await http.post(
            f"{META}/v26.0/123456/events",
            params={"access_token": os.environ["META_ACCESS_TOKEN"]},
            json={
                "data": [
                    {
                        "event_name": "Purchase",
                        "event_time": int(time.time()),
                        "event_id": order["id"],
                        "action_source": "website",
                        "event_source_url": order["page"],
                        "user_data": {
                            "em": [hashlib.sha256(order["email"].encode()).hexdigest()],
                            "client_ip_address": order["address"],
                            "client_user_agent": order["agent"],
                        },
                        "custom_data": {"order_id": order["id"], "value": order["value"], "currency": "EUR"},
                    }
                ]
            },
        )


app = Starlette(routes=[Route("/", home), Route("/buy", buy, methods=["POST"])])

if os.environ.get("GATEKEEPER_CONFIG"):
    import gatekeeper.outbound
    from gatekeeper import GatekeeperMiddleware

    def foot():
        """A link that works without script."""
        return f'<a href="{gatekeeper.preferences_page()}" data-gatekeeper-show="preferences">Privacy choices</a>'

    head = gatekeeper.page_head
    gatekeeper.outbound.install()
    app = GatekeeperMiddleware(app, config=os.environ["GATEKEEPER_CONFIG"])

if __name__ == "__main__":
    import sys

    uvicorn.run(app, port=int(sys.argv[1]), log_level="warning", proxy_headers=False)
