"""A FastAPI shop with its vendors' own SDKs: facebook-business and sentry-sdk, and aiohttp for GA4."""

from pathlib import Path

from middleware_examples.stage import Example, python

EXAMPLE = Example(
    Path(__file__).parent,
    lambda port: python("-m", "middleware_examples.fastapi_shop.shop", str(port)),
    {"ga4": "ga4", "meta": "meta_capi", "errors": "sentry"},
)
