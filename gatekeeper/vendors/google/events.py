"""Google Ads: click conversions, enhanced conversions for web and leads, by the Ads API or by Data Manager.

    POST <endpoint>/v26/customers/<customer>:uploadClickConversions        {"conversions": […], "partialFailure": true}
    POST <endpoint>/v26/customers/<customer>:uploadConversionAdjustments   {"conversionAdjustments": […], …}
    POST <endpoint>/v1/events:ingest                                       {"destinations": […], "events": […]}

Sources: developers.google.com/google-ads/api/docs/conversions (upload-offline, enhanced-conversions/web and
/leads), the protos of google-ads 34.0.0 (v26) and google-ads-datamanager 0.9.4, and Data Manager's formatting
guide, read 2026-11-23. An upload *is* a conversion: the policy's `events` says which events are one.
What one conversion is made of stands in `conversion.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Final, Literal

import orjson
from msgspec import structs
from pydantic import Field, model_validator

from gatekeeper.model import Answer, Event, Fate, Outcome, Outgoing, Purpose, Shaped
from gatekeeper.vendors.formats import answers
from gatekeeper.vendors.google import conversion as google_conversion
from gatekeeper.vendors.google.conversion import ADJUSTMENT, CLICK, CLICKS, INGEST, INGEST_INCOMPLETE
from gatekeeper.vendors.kind import DAY, Destination, Kind, Shaping
from gatekeeper.vendors.settings import Common, SecretValue, Spelled

VERSION: Final = "v26"
_DATA_MANAGER: Final = "https://datamanager.googleapis.com"
# What a later attempt may get past (GoogleAdsFailure's error codes; the tag's own conversion can take a while to
# be found), and what says that it is there already: delivery is at least once, so a duplicate is a delivery whose
# answer was lost.
_LATER: Final = frozenset(
    "TOO_RECENT_CONVERSION TOO_RECENT_CONVERSION_ACTION TOO_RECENT_EVENT CONVERSION_NOT_FOUND INTERNAL_ERROR "
    "DEADLINE_EXCEEDED RESOURCE_EXHAUSTED RESOURCE_TEMPORARILY_EXHAUSTED "
    "CONCURRENT_MODIFICATION TRANSIENT_ERROR".split()
)
_THERE: Final = frozenset({"CLICK_CONVERSION_ALREADY_EXISTS", "ORDER_ID_ALREADY_IN_USE", "CONVERSION_ALREADY_ENHANCED"})
_CODE: Final = re.compile(r"[A-Z][A-Z_]{0,63}")

KIND = Kind(
    name="google_ads",
    title="Google Ads conversions",
    purpose=Purpose.MARKETING,
    allowed_purposes=frozenset({Purpose.MARKETING}),
    legal_basis="consent",
    fields=(
        "order_value", "currency", "transaction_id", "gclid", "gbraid", "wbraid", "email_hash", "phone_hash",
        "first_name_hash", "last_name_hash", "street_hash", "city_hash", "state_hash", "postal_code_hash",
        "country_hash",
    ),
    places=frozenset(
        {"order_value", "currency", "transaction_id", "items", "ip", "user_agent", "page_url", "referrer", *CLICKS,
         *google_conversion.HASHED, *google_conversion.CLEAR}
    ),
    clear=frozenset(google_conversion.CLEAR),
    endpoint="https://googleads.googleapis.com",
    conversions_only=True,
    batch_events=2000,
    batch_bytes=4_000_000,
    max_age=90 * DAY,  # after the click; an adjustment has 54 days
    vendor_id=755,
    tcf_purposes=(1, 3, 4),
    processor="Google Ireland Ltd",
    deletion="none per conversion; adjustment type RETRACTION takes one back, Data Manager users:remove a person",
)  # fmt: skip

CustomerId = Annotated[
    str, Spelled(r"[0-9]+(-[0-9]+)*", "is not a customer id of Google Ads; write it as 123-456-7890", 32)
]


class Settings(Common):
    """Keys of a `google_ads` destination."""

    kind: Literal["google_ads"]
    customer_id: CustomerId = Field(description="The account's customer id, such as 123-456-7890.")
    conversion_action: Annotated[
        str,
        Spelled(
            r"(customers/[0-9]+/conversionActions/)?[0-9]+",
            "is not the id of a conversion action; write its number, such as 987654, or its resource name",
            96,
        ),
    ] = Field(description="Id of the conversion action, such as 987654, or its resource name.")
    developer_token: SecretValue | None = Field(None, description="Developer token of the Ads API.")
    access_token: SecretValue = Field(description="OAuth 2.0 access token; it lasts an hour, so renew it.")
    login_customer_id: CustomerId | None = Field(None, description="The manager account, if access is through one.")
    conversion_id: (
        Annotated[str, Spelled(r"(AW-)?[0-9]{6,20}", "is not a conversion id; write it as AW-123456789")] | None
    ) = Field(None, description="Conversion id of the web tag, such as AW-123456789: whose calls are rewritten.")
    route: Literal["ads", "data_manager"] = Field("ads", description="The Google Ads API or the Data Manager API.")

    @model_validator(mode="after")
    def _can_be_sent(self) -> Settings:
        if self.route == "ads" and self.developer_token is None:
            raise ValueError('needs a `developer_token` (only `route = "data_manager"` does without)')
        return self

    def adapt(self, kind: Kind) -> Kind:
        """Data Manager has an address of its own."""
        return kind if self.route == "ads" else replace(kind, endpoint=_DATA_MANAGER)


def shape(event: Event, kept: Mapping[str, object], shaping: Shaping) -> Shaped | str:
    """The event as a click conversion, an enhancement of the tag's conversion, or a Data Manager event."""
    values, invalid = google_conversion.normal(kept)
    settings = shaping.to.settings
    if settings["route"] == "data_manager":
        made = google_conversion.ingested(event, values, granted=shaping.marketing_granted)
    else:
        action = f"customers/{digits(settings['customer_id'])}/conversionActions/{_action(settings)}"
        made = google_conversion.uploaded(
            event, values, action=action, age=shaping.at - event.time, granted=shaping.marketing_granted
        )
    if isinstance(made, str):
        return made
    return Shaped(
        head=made.head,
        body=orjson.dumps(made.body),
        sent=tuple(name for name in kept if name in made.used),
        invalid=tuple(invalid),
        unneeded=tuple(name for name in kept if name not in made.used and name not in invalid),
    )


def digits(customer: str) -> str:
    """A customer id as the APIs write it."""
    return customer.replace("-", "")


def _action(settings: Mapping[str, Any]) -> str:
    return str(settings["conversion_action"]).rpartition("/")[2]


def account(to: Destination) -> dict[str, Any]:
    """The conversion action as a destination of Data Manager."""
    manager = to.settings.get("login_customer_id")
    found: dict[str, Any] = {
        "operatingAccount": {"accountType": "GOOGLE_ADS", "accountId": digits(to.settings["customer_id"])},
        "productDestinationId": _action(to.settings),
    }
    if manager is not None:
        found["loginAccount"] = {"accountType": "GOOGLE_ADS", "accountId": digits(manager)}
    return found


def assemble(to: Destination, head: bytes, bodies: Sequence[bytes]) -> Outgoing:
    """Up to 2000 conversions of one sort; one that Google refuses does not spoil the others."""
    customer, manager = digits(to.settings["customer_id"]), to.settings.get("login_customer_id")
    headers = [("Authorization", "Bearer " + to.secret("access_token")), ("Content-Type", "application/json")]
    listed = b",".join(bodies)
    if head in (INGEST, INGEST_INCOMPLETE):
        where = b'{"destinations":[' + orjson.dumps(account(to)) + b'],"encoding":"HEX","events":['
        return Outgoing("POST", f"{to.endpoint}/v1/events:ingest", tuple(headers), where + listed + b"]}")
    headers.append(("developer-token", to.secret("developer_token")))
    if manager is not None:
        headers.append(("login-customer-id", digits(manager)))
    name, method = {
        CLICK: (b"conversions", "uploadClickConversions"),
        ADJUSTMENT: (b"conversionAdjustments", "uploadConversionAdjustments"),
    }[head]
    return Outgoing(
        "POST",
        f"{to.endpoint}/{VERSION}/customers/{customer}:{method}",
        tuple(headers),
        b'{"' + name + b'":[' + listed + b'],"partialFailure":true}',
    )


def read_answer(answer: Answer, count: int) -> tuple[Outcome, ...]:
    """Per conversion: `partialFailureError` names the ones that failed. Data Manager answers 200 before it judges."""
    try:
        body = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        body = None
    if not 200 <= answer.status < 300:
        return _refused(answer, body, count)
    if not isinstance(body, dict):  # cut off or not Google's; a repetition is told apart by order or click id
        return (Outcome(Fate.RETRY, "unreadable_answer"),) * count
    if not body.get("partialFailureError"):
        return (Outcome(Fate.DELIVERED),) * count
    return _partial(body, count)


def _refused(answer: Answer, body: object, count: int) -> tuple[Outcome, ...]:
    """The request as a whole failed: Google's own word for it instead of the number."""
    outcomes = answers.by_status(answer, count)
    error = body.get("error") if isinstance(body, dict) else None
    word = error.get("status") if isinstance(error, dict) else None
    if isinstance(word, str) and _CODE.fullmatch(word):
        return tuple(structs.replace(outcome, why=f"google_{word.lower()}") for outcome in outcomes)
    return outcomes


def _partial(body: Mapping[str, Any], count: int) -> tuple[Outcome, ...]:
    failed: dict[int, Outcome] = {}
    for index, code in _failures(body["partialFailureError"]):
        outcome = Outcome(_fate(code), f"google_{code.lower()}")
        for n in range(count) if index is None else (index,):
            # Of several errors of one conversion, the one that ends it counts.
            if n not in failed or failed[n].fate is not Fate.DEAD:
                failed[n] = outcome
    results = body.get("results")
    if isinstance(results, list):
        for n, result in enumerate(results[:count]):
            if result == {}:  # an empty result is a failure, whether it is explained or not
                failed.setdefault(n, Outcome(Fate.DEAD, "google_partial_failure"))
    elif not failed:
        return (Outcome(Fate.DEAD, "google_partial_failure"),) * count
    return tuple(failed.get(n, Outcome(Fate.DELIVERED)) for n in range(count))


def _fate(code: str) -> Fate:
    return Fate.RETRY if code in _LATER else Fate.DELIVERED if code in _THERE else Fate.DEAD


def _failures(status: object) -> list[tuple[int | None, str]]:
    """(index of the conversion or None for all of them, error code) of a google.rpc.Status; skips anything else."""
    found: list[tuple[int | None, str]] = []
    details = status.get("details") if isinstance(status, dict) else None
    for detail in details if isinstance(details, list) else ():
        errors = detail.get("errors") if isinstance(detail, dict) else None
        for error in errors if isinstance(errors, list) else ():
            if not isinstance(error, dict):
                continue
            words = error.get("errorCode")
            code = next(iter(words.values()), None) if isinstance(words, dict) else None
            location = error.get("location")
            path = location.get("fieldPathElements") if isinstance(location, dict) else None
            first = path[0] if isinstance(path, list) and path else None
            index = first.get("index", 0) if isinstance(first, dict) else None  # proto3 JSON may leave a 0 out
            found.append(
                (
                    index if isinstance(index, int) else None,
                    code if isinstance(code, str) and _CODE.fullmatch(code) else "PARTIAL_FAILURE",
                )
            )
    return found
