"""Small encoders, the other way round than the product: they write TC and GPP strings for the tests."""

from __future__ import annotations

import binascii
from collections.abc import Iterable, Mapping

DAY = 86400.0


def text_of(bits: str) -> str:
    """Bits as base64url characters, six each, filled up with zeros."""
    padded = bits + "0" * (-len(bits) % 24)
    raw = int(padded or "0", 2).to_bytes(len(padded) // 8)
    characters = binascii.b2a_base64(raw, newline=False).decode().replace("+", "-").replace("/", "_")
    return characters[: -(-len(bits) // 6)]


def number(value: int, width: int) -> str:
    """An unsigned number in `width` bits."""
    return format(value, f"0{width}b")


def id_field(ids: Iterable[int], size: int) -> str:
    """A bit field: the first bit is id 1."""
    chosen = set(ids)
    return "".join("1" if at in chosen else "0" for at in range(1, size + 1))


def ranges(spans: Iterable[tuple[int, int]]) -> str:
    """A range list: count, then single ids and spans."""
    entries = list(spans)
    out = number(len(entries), 12)
    for first, last in entries:
        single = first == last
        out += "0" + number(first, 16) if single else "1" + number(first, 16) + number(last, 16)
    return out


def vendor_field(ids: Iterable[int]) -> str:
    """A vendor section as a bit field."""
    chosen = sorted(set(ids))
    highest = chosen[-1] if chosen else 0
    return number(highest, 16) + "0" + id_field(chosen, highest)


def vendor_ranges(spans: Iterable[tuple[int, int]], highest: int | None = None) -> str:
    """A vendor section as ranges."""
    entries = list(spans)
    top = highest if highest is not None else max((last for _first, last in entries), default=0)
    return number(top, 16) + "1" + ranges(entries)


def tc_string(
    *,
    purposes: Iterable[int] = (),
    vendors: str = vendor_field(()),
    interests: Iterable[int] = (),
    vendor_interests: str = vendor_field(()),
    restrictions: Iterable[tuple[int, int, Iterable[tuple[int, int]]]] = (),
    disclosed: str | None = vendor_field(()),
    created: float = 20400 * DAY,
    cmp_id: int = 300,
    policy: int = 4,
    service_specific: bool = True,
    purpose_one_treatment: bool = False,
    version: int = 2,
) -> str:
    """A TC string. Vendor sections are bits, as `vendor_field` and `vendor_ranges` give them."""
    bits = number(version, 6) + number(int(created * 10), 36) * 2 + number(cmp_id, 12) + number(1, 12)
    bits += number(0, 6) + number(4, 6) + number(13, 6) + number(150, 12) + number(policy, 6)
    bits += f"{service_specific:b}" + "0" + "0" * 12
    bits += id_field(purposes, 24) + id_field(interests, 24)
    bits += f"{purpose_one_treatment:b}" + number(3, 6) + number(4, 6)
    bits += vendors + vendor_interests
    kept = list(restrictions)
    bits += number(len(kept), 12)
    for purpose, kind, spans in kept:
        bits += number(purpose, 6) + number(kind, 2) + ranges(spans)
    segments = [text_of(bits)]
    if disclosed is not None:
        segments.append(text_of(number(1, 3) + disclosed))
    return ".".join(segments)


def fibonacci(value: int) -> str:
    """A Fibonacci code word."""
    weights = [1, 2]
    while weights[-1] <= value:
        weights.append(weights[-1] + weights[-2])
    bits = ""
    for weight in reversed(weights[:-1]):
        taken = weight <= value
        value -= weight if taken else 0
        bits = ("1" if taken else "0") + bits
    return bits.rstrip("0") + "1"


def gpp_string(sections: Mapping[int, str]) -> str:
    """A GPP string with these sections, each already encoded."""
    bits = number(3, 6) + number(1, 6) + number(len(sections), 12)
    last = 0
    for at in sorted(sections):
        bits += "0" + fibonacci(at - last)
        last = at
    return "~".join([text_of(bits), *(sections[at] for at in sorted(sections))])
