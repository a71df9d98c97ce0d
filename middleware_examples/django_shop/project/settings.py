"""Settings of the shop. What makes it comply is at the end; the rest knows of no consent."""

import os
import warnings
from pathlib import Path

import posthog
import sentry_sdk

BASE_DIR = Path(__file__).parent.parent
FOLDER = Path(os.environ.get("SHOP_FOLDER", BASE_DIR))

SECRET_KEY = "for this example only"
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
ROOT_URLCONF = "project.urls"
WSGI_APPLICATION = "project.wsgi.application"
ASGI_APPLICATION = "project.asgi.application"
USE_TZ = True
STATIC_URL = "static/"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": FOLDER / "shop.sqlite3"}}
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "shop",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "posthog.integrations.django.PosthogContextMiddleware",  # adds address, URL and account to every event
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# The vendors.
GA4_URL = os.environ.get("GA4_URL", "https://www.google-analytics.com")
posthog.api_key = "phc_shop"
posthog.host = os.environ.get("POSTHOG_URL", "https://eu.i.posthog.com")
sentry_sdk.init(dsn=os.environ.get("ERRORS_DSN"), auto_session_tracking=False, send_client_reports=False)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from facebook_business.api import FacebookAdsApi
    from facebook_business.session import FacebookSession
FacebookSession.GRAPH = os.environ.get("META_URL", FacebookSession.GRAPH)
FacebookAdsApi.init(access_token=os.environ.get("META_ACCESS_TOKEN", ""), crash_log=False)

# Gatekeeper: an app, the first middleware, and where the policy is.
if os.environ.get("GATEKEEPER_CONFIG"):
    INSTALLED_APPS.insert(0, "gatekeeper.django")
    MIDDLEWARE.insert(0, "gatekeeper.django.GatekeeperMiddleware")
    GATEKEEPER = {"config": os.environ["GATEKEEPER_CONFIG"]}
