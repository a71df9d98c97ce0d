"""A purchase, of which four vendors are told, each by what its manual recommends."""

import json
import os
import time
import warnings

import posthog
import requests
import sentry_sdk
from django.conf import settings
from django.http import JsonResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from shop.models import Order

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from facebook_business.adobjects.serverside.action_source import ActionSource
    from facebook_business.adobjects.serverside.custom_data import CustomData
    from facebook_business.adobjects.serverside.event import Event
    from facebook_business.adobjects.serverside.event_request import EventRequest
    from facebook_business.adobjects.serverside.user_data import UserData


def home(request):
    """The page. Behind the gate it has `behind_the_gate/` in it."""
    return render(request, "shop.html", {"gated": "gatekeeper.django" in settings.INSTALLED_APPS})


@csrf_exempt
@require_POST
def buy(request):
    """Keep the order, tell the vendors."""
    form = json.loads(request.body)
    order = Order.objects.create(number=form["order"], email=form["email"], value="149.00")
    address, agent = request.headers["X-Forwarded-For"], request.headers["User-Agent"]
    tell_ga4(order, form["page"], address)
    tell_meta(order, form["page"], address, agent)
    posthog.capture(
        "purchase",
        distinct_id=f"customer-{order.pk}",
        properties={"order_id": order.number, "value": 149.0, "page": form["page"], "$set": {"email": order.email}},
    )
    sentry_sdk.capture_message(f"card of {order.email} declined, {order.number}; see {form['page']}")
    return JsonResponse({"thank you for": order.number})


def tell_ga4(order, page, address):
    """By requests."""
    requests.post(
        f"{settings.GA4_URL}/mp/collect",
        params={"measurement_id": "G-SHOP", "api_secret": os.environ["GA4_API_SECRET"]},
        json={
            "client_id": "1.2",
            "user_id": order.email,
            "events": [
                {
                    "name": "purchase",
                    "params": {
                        "transaction_id": order.number,
                        "value": 149.0,
                        "currency": "EUR",
                        "page_location": page,
                        "ip": address,
                    },
                }
            ],
        },
        timeout=10,
    )


def tell_meta(order, page, address, agent):
    """By facebook-business."""
    EventRequest(
        pixel_id="123456",
        events=[
            Event(
                event_name="Purchase",
                event_time=int(time.time()),
                event_id=order.number,
                event_source_url=page,
                action_source=ActionSource.WEBSITE,
                user_data=UserData(email=order.email, client_ip_address=address, client_user_agent=agent),
                custom_data=CustomData(order_id=order.number, value=149.0, currency="EUR"),
            )
        ],
    ).execute()
