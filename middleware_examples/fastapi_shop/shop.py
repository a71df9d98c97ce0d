"""A shop on FastAPI that uses its vendors' own SDKs: facebook-business, sentry-sdk; and aiohttp for GA4.

Nothing here knows of consent. The lines that make it comply are at the end.
"""

import os
import time
import warnings

import aiohttp
import sentry_sdk
import uvicorn
from fastapi import BackgroundTasks, FastAPI, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from facebook_business.adobjects.serverside.action_source import ActionSource
    from facebook_business.adobjects.serverside.custom_data import CustomData
    from facebook_business.adobjects.serverside.event import Event
    from facebook_business.adobjects.serverside.event_request import EventRequest
    from facebook_business.adobjects.serverside.user_data import UserData
    from facebook_business.api import FacebookAdsApi
    from facebook_business.session import FacebookSession

GA4 = os.environ.get("GA4_URL", "https://www.google-analytics.com")
FacebookSession.GRAPH = os.environ.get("META_URL", FacebookSession.GRAPH)
FacebookAdsApi.init(access_token=os.environ["META_ACCESS_TOKEN"], crash_log=False)
sentry_sdk.init(dsn=os.environ["ERRORS_DSN"], auto_session_tracking=False, send_client_reports=False)
app = FastAPI()


class Order(BaseModel):
    """What the page posts."""

    order: str
    email: str
    page: str


PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Shop</title>{head}</head>
<body><h1>Desk lamp, € 149.00</h1>{foot}</body></html>"""
head = foot = str  # of the page: nothing, without the gate


@app.get("/", response_class=HTMLResponse)
async def home():
    """The page. Behind the gate its head has the scripts, and its foot the way back to the choice."""
    return PAGE.format(head=head(), foot=foot())


@app.post("/buy")
async def buy(order: Order, request: Request, tasks: BackgroundTasks):
    """A purchase. The card is declined once a day, which the error monitor hears of."""
    sentry_sdk.set_user({"email": order.email, "ip_address": request.headers["x-forwarded-for"]})
    sentry_sdk.capture_message(f"card of {order.email} declined, {order.order}; see {order.page}")
    async with aiohttp.ClientSession() as session:
        await session.post(
            f"{GA4}/mp/collect?measurement_id=G-SHOP&api_secret={os.environ['GA4_API_SECRET']}",
            json={
                "client_id": "1.2",
                "user_id": order.email,
                "events": [
                    {
                        "name": "purchase",
                        "params": {
                            "transaction_id": order.order,
                            "value": 149.0,
                            "currency": "EUR",
                            "page_location": order.page,
                            "ip": request.headers["x-forwarded-for"],
                        },
                    }
                ],
            },
        )
    tasks.add_task(tell_meta, order, request.headers["x-forwarded-for"], request.headers["user-agent"])
    return {"thank you for": order.order}


def tell_meta(order, address, agent):
    """By Meta's SDK, in a background task."""
    EventRequest(
        pixel_id="123456",
        events=[
            Event(
                event_name="Purchase",
                event_time=int(time.time()),
                event_id=order.order,
                event_source_url=order.page,
                action_source=ActionSource.WEBSITE,
                user_data=UserData(email=order.email, client_ip_address=address, client_user_agent=agent),
                custom_data=CustomData(order_id=order.order, value=149.0, currency="EUR"),
            )
        ],
    ).execute()


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
