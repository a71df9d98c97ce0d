"""A made-up visitor whose values stand nowhere else, and every way in which a value may be written in another field."""

from __future__ import annotations

import base64
import hashlib
import random
import string
from collections.abc import Callable
from urllib.parse import quote

DIGITS = "123456789"
CUT = 17  # characters of a digest that was cut short


def person(luck: random.Random) -> dict[str, str]:
    """What a visitor declares, by field; words that are in no language."""

    def word() -> str:
        return "zq" + "".join(luck.choice(string.ascii_lowercase) for _ in range(luck.randint(5, 9)))

    first, last, street = word(), word(), word()
    number = "".join(luck.choice(DIGITS) for _ in range(7))
    local = luck.choice((f"{first}.{last}", f"{word()}_{word()}", word()))
    return {
        "email": luck.choice((str.lower, str.title))(local) + "@example.com",
        "phone": f"+49 15{luck.choice('27')} {number[:3]} {number[3:]}",
        "first_name": first.title(),
        "last_name": last.title(),
        "street": f"{street.title()} {luck.randint(11, 99)}",
        "date_of_birth": f"19{luck.randint(40, 99)}-0{luck.randint(1, 9)}-{luck.randint(13, 28)}",
    }


def digests(value: str) -> list[str]:
    """Of one normal form, in hexadecimal (both cases) and base64 (both alphabets), each whole and cut short."""
    found = []
    for name in ("md5", "sha1", "sha256"):
        digest = hashlib.new(name, value.encode(), usedforsecurity=False).digest()
        packed = base64.b64encode(digest).decode()
        found += [digest.hex(), digest.hex().upper(), packed, base64.urlsafe_b64encode(digest).decode().rstrip("=")]
        found += [digest.hex()[:CUT], packed[:CUT]]
    return found


def spellings(field: str, value: str) -> list[str]:
    """The value in other letter cases, with other separators, in parts and as digests."""
    if field == "phone":
        digits = "".join(filter(str.isdigit, value))
        forms = [
            value,
            digits,
            "00" + digits,
            "0" + digits[2:],
            digits[2:],
            f"0{digits[2:5]}/{digits[5:]}",
            digits[-7:],
        ]
        return forms + digests("+" + digits) + digests(digits)
    if field == "date_of_birth":
        year, month, day = value.split("-")
        return [
            value,
            f"{day}.{month}.{year}",
            f"{int(day)}.{int(month)}.{year}",
            f"{month}/{day}/{year}",
            year + month + day,
        ]
    forms = [value, value.lower(), value.upper(), value.title()]
    if field == "email":
        local = value.partition("@")[0]
        forms += [
            local,
            local.replace(".", "-").replace("_", " "),
            value.replace("@", "_at_"),
            value.replace("@", "%2540"),
        ]
        return forms + digests(value.lower()) + digests(value)
    return [*forms, value.replace(" ", "-"), value.replace(" ", "")]


WRAPS: dict[str, Callable[[str], str]] = {
    "bare": lambda value: value,
    "text": lambda value: f"Danke, {value}! Bis bald",
    "brackets": lambda value: f"order ({value}) #7",
    "percent": lambda value: quote(value, safe=""),
    "percent twice": lambda value: quote(quote(value, safe=""), safe=""),
    "every byte": lambda value: "".join(f"%{byte:02x}" for byte in value.encode()),
    "html": lambda value: "".join(f"&#{ord(char)};" for char in value),
    "javascript": lambda value: "".join(f"\\u{ord(char):04x}" for char in value),
    "base64": lambda value: base64.b64encode(f'{{"who":"{value}"}}'.encode()).decode(),
    "base64url": lambda value: base64.urlsafe_b64encode(f"n={value};".encode()).decode().rstrip("="),
    "hex": lambda value: f"<{value}>".encode().hex(),
}
URLS: dict[str, Callable[[str], str]] = {
    "segment": lambda value: f"https://shop.example/kunde/{quote(value, safe='')}/x",
    "slug": lambda value: f"/a/{quote(value, safe='')}-danke",
    "parameter": lambda value: f"https://shop.example/?utm_term={quote(value, safe='')}&utm_id=7",
    "packed": lambda value: "/x/" + base64.urlsafe_b64encode(f"n={value};".encode()).decode().rstrip("="),
    "swallowed": lambda value: f"/p?utm_source=fb%26name%3D{quote(value, safe='')}",
    "fragment": lambda value: f"/p#{value}",
    "path parameter": lambda value: f"/p&name={value}",
}
