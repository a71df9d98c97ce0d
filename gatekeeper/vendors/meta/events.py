"""Meta Conversions API.

    POST <endpoint>/v26.0/<pixel id>/events?access_token=…     {"data": [event, …]}

Sources: developers.facebook.com/docs/marketing-api/conversions-api (customer-information-parameters of
2026-01-09, fbp-and-fbc, best-practices, data-processing-options) and the rules of Meta's own Parameter Builder,
read 2026-11-23. There is no field for EU consent: denied means not called. A request is taken or refused whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote

import orjson
from pydantic import Field, StringConstraints

from gatekeeper.model import Answer, Event, Fate, Outcome, Outgoing, Personal, Purpose, Shaped
from gatekeeper.vendors.formats import answers, normalise
from gatekeeper.vendors.formats.standard import STANDARD
from gatekeeper.vendors.kind import DAY, Destination, Kind, Shaping
from gatekeeper.vendors.settings import Common, Identifier, SecretValue

VERSION: Final = "v26.0"
# Standard events; any other name goes out as a custom event of that name.
EVENTS: Final = {"page_view": "PageView", **STANDARD}
HASHED: Final[Mapping[str, tuple[str, Callable[[str], str | None]]]] = {
    "email_hash": ("em", normalise.email),
    "phone_hash": ("ph", lambda e164: e164.lstrip("+")),
    "first_name_hash": ("fn", normalise.letters),
    "last_name_hash": ("ln", normalise.letters),
    "city_hash": ("ct", normalise.ascii_alnum),
    "state_hash": ("st", normalise.state),
    "postal_code_hash": ("zp", normalise.postal_code),
    "country_hash": ("country", normalise.country),
    "date_of_birth_hash": ("db", normalise.birth_date),
    "gender_hash": ("ge", normalise.gender),
    "external_id_hash": ("external_id", normalise.compact),
}
RULES: Final[Mapping[str, Callable[[str], str | None]]] = {field: rule for field, (_, rule) in HASHED.items()}
"""How each personal field is normalised; Pinterest and Snap have the same rules."""
# Meta, data-processing-options: state codes of Limited Data Use.
LDU_STATES: Final = {
    "CA": 1000, "CO": 1001, "CT": 1002, "FL": 1003, "OR": 1004, "TX": 1005, "MT": 1006,
    "DE": 1007, "NE": 1008, "NH": 1009, "NJ": 1010, "MN": 1011, "MD": 1012, "RI": 1013,
}  # fmt: skip
_CLEAR: Final = {"ip": "client_ip_address", "user_agent": "client_user_agent", "fbc": "fbc", "fbp": "fbp"}
_EVENT: Final = {"page_url": "event_source_url", "referrer": "referrer_url"}
_CUSTOM: Final = {
    "order_value": "value",
    "currency": "currency",
    "transaction_id": "order_id",
    "customer_lifetime_value": "predicted_ltv",
}
# Field -> which of a shaped event's parts it stands in (`user_data`, `custom_data`, the event itself), and as what.
_PLACES: Final = {
    name: (part, key) for part, names in enumerate((_CLEAR, _CUSTOM, _EVENT)) for name, key in names.items()
}
# An event whose user_data has nothing beyond one of these is invalid (Meta, best practices).
_INSUFFICIENT: Final = (
    frozenset({"ct", "country", "st", "zp", "ge", "client_user_agent"}),
    frozenset({"db", "client_user_agent"}),
    frozenset({"fn", "ge"}),
    frozenset({"ln", "ge"}),
)
# Error codes that a later attempt may get past (Graph API error handling; RudderStack's map agrees).
_TRANSIENT: Final = frozenset({1, 2, 4, 17, 341, 368, 5000, 21009, 80003})

KIND = Kind(
    name="meta_capi",
    title="Meta Conversions API",
    purpose=Purpose.MARKETING,
    allowed_purposes=frozenset({Purpose.MARKETING}),
    legal_basis="consent",
    fields=(
        "page_url", "order_value", "currency", "transaction_id", "items", "user_agent", "ip", "fbclid", "fbc", "fbp",
        "email_hash", "phone_hash", "first_name_hash", "last_name_hash", "city_hash", "state_hash",
        "postal_code_hash", "country_hash", "date_of_birth_hash", "gender_hash", "external_id_hash",
    ),
    places=frozenset(
        {"page_url", "referrer", "order_value", "currency", "transaction_id", "items", "fbclid",
         "customer_lifetime_value", "product_interest", *HASHED, *_CLEAR}
    ),
    endpoint="https://graph.facebook.com",
    batch_events=1000,
    batch_bytes=1_000_000,
    max_age=6.5 * DAY,  # one event over 7 days fails the whole request (error 100/2804003)
    dedupes_for=2 * DAY,  # by event_name and event_id
    refuses_request=frozenset({"meta_190", "meta_200"}),  # the token: not valid, or without the permission
    processor="Meta Platforms Ireland Ltd",
    needs_currency=True,
    deletion="none per event; Custom Audiences: DELETE /<audience id>/users",
)  # fmt: skip


class Settings(Common):
    """Keys of a `meta_capi` destination."""

    kind: Literal["meta_capi"]
    pixel_id: Identifier = Field(description="Pixel or dataset id.")
    access_token: SecretValue = Field(description="System user token of the Conversions API.")
    test_event_code: Annotated[str, StringConstraints(max_length=64)] | None = Field(
        None, description="Shows the events in Events Manager's test tab instead of counting them."
    )


def shape(event: Event, kept: Mapping[str, object], shaping: Shaping) -> Shaped | str:
    """The event as one element of `data[]`, with `user_data` hashed by Meta's rules."""
    if shaping.at - event.time > KIND.max_age:
        return "the event is older than Meta accepts"
    user: dict[str, Any] = {}
    custom: dict[str, Any] = {}
    out: dict[str, Any] = {
        "event_name": EVENTS.get(event.name, event.name),
        "event_time": int(event.time),
        "event_id": event.id,
        "action_source": "website",
    }
    parts = (user, custom, out)
    invalid: list[str] = []
    for name, value in kept.items():
        if type(value) is Personal:
            key, normal = HASHED[name]
            digest = normalise.hashed(value, None if value.hashed else normal(value.value))
            if digest is None:
                invalid.append(name)
            else:
                user[key] = [digest]
        elif (place := _PLACES.get(name)) is not None:
            part, key = place
            parts[part][key] = value
        elif name == "product_interest":
            custom["content_category"] = value if isinstance(value, str) else ", ".join(map(str, _rows(value)))
        elif name == "items":
            _contents(value, custom)
        elif name != "fbclid":
            invalid.append(name)

    sent = [name for name in kept if name not in invalid] if invalid else [*kept]
    fbclid = kept.get("fbclid")
    if fbclid is not None and fbclid not in str(user.get("fbc", "")).split("."):
        # The click is newer than the cookie, or there is none: index 1 is what a server uses.
        user["fbc"] = f"fb.1.{int(event.time * 1000)}.{fbclid}"
        sent = [name for name in sent if name != "fbc"]
        if "fbc" in kept:
            invalid.append("fbc")
    rejected = insufficient(user.keys())
    if rejected is not None:
        return rejected
    out["user_data"] = user
    if custom:
        out["custom_data"] = custom
    if shaping.restricted_use:
        # Detected, yet not honoured by this policy: the vendor is told at least.
        out |= limited_data_use(shaping, located="client_ip_address" in user)
    # Meta documents value and currency as required for a purchase, and refuses a request whole: a purchase
    # without them is sent, but never in one request with events it could spoil.
    spoils = event.name == "purchase" and not ("value" in custom and "currency" in custom)
    head = b"incomplete purchases" if spoils else b""
    return Shaped(head=head, body=orjson.dumps(out), sent=tuple(sent), invalid=tuple(invalid))


def insufficient(keys: Set[str]) -> str | None:
    """Why an event whose `user_data` has these keys is refused; `None` if it is not."""
    for combination in _INSUFFICIENT:
        if keys <= combination:
            return "what is left of user_data is a combination Meta rejects"
    return None


def limited_data_use(shaping: Shaping, *, located: bool) -> dict[str, Any]:
    """The `data_processing_options` keys of an event under Limited Data Use.

    Country and state 0 have Meta locate the visitor by the address. Where none is sent (not `located`) and the place is
    unknown, they are California's: with 0 the restriction would not hold.
    """
    state = LDU_STATES.get(shaping.place.region or "", 0) if shaping.place.country == "US" else 0
    if shaping.place.country is None and not located:
        state = LDU_STATES["CA"]
    return {
        "data_processing_options": ["LDU"],
        "data_processing_options_country": 1 if state else 0,
        "data_processing_options_state": state,
    }


def limit_data_use(event: dict[str, Any], given: Mapping[str, Any], shaping: Shaping, *, limited: bool) -> None:
    """Put Limited Data Use into a caller's event where the visitor needs it, or the caller asked for it (`limited`)."""
    if not (limited or shaping.restricted_use):
        return
    event |= limited_data_use(shaping, located="client_ip_address" in event.get("user_data", {}))
    state = given.get("data_processing_options_state")
    if limited and given.get("data_processing_options_country") == 1 and state in LDU_STATES.values():
        # The caller knows the state better.
        event |= {"data_processing_options_country": 1, "data_processing_options_state": state}


def _rows(value: object) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else ()


def _contents(items: object, custom: dict[str, Any]) -> None:
    contents = []
    for item in _rows(items):
        content = {"id": item.get("item_id"), "quantity": item.get("quantity"), "item_price": item.get("price")}
        contents.append({key: value for key, value in content.items() if value is not None})
    custom["content_type"] = "product"
    custom["content_ids"] = [content["id"] for content in contents if "id" in content]
    custom["contents"] = contents
    custom["num_items"] = len(contents)


def assemble(to: Destination, head: bytes, bodies: Sequence[bytes]) -> Outgoing:
    """Up to 1000 events; the token goes into the query, where every example of Meta has it."""
    body = b'{"data":[' + b",".join(bodies) + b"]"
    if to.settings.get("test_event_code"):
        body += b',"test_event_code":' + orjson.dumps(to.settings["test_event_code"])
    token = quote(to.secret("access_token"), safe="")
    return Outgoing(
        "POST",
        f"{to.endpoint}/{VERSION}/{to.settings['pixel_id']}/events?access_token={token}",
        (("Content-Type", "application/json"),),
        body + b"}",
    )


def read_answer(answer: Answer, count: int) -> tuple[Outcome, ...]:
    """All or nothing; Graph error codes tell what may pass later."""
    if answer.status < 400 or answer.status in answers.RETRIED or answer.status >= 500:
        return answers.by_status(answer, count)
    try:
        error = orjson.loads(answer.body)["error"]
        code, transient = error.get("code"), error.get("is_transient") is True
    except (ValueError, KeyError, TypeError, AttributeError):
        return answers.by_status(answer, count)
    why = f"meta_{code}" if isinstance(code, int) else f"http_{answer.status}"
    if transient or code in _TRANSIENT:
        return (Outcome(Fate.RETRY, why, answers.retry_after(answer)),) * count
    return (Outcome(Fate.DEAD, why),) * count
