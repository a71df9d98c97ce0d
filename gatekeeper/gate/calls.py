"""The order for a call: decode → read → locate → resolve → decide → clean → encode. Nothing is acted on here.

A call is one vendor-native request for one destination. `plan_call` says what would happen to it; `carry.py` takes it
from there: record, send, record.
"""

from __future__ import annotations

import logging
from typing import ClassVar, Final

from msgspec import structs

from gatekeeper.gate import Gate, bounds
from gatekeeper.gate.judged import Judged
from gatekeeper.gate.settle import failed
from gatekeeper.installation.forks import work
from gatekeeper.model import (
    Answer,
    Call,
    Caller,
    Discreet,
    Event,
    Inputs,
    Outgoing,
    Place,
    Plan,
    Purpose,
    Step,
)
from gatekeeper.model.head import Head
from gatekeeper.model.reasons import INSUFFICIENT, INTERNAL, OTHER_ACCOUNT, RATE_LIMITED, UNLISTED, UNREADABLE_CALL
from gatekeeper.scrub.meter import Heavy, Meter, Spent
from gatekeeper.scrub.taint import FIELDS as DECLARING
from gatekeeper.scrub.taint import declared
from gatekeeper.signals import header_values
from gatekeeper.vendors import find, product, unspoken
from gatekeeper.vendors.dialect import Dialect, Kept, Leaf, Native, Unreadable
from gatekeeper.vendors.formats import coding
from gatekeeper.vendors.kind import Destination, Kind

_log = logging.getLogger("gatekeeper")
# Headers of the caller that are fields of the visitor; all others are dropped, or the dialect's own business.
_HEADER_FIELDS: Final = {b"user-agent": ("User-Agent", "user_agent"), b"referer": ("Referer", "referrer")}
_HEADER: Final = "header"  # begins the path of such a leaf
_EMPTY: Final = Answer(204)
_OTHER_PATH: Final = "the path is not one of the product that the destination speaks, or `speaks` is missing"


class CallPlan(Discreet, frozen=True):
    """What is going to happen to one call; nothing has happened yet.

    `plans` has one for each element of the call, or a single one where it could not be read. `outgoing` is the request
    to send, `None` if nothing is sent; then `answer` is what the caller's SDK expects. `reason` is why nothing is sent.
    `decided` is how many withdrawals the decision knows of (`Gate.generation`).
    """

    hidden: ClassVar[frozenset[str]] = frozenset({"outgoing", "dialect", "native", "kept"})

    to: Destination
    plans: tuple[Plan, ...]
    outgoing: Outgoing | None
    answer: Answer
    reason: str | None
    dialect: Dialect | None = None
    native: Native | None = None
    kept: tuple[Kept | None, ...] = ()
    decided: int | None = None

    @property
    def subjects(self) -> tuple[str, ...]:
        """Pseudonyms of all whom it is about."""
        return tuple(dict.fromkeys([one for plan in self.plans for one in plan.subjects]))

    @property
    def header(self) -> str:
        """The value of the `Gatekeeper-Decision` header of the answer."""
        if self.outgoing is None:
            return f"blocked; reason={self.reason}"
        return f"sent; elements={sum(one is not None for one in self.kept)}/{len(self.kept)}"


@work
def plan_call(
    gate: Gate, to: Destination, call: Call, caller: Caller, *, brief: bool = False, meter: Meter | None = None
) -> CallPlan:
    """What would happen to a call. Acts on nothing; what cannot be decided is blocked.

    `meter` is that of the request which the call is a part of. `brief`: Heavy is raised for what takes longer than an
    event loop may be kept for, and nothing else ever is.
    """
    at = gate.now()
    limits = gate.policy.file.limits
    if meter is None:
        meter = bounds.brief_meter() if brief else bounds.meter(limits, bounds.received(call))
    dialect: Dialect | None = None
    native: Native | None = None
    try:
        decided = gate.generation()
        dialect = find(to, call.method, call.path, gate.policy.dialects)
        if dialect is None:
            return _unknown(gate, to, call, at)
        coded = header_values(call.headers, b"content-encoding")
        body = coding.decode(call.body, coded[-1].decode("latin-1") if coded else "", gate.policy.file.server.max_body)
        native = dialect.decode(call, to, body)
        if dialect.ACCOUNT is not None and native.account not in (None, str(to.settings.get(dialect.ACCOUNT))):
            return blocked(gate, to, at, OTHER_ACCOUNT, "the call is for another account", dialect.accepted(native))
        if len(native.elements) > bounds.most(to.kind, limits):
            raise Unreadable("there are too many events")
        meter.look(bounds.leaves(native, len(_HEADER_FIELDS) + 1))
        return structs.replace(_plan_call(gate, to, call, caller, at, dialect, native, meter), decided=decided)
    except Heavy:
        raise
    except Spent:
        return blocked(gate, to, at, UNREADABLE_CALL, "there are too many values in it", _accepted(dialect, call))
    except Unreadable as error:
        return blocked(gate, to, at, UNREADABLE_CALL, error.why, _accepted(dialect, call))
    except Exception as error:  # noqa: BLE001  # fail closed, whatever it is
        # The traceback's locals hold the visitor's data: the class of the error is all that is logged.
        _log.error("the gate failed on a call to %s (%s); it was blocked", to.name, type(error).__name__)
        return blocked(gate, to, at, INTERNAL, "", _accepted(dialect, call))


def misdirected(gate: Gate, to: Destination, why: str) -> CallPlan:
    """The plan for a call with a path that must not be handed on; `why` in a few words without the path."""
    return blocked(gate, to, gate.now(), UNREADABLE_CALL, why, _EMPTY)


def limit_call(gate: Gate, to: Destination, call: Call) -> CallPlan:
    """The plan for a call over a rate: nothing of it was read, and its line is one with all others of that minute."""
    answer = _accepted(find(to, call.method, call.path, gate.policy.dialects), call)
    gate.counted.limited(gate.lines, to, gate.now())
    return CallPlan(to, (), None, answer, RATE_LIMITED)


def refuse_call(gate: Gate, host: str, answer: Answer = _EMPTY, reason: str = UNLISTED) -> CallPlan:
    """The plan for a call to a tracking host that is no destination of the policy; the audit names the host."""
    kind = Kind("unlisted", host, None, frozenset(), "consent", (), None)
    nowhere = Destination(host, kind, Purpose.MARKETING, "", frozenset(), {}, frozenset(), "")
    return blocked(gate, nowhere, gate.now(), reason, "the policy has no destination for this host", answer)


def _unknown(gate: Gate, to: Destination, call: Call, at: float) -> CallPlan:
    """A call whose path is in no format; where the policy does not say the protocol, it says what to set."""
    like = unspoken(to, call.method, call.path, gate.policy.dialects)
    if not like:
        why = "the path is not one of this vendor's" if "speaks" not in to.settings else _OTHER_PATH
        return blocked(gate, to, at, UNREADABLE_CALL, why, _EMPTY)
    products = " or ".join(dict.fromkeys(map(product, like)))
    why = f"`speaks` is missing in the destination, and the path looks like {products}: set `speaks`"
    return blocked(gate, to, at, UNREADABLE_CALL, why, _accepted(like[0], call))


def _accepted(dialect: Dialect | None, call: Call) -> Answer:
    """What the SDK expects for a call that the gate could not read: as good as can be told from its path."""
    try:
        return _EMPTY if dialect is None else dialect.accepted(Native(call, ()))
    except Exception:  # noqa: BLE001  # a format that failed may fail here, too
        return _EMPTY


def blocked(gate: Gate, to: Destination, at: float, reason: str, why: str, answer: Answer) -> CallPlan:
    """One line for a call that nothing is known of but where it was going."""
    request_id = gate.new_id(at)
    place = Place(None, None, "unknown", (gate.policy.laws.strictest,))
    decision = structs.replace(failed(to), reason=reason, steps=(Step("call", "blocked", why),))
    event = Event("call", request_id, at, {})
    plan = Plan(request_id, at, event, place, None, (decision,), {}, (), Inputs("call"))
    return CallPlan(to, (plan,), None, answer, reason)


def _plan_call(
    gate: Gate, to: Destination, call: Call, caller: Caller, at: float, dialect: Dialect, native: Native, meter: Meter
) -> CallPlan:
    headers = _header_leaves(call, to, caller)
    shared = (*native.shared, *headers)
    # What elements share may hold nothing that any of them declares.
    taint = None
    if len(native.elements) > 1:
        everyone = (shared, *(one.leaves for one in native.elements))
        taint = declared([(leaf.role, leaf.value) for leaves in everyone for leaf in leaves if leaf.role in DECLARING])
    judged = [
        Judged(gate, to, native, caller, at, dialect, shared, element, taint, meter) for element in native.elements
    ]
    if not judged:
        return blocked(gate, to, at, INSUFFICIENT, "there is no event in it", dialect.accepted(native))
    sent = [one for one in judged if one.kept is not None]
    kept = tuple([one.kept for one in judged])
    if not sent:
        plans = tuple([one.plan(gate, at) for one in judged])
        return CallPlan(to, plans, None, dialect.accepted(native), plans[0].decisions[0].reason, dialect, native, kept)
    # What holds for all elements may only say what every element that is sent may say.
    common = [leaf for leaf in sent[0].shared if leaf is not None]
    if len(sent) > 1:
        common = [leaf for n, leaf in enumerate(sent[0].shared) if leaf and all(one.shared[n] for one in sent)]
    outgoing = dialect.encode(native, [leaf for leaf in common if leaf.path[0] != _HEADER], kept)
    plans = tuple([one.plan(gate, at) for one in judged])  # after all that is derived for the request
    more = tuple([(str(leaf.path[1]), str(leaf.value)) for leaf in common if leaf.path[0] == _HEADER])
    return CallPlan(to, plans, _coded(outgoing, call, more), dialect.accepted(native), None, dialect, native, kept)


def _coded(outgoing: Outgoing, call: Call, more: tuple[tuple[str, str], ...]) -> Outgoing:
    coded = header_values(call.headers, b"content-encoding")
    if not coded and not more:
        return outgoing
    name = coded[-1].decode("latin-1").strip().lower() if coded and outgoing.body else ""
    body = coding.encode(outgoing.body, name)
    added = (("Content-Encoding", name),) if name not in ("", "identity") else ()
    return Outgoing(outgoing.method, outgoing.url, (*outgoing.headers, *added, *more), body)


def _header_leaves(call: Call, to: Destination, caller: Caller) -> tuple[Leaf, ...]:
    """What the head says of the visitor; their address where the operator's own analytics may have its network."""
    found = {}
    if to.settings.get("truncate_ip") and caller.address is not None:
        found[b""] = Leaf("header:X-Forwarded-For", "ip", caller.address, ("header", "X-Forwarded-For"))
    for name, value in Head.of(call.headers).part(_is_field):
        title, role = _HEADER_FIELDS[name]
        found[name] = Leaf("header:" + title, role, value.decode("latin-1"), ("header", title))
    return tuple(found.values())


def _is_field(name: bytes) -> bool:
    return name in _HEADER_FIELDS
