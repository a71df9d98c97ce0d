"""What people see in a browser: the words of notices by language, and the page that works without script.

Data files; `texts` reads the words. A language is one file in `texts/`, with the same names as `en.json`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import orjson

RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur"})


@cache
def texts() -> Mapping[str, Mapping[str, str]]:
    """The packaged words: language → name → text, English first."""
    folder = files("gatekeeper.browser").joinpath("texts")
    found = {file.name.removesuffix(".json"): orjson.loads(file.read_bytes()) for file in folder.iterdir()}
    return {"en": found.pop("en"), **dict(sorted(found.items()))}


def template(name: str) -> str:
    """The text of a page's template."""
    return files("gatekeeper.browser").joinpath(name).read_text("utf-8")
