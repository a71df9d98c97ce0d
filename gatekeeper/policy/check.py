"""What is allowed but questionable in a policy. Policy and raw file in, warnings out; each names its remedy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from gatekeeper.browser import unreviewed
from gatekeeper.model import ConsentModel, Purpose
from gatekeeper.policy.compiled import ERROR_EVENT, Policy
from gatekeeper.vendors.kind import Destination
from gatekeeper.vendors.settings import secret_keys

SHORTEST: Final = 8
"""Characters that a secret has at least: the gate takes secrets out of answers, and a short one is in every word."""


def warnings(policy: Policy) -> list[str]:
    """One sentence per questionable thing, in the order of the file."""
    return [
        *_language(policy),
        *_currency(policy),
        *_phones(policy),
        *_server(policy),
        *(line for name, to in policy.destinations.items() for line in _destination(policy, name, to)),
        *_unused(policy),
    ]


def documents(policy: Policy) -> list[str]:
    """The warnings of contracts and assessments that are not named."""
    return [line for name, to in policy.destinations.items() for line in _documents(policy, name, to)]


def _documents(policy: Policy, name: str, to: Destination) -> Iterator[str]:
    where, table = f"destinations.{name}", policy.file.destinations[name]
    if to.kind.received_by != "operator" and table.dpa is None:
        yield f"{where}.dpa: missing; name the data processing agreement with {to.kind.processor} (GDPR article 28)"
    if to.purpose is Purpose.NECESSARY and table.lia is None:
        yield (
            f"{where}.lia: missing; processing without consent needs a documented legitimate interest "
            "assessment (GDPR article 6(1)(f))"
        )


def _language(policy: Policy) -> Iterator[str]:
    language = policy.file.consent.notice.language
    if language in unreviewed() and language not in policy.notices.languages:
        yield (
            f'consent.notice.language: no speaker of "{language}" has reviewed the packaged texts, so visitors get '
            f"{policy.notices.usual.notice.language}; write every text in [consent.notice.texts.{language}]"
        )


def _server(policy: Policy) -> Iterator[str]:
    if any(isinstance(key, str) for key in policy.file.server.api_keys):
        yield 'server.api_keys: a secret is written in clear; use { env = "NAME" }'
    proxy = policy.file.delivery.proxy
    if isinstance(proxy, str) and "@" in proxy:
        yield 'delivery.proxy: a password is written in clear; use { env = "NAME" }'
    if not policy.destinations:
        yield "destinations: there is none, so nothing is ever sent; add one"
    if not policy.file.jurisdiction.always and policy.file.jurisdiction.default is None:
        yield (
            "jurisdiction: neither `always` nor `default` is set; visitors whose place is not known get the "
            'strictest law; a controller in the EU sets always = ["gdpr"]'
        )
    if not policy.trust.declared and _place_matters(policy):
        yield (
            "server.trusted_proxies: empty; behind a proxy, load balancer or CDN the place of every visitor is then "
            "unknown, and the strictest law holds; list the networks of all that stand in between, such as "
            '["10.0.0.0/8"], and set client_header if it is not X-Forwarded-For'
        )


def _place_matters(policy: Policy) -> bool:
    """Whether what is sent may depend on where a visitor is: no law for everybody asks for consent to all of it."""
    if any(to.regions is not None for to in policy.destinations.values()):
        return True
    always = policy.file.jurisdiction.always
    laws = [[row.law for row in policy.laws.rows if row.law.id == law_id] for law_id in always]
    for purpose in ("analytics", "marketing"):
        if not any(all(getattr(law, purpose) is ConsentModel.OPT_IN for law in rows) for rows in laws if rows):
            return True
    return False


def _currency(policy: Policy) -> Iterator[str]:
    sends = [to.name for to in policy.destinations.values() if "order_value" in to.fields and to.kind.needs_currency]
    if sends and policy.file.policy.currency is None:
        yield (
            f"policy.currency: missing; {', '.join(sends)} cannot use an order value that comes without a currency; "
            "set the shop's own, such as EUR"
        )


def _phones(policy: Policy) -> Iterator[str]:
    sends = [to.name for to in policy.destinations.values() if "phone_hash" in to.fields]
    if sends and policy.catalogue.phone_region is None:
        yield (
            f"policy.phone_region: missing; telephone numbers for {', '.join(sends)} that come without their country "
            "code are dropped unless the event names its country; set the shop's own, such as DE"
        )


def _destination(policy: Policy, name: str, to: Destination) -> Iterator[str]:
    where = f"destinations.{name}"
    table: Any = policy.file.destinations[name]
    for key, secret in to.secrets.items():
        if 0 < len(secret.value) < SHORTEST:
            yield f"{where}.{key}: has less than {SHORTEST} characters, which is not a secret; set it to the vendor's"
    for key in sorted(secret_keys(type(table))):
        if isinstance(getattr(table, key), str):
            yield f'{where}.{key}: a secret is written in clear; use {{ env = "NAME" }}'
    if any(isinstance(value, str) and _looks_secret(header) for header, value in _headers(table).items()):
        yield f'{where}.headers: a secret is written in clear; use {{ env = "NAME" }}'
    yield from _documents(policy, name, to)
    if to.kind.errors_only and "dsn" in type(table).model_fields and table.dsn is None:
        yield f"{where}.dsn: missing; our own events go to project 1 without a key; set it to your project's DSN"
    if to.kind.conversions_only and to in policy.others_to:
        yield f'{where}.events: missing; every event is uploaded as a conversion; list them, such as ["purchase"]'
    if not to.fields:
        yield f"{where}.fields: empty, so every event is only its name and time; list what it needs"
    if to.shapes.KIND.calls_only:
        yield f"{where}: takes calls only, no events; point the vendor's SDK at {policy.prefix}/to/{name}/"
    elif not to.kind.calls_only and not any(
        to in policy.destinations_for(event) for event in (*policy.routes, ERROR_EVENT, "any other")
    ):
        calls = to.settings.get("speaks", "") is None
        speaks = "; or say whose protocol its calls are in with `speaks`" if calls else ""
        yield f"{where}.events: no event reaches it; name one{speaks}"
    if to.regions is not None and not to.regions:
        yield f"{where}.regions: empty, so it is blocked everywhere; list countries or remove the key"
    if to.endpoint.startswith("http://") and not _on_loopback(to.endpoint):
        yield f"{where}.endpoint: is not encrypted; use https"


def _unused(policy: Policy) -> Iterator[str]:
    for name in policy.file.fields:
        if not any(name in to.fields for to in policy.destinations.values()):
            yield f"fields.{name}: no destination's allow-list names it, so it is never used; add it or remove it"


def _headers(table: object) -> Mapping[str, object]:
    headers = getattr(table, "headers", {})
    return headers if isinstance(headers, dict) else {}


def _looks_secret(header: str) -> bool:
    return any(word in header.lower() for word in ("auth", "key", "token", "secret"))


def _on_loopback(endpoint: str) -> bool:
    host = endpoint.partition("://")[2].partition("/")[0]
    return host.startswith(("127.", "localhost", "[::1]"))
