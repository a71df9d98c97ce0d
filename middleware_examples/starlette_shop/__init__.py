"""A Starlette shop whose vendors are called by httpx."""

from pathlib import Path

from middleware_examples.stage import Example, python

EXAMPLE = Example(
    Path(__file__).parent,
    lambda port: python("-m", "middleware_examples.starlette_shop.shop", str(port)),
    {"ga4": "ga4", "meta": "meta_capi"},
)
