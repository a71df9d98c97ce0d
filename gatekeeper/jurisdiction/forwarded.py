"""Headers by which proxies say whose request they pass on. Pure. Headers in, what they name as the client out.

A browser sends none of these. `ADDRESSES` name an address, in lists (`X-Forwarded-For`, `Forwarded`) or alone; `SIGNS`
only show that a proxy was in between. Names are those of RFC 7239 and 9110 section 7.6.3 (Via), RFC 8586 (CDN-Loop),
and of the makers' own pages on request headers: Cloudflare, Akamai, Fastly, CloudFront and load balancers of AWS,
Azure Front Door and Application Gateway, Google App Engine, Fly, Vercel, Netlify, DigitalOcean, Sucuri, Imperva,
Alibaba, Envoy, nginx, IIS and WebLogic.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from gatekeeper.jurisdiction.networks import Address, parse_address

Headers = Iterable[tuple[bytes, bytes]]

X_FORWARDED_FOR: Final = b"x-forwarded-for"
FORWARDED: Final = b"forwarded"
_LISTS: Final = frozenset({X_FORWARDED_FOR, b"x-original-forwarded-for", b"x-vercel-forwarded-for"})
_ALONE: Final = frozenset(
    {
        b"x-real-ip", b"x-client-ip", b"client-ip", b"x-cluster-client-ip", b"x-remote-ip", b"x-remote-addr",
        b"x-originating-ip", b"x-forwarded", b"forwarded-for", b"cf-connecting-ip", b"cf-connecting-ipv6",
        b"true-client-ip", b"fastly-client-ip", b"fly-client-ip", b"x-azure-clientip", b"x-azure-socketip",
        b"x-appengine-user-ip", b"x-appengine-remote-addr", b"x-nf-client-connection-ip", b"do-connecting-ip",
        b"x-envoy-external-address", b"x-sucuri-clientip", b"incap-client-ip", b"ali-cdn-real-ip", b"cdn-src-ip",
        b"proxy-client-ip", b"wl-proxy-client-ip",
    }
)  # fmt: skip
ADDRESSES: Final = _LISTS | _ALONE | {FORWARDED}
CHAINS: Final = frozenset(
    {
        b"via", b"cdn-loop", b"cf-ray", b"cf-visitor", b"cf-ipcountry", b"x-amz-cf-id", b"cloudfront-viewer-address",
        b"fastly-ff", b"x-varnish", b"x-azure-fdid", b"x-azure-ref", b"akamai-origin-hop", b"x-akamai-edgescape",
    }
)  # fmt: skip
SIGNS: Final = ADDRESSES | CHAINS | {
    b"x-forwarded-proto", b"x-forwarded-host", b"x-forwarded-port", b"x-forwarded-server", b"x-forwarded-by",
    b"x-forwarded-ssl", b"x-forwarded-scheme", b"x-forwarded-prefix",
}  # fmt: skip

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PAIR = re.compile(rf'[ \t]*({_WORD})=({_WORD}|"(?:[^"\\]|\\.)*")[ \t]*(;|,|\Z)')
_BRACKETS = re.compile(r"\[([^\[\]]*)\](?::(\d{1,5}|_[\w.-]+))?", re.ASCII)
_PORT = re.compile(r"([^:]*):(\d{1,5}|_[\w.-]+)", re.ASCII)


def entries(headers: Headers, name: bytes) -> list[str]:
    """What a header names, the hop that is nearest to us last; a text that is no address where it cannot be read."""
    lines = [value.decode("latin-1") for key, value in headers if key == name]
    if name in _LISTS:
        found = ",".join(lines).split(",") if lines else []
    elif name == FORWARDED:
        text = ",".join(lines)
        found = _forwarded(text) or ([UNREADABLE] if text.strip(" \t") else [])
    else:
        found = lines if len(lines) < 2 else [UNREADABLE]
    return [one.strip(" \t") for one in found]


UNREADABLE: Final = "unreadable"


def _forwarded(text: str) -> list[str]:
    """The `for` of each element, in order; none where the header is not well formed (RFC 7239, section 4)."""
    entries: list[str] = []
    at, current = 0, None
    while at < len(text):
        pair = _PAIR.match(text, at)
        if pair is None:
            return []
        name, value, separator = pair.groups()
        if name.lower() == "for":
            if current is not None:
                return []
            current = re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value
        if separator != ";":
            entries.append(current or "")
            current = None
        at = pair.end()
    return [] if text.rstrip(" \t").endswith((",", ";")) else entries


def node(text: str) -> Address | None:
    """One entry: an address, with or without port; IPv6 with a port in brackets."""
    brackets = _BRACKETS.fullmatch(text)
    if brackets is not None:
        inner, port = brackets.groups()
        return None if ":" not in inner or _bad_port(port) else parse_address(inner)
    if text.count(":") == 1:
        with_port = _PORT.fullmatch(text)
        if with_port is None or _bad_port(with_port[2]):
            return None
        text = with_port[1]
    return parse_address(text)


def _bad_port(port: str | None) -> bool:
    return port is not None and port.isdigit() and int(port) > 65535
