"""Plausible's events API.

    POST <origin>/api/event     {"name", "url", "domain", …} or the script's short keys; often as text/plain

Success is 202 `ok`. Plausible tells visitors apart by address and User-Agent: the address is never passed on, the
User-Agent where the policy allows the field. Plausible Cloud takes no visitor whose address is a data centre's: it says
202 and `x-plausible-dropped`, which goes to the caller and makes the outcome a failure. Source: see plausible.toml.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from gatekeeper.model import Answer, Fate, Outcome
from gatekeeper.vendors.dialect import Kept, Native
from gatekeeper.vendors.formats import answers, table
from gatekeeper.vendors.formats.format import Format
from gatekeeper.vendors.formats.json_batch import JsonBatch, came_hashed
from gatekeeper.vendors.formats.parts import Naming, Needs, Route, first_of
from gatekeeper.vendors.formats.replies import Reply, text_answer

_DROPPED: Final = "x-plausible-dropped"


def _dropped(answer: Answer) -> str | None:
    """What Plausible says of events that it took and left out; `None` if it took all."""
    said = next((value for name, value in answer.headers if name.lower() == _DROPPED), "0")
    return said if re.fullmatch("[1-9][0-9]{0,3}", said) else None


def _fates(answer: Answer, count: int) -> tuple[Outcome, ...]:
    if 200 <= answer.status < 300 and _dropped(answer) is not None:
        return (Outcome(Fate.DEAD, "plausible_dropped"),) * count
    return answers.by_status(answer, count)


def _relayed(answer: Answer, native: Native, kept: Sequence[Kept | None]) -> Answer | None:
    said = _dropped(answer)
    if said is None or not 200 <= answer.status < 300:
        return None
    taken = _taken(native)
    return Answer(taken.status, (*taken.headers, (_DROPPED, said)), taken.body)


def _taken(native: Native) -> Answer:
    return text_answer(b"ok", 202)


DIALECT: Final = Format(
    KIND="first_party",
    NAME="plausible /api/event",
    ACCOUNT=None,
    table=table.load(__package__, "plausible.toml"),
    route=Route(re.compile(r"/api/event/?")),
    body=JsonBatch(),
    naming=Naming(first_of("name", "n")),
    needs=Needs(
        all_of=(
            ("name", "n"),
            ("url", "u"),
            ("domain", "d"),
        )
    ),
    hashes=came_hashed,
    reply=Reply(_taken, _relayed, fates=_fates),
)
