"""Names of accounts in paths of files: `C:\\Users\\Jane Doe\\…`, `/Users/jane/…`, `/home/jane/…`.

Only the name goes. Left alone: pages that are called so (`/home/garden/tools`, `https://shop.example/home/sale`),
folders of the system (`/home/app`, `C:\\Users\\Public`), and names of variables (`/home/$USER`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gatekeeper.scrub.found import Span

_WINDOWS = re.compile(
    r"(?i)(?:(?<![a-z])[a-z]:|[\\/])[\\/]{0,2}(?:users|benutzer|utilisateurs|usuarios|documents and settings)\\{1,2}"
    r"([^\\/:*?\"<>|\r\n\[$%]{1,64})(?=[\\/])"
    r"|(?<![a-z])[a-z]:/{1,2}(?:users|documents and settings)/{1,2}([^\\/:*?\"<>|\r\n\[$%]{1,64})(?=[\\/])"
)
# Not behind a host or a folder: those are pages.
_UNIX = re.compile(
    r"(?<![A-Za-z0-9_.\-~\]])(?:file:/{0,2})?(?:/mnt/[a-z]|/private|/var)?/(?:(Users)|home|export/home)/([^/\s:*?\"'<>|\[\]$%(){},;]{1,64})"
    r"(/[^\s:?\"'<>|(),;]*|(?=[\s:\"')\],;]|\Z))"
)
_SYSTEM = frozenset(
    "admin all app apps circleci default deploy ec2-user git node public root runner shared site".split()
    + "ubuntu user vsts web www www-data".split()
)
_PAGE = re.compile(r"/?(?:[^/.]+/)*[^/.]*(?:\.(?:html?|php|aspx?|jsp))?/?")


def suspicious(text: str) -> bool:
    """Whether there may be such a path."""
    return "/home/" in text or "/Users/" in text or "\\" in text or (":/" in text and "users/" in text.lower())


def find(text: str) -> Iterator[Span]:
    """Each account's name as `user`."""
    if not suspicious(text):
        return
    for match in _WINDOWS.finditer(text):
        group = 1 if match[1] is not None else 2
        yield from _name(match, group)
    for match in _UNIX.finditer(text):
        # A whole value that reads like the path of a page is one.
        if match[1] is None and match.start() == 0 and match.end() == len(text) and _PAGE.fullmatch(match[3] or ""):
            continue
        yield from _name(match, 2)


def _name(match: re.Match[str], group: int) -> Iterator[Span]:
    name = match[group]
    if name.strip().lower() not in _SYSTEM and not name.startswith("."):
        yield Span(match.start(group), match.end(group), "user")
