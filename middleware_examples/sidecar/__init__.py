"""Shops in other languages, or in none of our frameworks, whose calls go through `gatekeeper serve`."""

import shutil
from pathlib import Path

from middleware_examples.stage import Example, python

FOLDER = Path(__file__).parent
VENDORS = {"ga4": "ga4", "meta": "meta_capi"}


def sidecar(port, policy):
    """The gate as a process of its own."""
    return python("-m", "gatekeeper", "serve", "--config", str(policy), "--port", str(port))


SCRIPT = Example(FOLDER, lambda port: python(str(FOLDER / "shop.py"), str(port)), VENDORS, also=sidecar)
NODE = Example(FOLDER, lambda port: ["node", str(FOLDER / "shop.mjs"), str(port)], VENDORS, also=sidecar)
EXAMPLE = NODE if shutil.which("node") else SCRIPT
