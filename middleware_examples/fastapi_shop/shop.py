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

    gatekeeper.outbound.install()
    app = GatekeeperMiddleware(app, config=os.environ["GATEKEEPER_CONFIG"])

if __name__ == "__main__":
    import sys

    uvicorn.run(app, port=int(sys.argv[1]), log_level="warning", proxy_headers=False)
