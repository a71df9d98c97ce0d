"""The rule of origins at one endpoint: a caller in, an `Admission` or the answer for a stranger out."""

from __future__ import annotations

from collections.abc import Set
from typing import Final

from gatekeeper.model import Caller
from gatekeeper.model.head import Head
from gatekeeper.shells.asgi import Headers, problem_reply
from gatekeeper.shells.asgi.origins import Admission, admit
from gatekeeper.signals import context

NOT_LISTED: Final = problem_reply(
    403,
    "the origin is not listed",
    detail="add it to server.origins; a server that passes a page's Referer on sends one of server.api_keys",
)


def admission(method: str, headers: Headers, caller: Caller, origins: Set[str]) -> Admission | None:
    """What is done with a request for an endpoint that the rule is for; `None`: answer `NOT_LISTED`.

    No page of another site can send a key or the header of a context: the browser asks before, and is told no.
    """
    vouched = caller.trusted or Head.of(headers).has(context.HEADER)
    return admit(method, headers, origins, vouched=vouched)
