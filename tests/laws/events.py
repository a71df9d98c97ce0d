"""Hypothesis strategies: events whose every value is a canary, and visitors in every state."""

from __future__ import annotations

import string

from hypothesis import strategies as st

from gatekeeper.fields import CATALOGUE, Field
from tests.builders import NOW, own_cookie

COMMON = ("country", "gender", "date_of_birth", "language", "connection_quality")
LETTERS = string.ascii_lowercase + string.digits


def canary_of(name: str, salt: int) -> str:
    """A value of at least 12 characters that stands nowhere else; the same for the same name and salt."""
    number = int.from_bytes(f"{name}:{salt}".encode(), "big") % (36**14)
    text = ""
    while number:
        number, digit = divmod(number, 36)
        text = LETTERS[digit] + text
    return "zq" + text.rjust(14, "k")


def value_of(row: Field, canary: str) -> object:
    """A valid value of a field that holds the canary."""
    digits = str(int(canary, 36))
    match row.name:  # fields with a format
        case "scroll_depth":
            return float(f"{digits[-2:]}.{digits[-12:-2]}1")
        case "time_on_page":
            return int("1" + digits[-8:])
        case "language":
            return "en-US"
        case "connection_quality":
            return "4g"
        case "device_type":
            return f"chrome {digits[-9:]}"
        case "viewport":
            return f"{digits[-5:]}x{digits[-10:-5]}"
        case "fbp":
            return f"fb.1.1596403881668.1{digits[-12:]}"
        case "fbc":
            return f"fb.1.1596403881668.{canary}"
    if row.format is not None:  # click ids
        return canary + "7"
    match row.type:
        case "url":
            return f"https://shop.example/p/{canary}"
        case "texts":
            return [canary, canary[::-1]]
        case "number":
            return int(digits[-12:].replace("0", "7"))
        case "currency":
            return "EUR"  # three letters are no canary
        case "items":
            return [{"item_id": canary, "item_name": canary[::-1], "price": 1}]
        case "ip":
            return f"2001:4860:{digits[1:5]}:{digits[5:9]}:{digits[9:13]}::1"
        case "time":
            return NOW
    if row.hashed_as is None:
        return canary
    match row.name:
        case "email":
            return f"{canary}@example.com"
        case "phone":
            return "+4915" + digits[-10:]
        case "country":
            return "DE"
        case "gender":
            return "female"
        case "date_of_birth":
            return "1990-12-31"
        case "city" | "state":  # no digits: places go out in clear to some vendors
            return canary.translate({ord("0") + n: chr(ord("a") + n) for n in range(10)})
        case "postal_code":
            return canary[-9:]
    return canary


def needle_of(row: Field, value: object) -> str | None:
    """What to look for of a value; `None` if it is too short to be told from anything else."""
    if row.type in ("currency", "time") or row.name in COMMON:
        return None
    if row.type == "url":
        return str(value).rpartition("/")[2]
    if row.type == "texts":
        return value[0]  # type: ignore[index]
    if row.type == "items":
        return value[0]["item_id"]  # type: ignore[index]
    return str(value)


# The envelope (event_id, event_time) goes to whoever gets the event: it is never stripped.
FIELDS = [row for row in CATALOGUE.by_key.values() if row.name not in ("event_id", "event_time")]

states = st.sampled_from((None, True, False))
salts = st.integers(0, 10**6)


@st.composite
def events(draw: st.DrawFn) -> tuple[dict, dict[str, str]]:
    """An event, and what to look for: field key -> needle. `query` and `unknown` are never allowed anywhere."""
    salt = draw(salts)
    rows = draw(st.lists(st.sampled_from(FIELDS), unique_by=lambda row: row.name))
    data, looked_for = {}, {}
    for row in rows:
        value = value_of(row, canary_of(row.name, salt))
        data[row.name] = value
        needle = needle_of(row, value)
        if needle is not None:
            looked_for[row.key] = needle
    if "page_url" in data and draw(st.booleans()):
        looked_for["query"] = canary_of("query", salt)
        looked_for["fragment"] = canary_of("fragment", salt)
        data["page_url"] += f"?token={looked_for['query']}&utm_source=x#{looked_for['fragment']}"
    if draw(st.booleans()):
        looked_for["unknown"] = canary_of("unknown", salt)
        data["made_up"] = looked_for["unknown"]
    if "items" in data and draw(st.booleans()):
        looked_for["unknown"] = canary_of("unknown", salt)
        data["items"][0]["note_to_self"] = looked_for["unknown"]
    consent = {p: w for p in ("analytics", "marketing") if (w := draw(states)) is not None}
    event = {"event": draw(st.sampled_from(("purchase", "page_view", "error"))), "data": data}
    return event | ({"consent": consent} if consent else {}), looked_for


@st.composite
def visitors(draw: st.DrawFn) -> list[tuple[str, str]]:
    """Headers of a visitor: our cookie in any state, several of them, GPC or not."""
    headers = []
    for _ in range(draw(st.integers(0, 2))):
        granted = [p for p in ("analytics", "marketing") if draw(st.booleans())]
        cookie = own_cookie(*granted, at=NOW - draw(st.sampled_from((10, 1000, 400 * 86_400))))
        if draw(st.integers(0, 9)) == 0:
            cookie = cookie[:-1] + ("A" if cookie[-1] != "A" else "B")
        headers.append(("cookie", cookie))
    if draw(st.booleans()):
        headers.append(("sec-gpc", draw(st.sampled_from(("1", "1", "0")))))
    return headers
