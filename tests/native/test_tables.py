"""Every row of every table: a value goes out where field, purpose and allow-list agree, and nowhere else."""

import base64
import json
import tomllib
from importlib import resources
from urllib.parse import unquote

import pytest

from gatekeeper.fields import CATALOGUE
from gatekeeper.vendors import DIALECTS, find
from tests.native.kit import gate_of, plan, readable, request, visitor

WEBSITE = "0f2a1c6e-0000-4000-8000-000000000001"
SCHEMA = "iglu:com.acme/thing/jsonschema/1-0-0"
# Per product: its table, its path, the key of its list, and what an event needs besides fields.
PRODUCTS = {
    "plausible": ("plausible", "/api/event", "", {"name": "seen", "domain": "shop.example"}),
    "matomo": ("matomo", "/matomo.php", "requests", {"idsite": 1, "rec": 1}),
    "umami": ("umami", "/api/send", "", {"type": "event", "payload": {"website": WEBSITE}}),
    "posthog": ("posthog", "/batch/", "batch", {"event": "seen"}),
    "snowplow": (
        "snowplow", "/com.acme/tp2", "data",
        {"e": "pv", "p": "srv", "tv": "py-1", "cx": {"schema": SCHEMA, "data": {"schema": SCHEMA}},
         "ue": {"schema": SCHEMA, "data": {"schema": SCHEMA}}},
    ),
    "segment": ("segment", "/v1/batch", "batch", {"type": "track", "event": "seen"}),
    "rudderstack": ("segment", "/v1/batch", "batch", {"type": "track", "event": "seen"}),
    "mixpanel": ("mixpanel", "/track", "", {"event": "seen"}),
    "amplitude": ("amplitude", "/2/httpapi", "events", {"event_type": "seen"}),
}  # fmt: skip
NAMES = {"first_name": "Zacharias", "last_name": "Quibbleton", "city": "Gelnhausen", "state": "Hessen", "country": "DE"}

# Values of fields that have a format, each with a number of its own.
FORMATS = {
    "language": lambda n: f"en-{n + 100}",
    "viewport": lambda n: f"{7000 + n}x{6000 + n}",
    "device_type": lambda n: f"chrome {7000 + n}.5",
    "scroll_depth": lambda n: 40 + n / 1000,
    "time_on_page": lambda n: 7_000_000 + n,
}


def rows(table: str) -> dict[str, str]:
    """Native name -> field; each place for the site's own names has one of a personal and one of no field."""
    text = resources.files("gatekeeper.vendors").joinpath(f"{table}.toml").read_text("utf-8")
    found = {name: role for part in tomllib.loads(text).values() for name, role in part.items()}
    fields = {name: role for name, role in found.items() if role in CATALOGUE.by_name and not name.startswith("query.")}
    for name, role in found.items():
        if role == "by name" and name not in ("*", "m.*"):
            fields |= {name[:-1] + "email": "email", name[:-1] + "fbclid": "fbclid", name[:-1] + "surprise": ""}
    return fields | {"surprise": ""}


def value(field: str, n: int) -> object:
    """A value of the field's type that is nowhere else in the request."""
    row = CATALOGUE.by_name.get(field)
    if field in ("event_time", "event_id") or (row is not None and row.type == "items"):
        return None
    if field in FORMATS:
        return FORMATS[field](n)
    if row is None or row.hashed_as is None:
        kind = "text" if row is None else row.type
        return {
            "url": f"https://shop.example/page-q{n}q", "number": 7_000_000 + n, "ip": f"203.0.113.{n}",
            "currency": "XPF",
        }.get(kind, f"value-q{n}q")  # fmt: skip
    return {"email": f"somebody-q{n}q@mail.example", "phone": f"+49151234567{n:02}"}.get(field, NAMES.get(field))


def nested(event: dict, name: str, inner: object) -> None:
    """Put a value where its name says."""
    *above, last = name.split(".")
    for step in above:
        event = event.setdefault(step, {})
    event[last] = inner


@pytest.mark.parametrize("granted", [("analytics",), ("analytics", "marketing")], ids="+".join)
@pytest.mark.parametrize("product", PRODUCTS)
def test_each_row_sends_what_it_may_and_nothing_else(product, granted):
    """Also where marketing is granted: the destination's purpose is analytics."""
    table, path, key, base = PRODUCTS[product]
    gate = gate_of(product)
    to = gate.policy.destinations["it"]
    event = json.loads(json.dumps(base))
    allowed, refused = {}, {}
    for n, (name, field) in enumerate(rows(table).items()):
        put = value(field, n)
        if put is None:
            continue
        nested(event, name, put)
        row = CATALOGUE.by_name.get(field)
        (allowed if row is not None and row.key in to.fields else refused)[name] = str(put)
    inside = [event.pop(name) for name in ("cx", "ue") if name in base]
    for name, one in zip(("cx", "ue_px"), inside, strict=False):
        event[name] = base64.b64encode(json.dumps(one).encode()).decode()
    made = plan(gate, request(path, {key: [event]} if key else event), visitor(*granted))
    assert made.outgoing is not None, (made.reason, made.plans[0].decisions[0].steps)
    out = readable(made.outgoing)
    if product == "matomo":
        out = unquote(out)
    if inside:
        (left,) = json.loads(made.outgoing.body)["data"]
        out += "".join(base64.b64decode(left.get(name, "") + "==").decode() for name in ("cx", "ue_px"))
    assert [name for name, text in refused.items() if text in out] == []
    assert [name for name, text in allowed.items() if text not in out] == []
    assert len(refused) >= 3 and len(allowed) >= 3


def test_every_product_is_here():
    """A new dialect is tested with the others."""
    assert {one.NAME.partition(" ")[0] for one in DIALECTS if one.KIND == "first_party"} == PRODUCTS.keys()
    for product, (_, path, _, _) in PRODUCTS.items():
        policy = gate_of(product).policy
        assert find(policy.destinations["it"], "POST", path, policy.dialects)
