"""A small Django project in this process: its settings, its URLs and its views. Imported once, by `tests.hosts`."""

from __future__ import annotations

import asyncio

import django
from asgiref.sync import sync_to_async
from django.conf import settings
from django.http import HttpResponse, StreamingHttpResponse
from django.template import engines
from django.urls import path

import gatekeeper
from tests.outbound.clients import CLIENTS, aiohttp_async, httpx_async

BODY = (
    b'{"client_id":"1.2","events":[{"name":"purchase","params":{"value":10,"currency":"EUR","transaction_id":"%s"}}]}'
)
TARGET = ["", ""]  # where views post to: set by the test that runs the project


def post_with(client, order):
    """A purchase by one client, from sync code."""
    CLIENTS[client]("POST", TARGET[0], BODY % order.encode(), {"Content-Type": "application/json"})


async def post_async_with(client, order):
    """A purchase by one client, from async code."""
    body, headers = BODY % order.encode(), {"Content-Type": "application/json"}
    if client == "httpx":
        await httpx_async("POST", TARGET[0], body, headers)
    elif client == "aiohttp":
        await aiohttp_async("POST", TARGET[0], body, headers)
    else:
        await asyncio.to_thread(post_with, client, order)


def buy(request, client, order):
    """A sync view."""
    post_with(client, order)
    return HttpResponse("bought")


async def buy_async(request, client, order):
    """An async view; a task of its own sends."""
    await asyncio.create_task(post_async_with(client, order))
    return HttpResponse("bought")


async def buy_in_thread(request, client, order):
    """An async view that goes to a thread."""
    await sync_to_async(post_with)(client, order)
    return HttpResponse("bought")


def track(request):
    """`gatekeeper.track()` from a view."""
    return HttpResponse(gatekeeper.track("purchase", order_value=10, currency="EUR", session_id="s_1"))


def stream(request):
    """A body that is made after the middleware returned."""

    def parts():
        yield str(gatekeeper.track("purchase", order_value=10, currency="EUR", session_id="s_1"))

    return StreamingHttpResponse(parts())


def banner(request):
    """A template that asks what the visitor permits."""
    text = "{{ gatekeeper.analytics }} {{ gatekeeper.marketing }} {{ gatekeeper.gpc }}"
    return HttpResponse(engines["django"].from_string(text).render({}, request))


def tags(request):
    """A template with the tags of `{% load gatekeeper %}`."""
    text = (
        "{% load gatekeeper %}{% gatekeeper_head %}|{% gatekeeper_choices 'Privacy' %}|"
        "{% gatekeeper_tag 'analytics marketing' src='https://v.example/x.js' %}"
    )
    request.csp_nonce = 'n"1'
    return HttpResponse(engines["django"].from_string(text).render({}, request))


def fail(request):
    """An error of the app's own."""
    raise ZeroDivisionError


urlpatterns = [
    path("buy/<client>/<order>", buy),
    path("buy-async/<client>/<order>", buy_async),
    path("buy-in-thread/<client>/<order>", buy_in_thread),
    path("track", track),
    path("stream", stream),
    path("banner", banner),
    path("tags", tags),
    path("fail", fail),
]


def configure(config):
    """Set Django up for this process."""
    processors = ["gatekeeper.django.context_processors.consent"]
    settings.configure(
        SECRET_KEY="test",
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__,
        INSTALLED_APPS=["gatekeeper.django"],
        MIDDLEWARE=["gatekeeper.django.GatekeeperMiddleware", "django.middleware.csrf.CsrfViewMiddleware"],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "OPTIONS": {"context_processors": processors},
            }
        ],
        GATEKEEPER={"config": config},
        USE_TZ=True,
    )
    django.setup()
