"""One event in the parameters of a request, by GET or in a POSTed form: pixels. Pure.

Parameters in the query and in the body are those of one event, and go out where they stood. Consent flags are written
again by `flags`, last in the query, and never passed on as they came.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gatekeeper.model import Answer, Call, Outgoing
from gatekeeper.vendors.dialect import FLAG, Leaf, Native, Unreadable
from gatekeeper.vendors.formats import form, pairs
from gatekeeper.vendors.formats.format import Format, Rest
from gatekeeper.vendors.formats.parts import Given, given
from gatekeeper.vendors.formats.replies import Reply, gif_answer, status_only
from gatekeeper.vendors.formats.table import Table
from gatekeeper.vendors.formats.usual import no_flags, unchanged
from gatekeeper.vendors.kind import Destination, Shaping

_QUERY: Final = "query"


def as_pairs(leaves: Sequence[Leaf]) -> list[tuple[str, object]]:
    """The pairs of leaves that are plain values."""
    return [(str(leaf.path[2]), leaf.value) for leaf in leaves]


@dataclass(frozen=True, slots=True)
class Parameters:
    """The event of a request's parameters.

    `account` names the parameter that is the account. `flags` takes the consent flags as they came, and gives those to
    send; `signals` gives what they say as `signals.flags` reads it. `read_all` makes leaves of a parameter that holds
    more than one value, `write_all` makes pairs of the leaves that are left at one place.
    """

    account: str
    flags: Callable[[Given, Shaping], Iterable[tuple[str, str]]]
    signals: Callable[[Given], Mapping[str, object]] = no_flags
    read_all: Callable[[Sequence[Leaf], Table], Sequence[Leaf]] = unchanged
    write_all: Callable[[Sequence[Leaf]], list[tuple[str, object]]] = as_pairs

    def read(self, call: Call, to: Destination, body: bytes, vendor: Format) -> Native:
        """One element with all parameters. Raises Unreadable if they name two accounts."""
        place, posted = form.read(body, form.content_type(call)) if body else (_QUERY, [])
        plain = (
            *pairs.leaves(pairs.read_pairs(call.query), vendor.table, _QUERY),
            *pairs.leaves(posted, vendor.table, place),
        )
        accounts = {str(leaf.value) for leaf in plain if leaf.name == self.account}
        if len(accounts) > 1:
            raise Unreadable("it is for two accounts")
        leaves = self.read_all(plain, vendor.table)
        event = vendor.naming.event(leaves, flags=self.signals(given(leaves)))
        return Native(call, (event,), (), next(iter(accounts), None), {"place": place})

    def write(self, rest: Rest, vendor: Format) -> Outgoing:
        """The same parameters in the same places; consent flags last, in the query."""
        (one,) = rest.sent
        place = rest.native.frame["place"]
        leaves = [leaf for leaf in one.leaves if leaf.role != FLAG]
        query = self.write_all([leaf for leaf in leaves if leaf.path[0] == _QUERY])
        query += self.flags(given(one.leaves), one.shaping)
        headers: tuple[tuple[str, str], ...] = ()
        body = b""
        if place != _QUERY:
            kind, body = form.write(place, self.write_all([leaf for leaf in leaves if leaf.path[0] == place]))
            headers = (("Content-Type", kind),)
        url = vendor.route.url(rest.to, rest.native.call.path, pairs.write_pairs(query))
        return Outgoing(rest.native.call.method, url, headers, body)


def picture(native: Native) -> Answer:
    """The transparent pixel; nothing for a beacon's POST."""
    return gif_answer() if native.call.method == "GET" else Answer(200)


def pixel_reply(taken: Callable[[Native], Answer] = picture) -> Reply:
    """Success as ever (cookies and redirects to other hosts are left out), else the status."""
    return Reply(taken, success=range(200, 400), refusal=status_only)
