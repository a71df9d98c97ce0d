"""A Django shop with facebook-business, PostHog's own middleware, sentry-sdk, and requests for GA4."""

from pathlib import Path

from middleware_examples.stage import Example, python

FOLDER = Path(__file__).parent
EXAMPLE = Example(
    FOLDER,
    lambda port: python(str(FOLDER / "manage.py"), "open_shop", str(port)),
    {"ga4": "ga4", "meta": "meta_capi", "errors": "sentry", "posthog": "http_json"},
    pages=("/admin/login/",),
)
