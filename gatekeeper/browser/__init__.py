"""What people see in a browser: the words of notices by language, and the page that works without script.

Data files; `texts` reads the words. A language is one file in `texts/`, with the same names as `en.json`. A file with
`"reviewed": false` was not read by a speaker of the language: visitors get another language until it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import orjson

RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur"})


@cache
def texts() -> Mapping[str, Mapping[str, str]]:
    """The packaged words that were reviewed: language → name → text, English first."""
    found = {name: words for name, (reviewed, words) in _files().items() if reviewed}
    return {"en": found.pop("en"), **found}


@cache
def unreviewed() -> frozenset[str]:
    """The packaged languages that visitors do not get yet."""
    return frozenset(name for name, (reviewed, _) in _files().items() if not reviewed)


@cache
def _files() -> Mapping[str, tuple[bool, Mapping[str, str]]]:
    """Language → whether it was reviewed, and its words; in the order of the names."""
    folder = files("gatekeeper.browser").joinpath("texts")
    found = {}
    for file in sorted(folder.iterdir(), key=lambda one: one.name):
        words = orjson.loads(file.read_bytes())
        found[file.name.removesuffix(".json")] = (words.pop("reviewed"), words)
    return found


def template(name: str) -> str:
    """The text of a page's template."""
    return files("gatekeeper.browser").joinpath(name).read_text("utf-8")
