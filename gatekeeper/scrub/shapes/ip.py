"""IP addresses, versions 4 and 6.

Left alone: loopback, unspecified and netmasks (0.…, 127.…, 255.…, ::1), and version numbers, which may be
written just like an address. Four numbers count as a version when
- a word before them says so (`v1.2.3.4`, `version`, `release`, `firmware`, `SDK`, `§` …),
- they end in `.0.0` (`Chrome/131.0.0.0`), or a file extension follows (`setup-10.2.1.30.exe`),
- there are more than four of them (object identifiers), or
- all are below 20 and nothing before them speaks of an address; of the addresses of visitors this takes some
  40 in a million for versions, and private 10.… addresses none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import AddressValueError, IPv6Address

from gatekeeper.scrub.found import Span

_QUAD = re.compile(r"(?<![\d%])(?<!\d\.)(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?!\d)(?!\.\d)")
_QUADS = re.compile(r"\d\.\d{1,3}\.\d{1,3}\.\d")
_SIX = re.compile(r"(?<![A-Za-z0-9_:.])\[?((?:[0-9A-Fa-f]{0,4}:){2,8}[0-9A-Fa-f.]{0,15})(%[A-Za-z0-9]{1,15})?(\])?")
_VERSION = re.compile(
    r"(?:\b(?:ver|vers|version|versione|versión|release|rel|build|rev|revision|firmware|fw|sdk|api"
    r"|section|sec|chapter|oid)|§)[\s:=/_\-]{0,3}\Z|(?<![A-Za-z0-9])v\.? ?\Z",
    re.IGNORECASE,
)
_ADDRESS = re.compile(
    r"(?:(?:\b|_)(?:ip|ipv4|addr|address|client|visitor|remote|from|host|peer|for|by)\]?[\s:=_\"'(\[]{0,4}|//|@)\Z",
    re.IGNORECASE,
)
_FILE = re.compile(r"\.(?:exe|msi|dmg|pkg|zip|7z|t?gz|tar|xz|deb|rpm|apk|ipa|jar|war|whl|js|css|map|dll|so|min)\b")
_WORD = re.compile("[A-Za-z0-9_]")
_BEFORE = 16  # characters that are read for such a word
_SMALL = 20


def find(text: str) -> Iterator[Span]:
    """Each address as `ip`."""
    if _QUADS.search(text):
        for match in _QUAD.finditer(text):
            if _visitor(text, match):
                yield Span(match.start(), match.end(), "ip")
    if text.count(":") >= 2:
        for match in _SIX.finditer(text):
            end = _six_end(text, match)
            if end is not None:
                yield Span(match.start(), end, "ip")


def _visitor(text: str, match: re.Match[str]) -> bool:
    """Whether four numbers can be a host's address, and read as one."""
    one, two, three, four = (int(group) for group in match.groups())
    if max(one, two, three, four) > 255 or one in (0, 127, 255) or (three == 0 and four == 0):
        return False
    before = text[max(0, match.start() - _BEFORE) : match.start()]
    if _VERSION.search(before) or _FILE.match(text, match.end()):
        return False
    return one == 10 or max(one, two, three, four) >= _SMALL or _ADDRESS.search(before) is not None


def _six_end(text: str, match: re.Match[str]) -> int | None:
    """Where a version 6 address ends; `None` if this is none (a time, a scope operator, a MAC address)."""
    written = match.group(1)
    number = written.rstrip(".")
    if not number.endswith("::"):
        number = number.rstrip(":")
    if len(number) > 45 or ":" not in number or not any(char.isdigit() for char in number):
        return None
    if _WORD.match(text, match.start(1) + len(number)):
        return None
    try:
        address = IPv6Address(number)
    except AddressValueError:
        return None
    # `a::b` and `12::30` are addresses too, but not in use: those in use open with a longer group.
    opening = number.split(":", 1)[0]
    if address.is_loopback or address.is_unspecified or (len(opening) < 2 and not address.ipv4_mapped):
        return None
    if len(number) == len(written):
        return match.end()
    return match.start(1) + len(number)
