"""Visitors of a shop, made up. Pure. A seed and a period in, what each of them does and when out.

The same seed gives the same visitors. Names, e-mail addresses and orders belong to no real person; an IP address is one
that the bundled location database puts into the country.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import Any, Final, NamedTuple

PER_MINUTE: Final = 10  # visitors that come in a minute
CHANGE: Final = 0.55  # of the period: when the notice changes


class Country(NamedTuple):
    """Where visitors come from: how many of a hundred, their network, and of a hundred how many do what.

    `asked`: a law there wants a question. `accept`, `some` and `reject` are answers to it, of 100; the others give
    none. `gpc` is how many browsers send `Sec-GPC: 1`, `opt_out` how many visitors opt out where no consent is asked
    for.
    """

    share: int
    network: str
    asked: bool
    accept: int = 0
    some: int = 0
    reject: int = 0
    gpc: int = 0
    opt_out: int = 0


COUNTRIES: Final = {
    "DE": Country(24, "193.99.144", True, accept=38, some=14, reject=36, gpc=3),
    "FR": Country(12, "212.27.48", True, accept=44, some=10, reject=34, gpc=2),
    "IT": Country(6, "62.211.1", True, accept=55, some=8, reject=24, gpc=1),
    "NL": Country(5, "194.109.6", True, accept=41, some=16, reject=33, gpc=4),
    "GB": Country(13, "212.58.244", True, accept=49, some=10, reject=29, gpc=3),
    "CH": Country(3, "129.132.1", True, accept=46, some=12, reject=30, gpc=2),
    "BR": Country(10, "200.147.3", True, accept=61, some=6, reject=20, gpc=1),
    "US-CA": Country(11, "15.0.10", False, gpc=14, opt_out=7),
    "US-TX": Country(8, "24.100.10", False, gpc=6, opt_out=3),
    "US-CO": Country(4, "128.138.1", False, gpc=9, opt_out=5),
    "US-NY": Country(4, "128.59.1", False, gpc=6, opt_out=2),
}
PAGES: Final = ("/", "/lamps", "/lamps/arc", "/lamps/reading", "/sale", "/about/delivery", "/journal/light")
SOURCES: Final = ("", "", "", "?utm_source=newsletter", "?utm_source=search&gclid=Cj0demo", "?fbclid=IwAR0demo")
FIRST: Final = ("ada", "ben", "cleo", "dana", "emil", "fay", "gus", "hana", "ivo", "june", "kai", "lea", "milo", "noa")
LAST: Final = (
    "berg",
    "costa",
    "dubois",
    "evans",
    "ferri",
    "grant",
    "huber",
    "ito",
    "jansen",
    "klein",
    "lopes",
    "moore",
)


class Act(StrEnum):
    """What a visitor does."""

    EVENT = "an event"
    CHOOSE = "an answer to the question"
    WITHDRAW = "a withdrawal"
    OPT_OUT = "an opt-out"


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody made up: where they are, and what they are known by once they buy."""

    number: int
    place: str
    address: str
    gpc: bool
    phone: bool
    user_id: str
    email: str


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that one visitor does, at a time in Unix seconds. `says` are the answers of a choice, by purpose."""

    at: float
    visitor: Visitor
    act: Act
    event: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    says: dict[str, bool] = field(default_factory=dict)


def visitors(seed: int, begin: float, end: float, per_minute: float = PER_MINUTE) -> list[Step]:
    """What visitors do from `begin` to `end`, in the order of time."""
    chance = Random(seed)  # noqa: S311  # made-up visitors: nothing is kept secret by it
    places, weights = zip(*[(name, one.share) for name, one in COUNTRIES.items()], strict=True)
    steps: list[Step] = []
    at, number = begin, 0
    while (at := at + chance.expovariate(per_minute / 60)) < end:
        number += 1
        place = chance.choices(places, weights)[0]
        steps += _visit(chance, _visitor(chance, number, place), at, (at - begin) / (end - begin))
    return sorted([step for step in steps if step.at < end], key=lambda step: (step.at, step.visitor.number))


def _visitor(chance: Random, number: int, place: str) -> Visitor:
    country = COUNTRIES[place]
    name = f"{chance.choice(FIRST)}.{chance.choice(LAST)}"
    return Visitor(
        number,
        place,
        f"{country.network}.{chance.randint(1, 254)}",
        gpc=chance.random() < country.gpc / 100,
        phone=chance.random() < 0.6,
        user_id=f"u-{number:05}",
        email=f"{name}.{number}@example.org",
    )


def _visit(chance: Random, who: Visitor, at: float, when: float) -> list[Step]:
    """One visit, `when` of the period it begins in: from there on the notice may be another one."""
    known = {"session_id": f"s-{who.number:06}", "client_id": f"c-{who.number:06}"}
    landing = chance.choice(PAGES) + chance.choice(SOURCES)
    steps = [_page(who, at, landing, known)]
    answer, granted = _answer(chance, who, when), False
    if answer is not None:
        at += chance.uniform(2, 18)
        granted = any(answer.says.values())
        steps.append(Step(at, who, answer.act, says=answer.says))
    for _ in range(chance.randint(0, 5)):
        at += chance.uniform(12, 80)
        steps.append(_page(who, at, chance.choice(PAGES), known))
        if chance.random() < 0.35:
            at += chance.uniform(3, 30)
            cart = {"page_url": _url("/cart"), "order_value": _price(chance), **known} | _money(who)
            steps.append(Step(at, who, Act.EVENT, "add_to_cart", cart))
    if chance.random() < 0.16:
        at += chance.uniform(20, 120)
        steps.append(Step(at, who, Act.EVENT, "purchase", _order(chance, who) | known))
    if chance.random() < 0.03:
        error = {"error_type": "TypeError", "error_message": "price is undefined", "page_url": _url("/lamps/arc")}
        steps.append(Step(at + 1, who, Act.EVENT, "error", error))
    if granted and chance.random() < 0.07:
        at += chance.uniform(60, 400)
        steps += [Step(at, who, Act.WITHDRAW), _page(who, at + 5, "/about/delivery", known)]
    return steps


class _Answer(NamedTuple):
    act: Act
    says: dict[str, bool]


def _answer(chance: Random, who: Visitor, when: float) -> _Answer | None:
    """What a visitor says of the question, or to the link: with the later notice fewer accept all of it."""
    country = COUNTRIES[who.place]
    luck = chance.uniform(0, 100)
    if not country.asked:
        return _Answer(Act.OPT_OUT, {"marketing": False}) if luck < country.opt_out else None
    accept = country.accept - (12 if when >= CHANGE else 0)
    some = country.some + (7 if when >= CHANGE else 0)
    for limit, says in (
        (accept, {"analytics": True, "marketing": True}),
        (accept + some, {"analytics": True, "marketing": False}),
        (accept + some + country.reject, {"analytics": False, "marketing": False}),
    ):
        if luck < limit:
            return _Answer(Act.CHOOSE, says)
    return None


def _page(who: Visitor, at: float, path: str, known: dict[str, str]) -> Step:
    data: dict[str, Any] = {"page_url": _url(path), "device_type": "mobile" if who.phone else "desktop", **known}
    return Step(at, who, Act.EVENT, "page_view", data)


def _order(chance: Random, who: Visitor) -> dict[str, Any]:
    return {
        "page_url": _url("/checkout/thanks"), "order_value": _price(chance), "email": who.email,
        "user_id": who.user_id, "transaction_id": f"T-{who.number:06}",
    } | _money(who)  # fmt: skip


def _money(who: Visitor) -> dict[str, str]:
    other = "USD" if who.place.startswith("US") else "EUR"
    return {"currency": {"GB": "GBP", "CH": "CHF", "BR": "BRL"}.get(who.place, other)}


def _price(chance: Random) -> float:
    return chance.choice((29.0, 49.0, 79.0, 149.0, 249.0))


def _url(path: str) -> str:
    return f"https://shop.example{path}"
