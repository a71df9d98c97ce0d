"""A hook of the site: what a page links outside docs/ is a file of the project, which the site names without a link."""

import re
from typing import Any


def on_page_markdown(markdown: str, **_: Any) -> str:
    """The page, whose links to `../…` are words alone; a test looks that those files are there."""
    return re.sub(r"\[([^\]]+)\]\(\.\./[^)]*\)", r"\1", markdown)
