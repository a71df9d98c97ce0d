"""URLs. Pure. Click ids lifted out, query parameters by allow-list, no user info, no fragment.

What stays is byte for byte what came: nothing is decoded and encoded again.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote

DEFAULT_PARAMS: Final = frozenset(
    f"utm_{part}"
    for part in ("source medium campaign term content id source_platform creative_format marketing_tactic".split())
)
# Click-id parameter -> the canonical field it is lifted into, or None: it is only removed.
CLICK_IDS: Final[dict[str, str | None]] = {
    **{name: name for name in ("fbclid", "gclid", "gbraid", "wbraid", "ttclid", "msclkid")},
    **dict.fromkeys(
        "dclid gad_source gad_campaignid gclsrc _gl _ga twclid li_fat_id sccid epik _epik rdt_cid irclickid yclid "
        "srsltid mc_eid _hsenc _hsmi vero_id wickedid igshid igsh".split()
    ),
}


def lift_click_ids(url: str) -> tuple[str, dict[str, str]]:
    """The URL without click-id parameters in query and fragment, and those that are fields: name -> value."""
    lifted: dict[str, str] = {}
    address, question, query = url.partition("?")
    if not question:
        address, hash_sign, fragment = url.partition("#")
        return (address + _rejoin(hash_sign, _lift(fragment, lifted)), lifted) if hash_sign else (url, lifted)
    query, hash_sign, fragment = query.partition("#")
    return (
        address + _rejoin("?", _lift(query, lifted)) + (_rejoin("#", _lift(fragment, lifted)) if hash_sign else ""),
        lifted,
    )


def scrub_url(url: str, params: frozenset[str]) -> tuple[str, tuple[str, ...]]:
    """The URL with only `params` of its query, and what was taken away: `query`, `fragment`, `userinfo`."""
    found = []
    rest, hash_sign, _ = url.partition("#")
    if hash_sign:
        found.append("fragment")
    address, question, query = rest.partition("?")
    scheme, slashes, after = address.partition("//")
    if slashes and scheme in ("", "http:", "https:"):
        host, slash, path = after.partition("/")
        if "@" in host:
            found.append("userinfo")
            address = scheme + slashes + host.rpartition("@")[2] + slash + path
    if question:
        pairs = query.split("&")
        kept = [pair for pair in pairs if _name(pair) in params]
        if len(kept) != len(pairs):
            found.append("query")
        address += _rejoin("?", "&".join(kept))
    return address, tuple(found)


def _rejoin(sign: str, rest: str) -> str:
    return sign + rest if rest else ""


def _name(pair: str) -> str:
    name = pair.partition("=")[0]
    return unquote(unquote(name)) if "%" in name else name


def _lift(query: str, lifted: dict[str, str]) -> str:
    kept = []
    for pair in query.split("&"):
        name = _name(pair).strip().lower()
        if name not in CLICK_IDS:
            kept.append(pair)
            continue
        field, value = CLICK_IDS[name], pair.partition("=")[2]
        if field is not None and value:
            lifted.setdefault(field, unquote(value))
    return "&".join(kept)
