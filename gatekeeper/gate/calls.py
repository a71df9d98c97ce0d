"""The order for a call: decode → read → locate → resolve → decide → clean → encode, then record, send, record.

A call is one vendor-native request for one destination. `plan_call` acts on nothing; `record_call` makes the
decision lines durable and must be waited for before the request is sent; `finish_call` records what came of it. Who
sends (the sidecar, or the app's own HTTP client) does those three in this order, and nothing else.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future
from typing import ClassVar, Final

from msgspec import structs

from gatekeeper.audit import lines
from gatekeeper.gate import Gate
from gatekeeper.gate.judged import Judged
from gatekeeper.gate.refusals import merged, then_swept
from gatekeeper.gate.settle import failed
from gatekeeper.model import (
    Answer,
    Call,
    Caller,
    Discreet,
    Event,
    Fate,
    Inputs,
    Outgoing,
    Place,
    Plan,
    Purpose,
    Step,
)
from gatekeeper.model.reasons import AUDIT, INSUFFICIENT, INTERNAL, OTHER_ACCOUNT, UNLISTED, UNREADABLE_CALL
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
_OTHER_PATH: Final = "the path is none of the product's that the destination speaks, or it says no protocol (`speaks`)"


class CallPlan(Discreet, frozen=True):
    """What is going to happen to one call; nothing has happened yet.

    `plans` has one for each element of the call, or a single one where it could not be read. `outgoing` is the request
    to send, `None` if nothing is sent; then `answer` is what the caller's SDK expects. `reason` is why nothing is sent.
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

    @property
    def header(self) -> str:
        """The value of the `Gatekeeper-Decision` header of the answer."""
        if self.outgoing is None:
            return f"blocked; reason={self.reason}"
        return f"sent; elements={sum(one is not None for one in self.kept)}/{len(self.kept)}"


def plan_call(gate: Gate, to: Destination, call: Call, caller: Caller) -> CallPlan:
    """What would happen to a call. Acts on nothing and never raises: what cannot be decided is blocked."""
    at = gate.now()
    dialect: Dialect | None = None
    native: Native | None = None
    try:
        dialect = find(to, call.method, call.path, gate.policy.dialects)
        if dialect is None:
            return _unknown(gate, to, call, at)
        coded = header_values(call.headers, b"content-encoding")
        body = coding.decode(call.body, coded[-1].decode("latin-1") if coded else "", gate.policy.file.server.max_body)
        native = dialect.decode(call, to, body)
        if dialect.ACCOUNT is not None and native.account not in (None, str(to.settings.get(dialect.ACCOUNT))):
            return _blocked(gate, to, at, OTHER_ACCOUNT, "the call is for another account", dialect.accepted(native))
        return _plan_call(gate, to, call, caller, at, dialect, native)
    except Unreadable as error:
        return _blocked(gate, to, at, UNREADABLE_CALL, error.why, _accepted(dialect, call))
    except Exception as error:  # noqa: BLE001  # fail closed, whatever it is
        # The traceback's locals hold the visitor's data: the class of the error is all that is logged.
        _log.error("the gate failed on a call to %s (%s); it was blocked", to.name, type(error).__name__)
        return _blocked(gate, to, at, INTERNAL, "", _accepted(dialect, call))


def misdirected(gate: Gate, to: Destination, why: str) -> CallPlan:
    """The plan for a call with a path that nobody may hand on; `why` in a few words without the path."""
    return _blocked(gate, to, gate.now(), UNREADABLE_CALL, why, _EMPTY)


def refuse_call(gate: Gate, host: str, answer: Answer = _EMPTY, reason: str = UNLISTED) -> CallPlan:
    """The plan for a call to a tracking host that is no destination of the policy; the audit names the host."""
    kind = Kind("unlisted", host, None, frozenset(), "consent", (), None)
    nowhere = Destination(host, kind, Purpose.MARKETING, "", frozenset(), {}, frozenset(), "")
    return _blocked(gate, nowhere, gate.now(), reason, "the policy has no destination for this host", answer)


def record_call(gate: Gate, plan: CallPlan) -> Future[None]:
    """End what the call's visitors refuse of what is queued, and make the decision lines durable.

    The future fails with AuditError or StorageError; then nothing may be sent.
    """
    swept = sweep_call(gate, plan)
    written = gate.recorder.append(decision_lines(gate, plan))
    return written if swept is None else then_swept(written, lambda: swept)


def sweep_call(gate: Gate, plan: CallPlan) -> Future[int] | None:
    """End what the visitors of a call's elements take back of what is queued; `None` where nothing of it is."""
    # When an element of a call happened is anybody's word: what its visitor refuses, they refuse now.
    refused = merged([gate.refusal_of(one, one.at) for one in plan.plans])
    return gate.refusals.sweep(refused) if refused else None


def decision_lines(gate: Gate, plan: CallPlan) -> list[lines.Line]:
    """A call's decision lines, to be recorded before anything is sent."""
    return [line for _, line in gate.lines.lines(plan.plans) if line is not None]


def unrecorded(plan: CallPlan) -> CallPlan:
    """The plan for a call whose decision could not be recorded: nothing is sent, the SDK gets its answer."""
    return structs.replace(plan, outgoing=None, reason=AUDIT)


def finish_call(
    gate: Gate,
    plan: CallPlan,
    answer: Answer | None,
    why: str | None = None,
    record: Callable[[list[lines.Line]], object] | None = None,
) -> Answer | None:
    """Record what became of a call that was sent; the answer as the caller may see it, `None` if there is none.

    `answer` is the vendor's; `None` where there was none, with a short code in `why`. `record` takes the outcome
    lines in place of the gate's recorder.
    """
    if plan.dialect is None or plan.native is None:
        return answer
    ids = [one.request_id for one, kept in zip(plan.plans, plan.kept, strict=True) if kept is not None]
    if answer is None:
        ends: list[tuple[str, str | None]] = [("failed", why or "unknown")] * len(ids)
    else:
        outcomes = plan.dialect.read_answer(answer, len(ids))
        ends = [("delivered" if one.fate is Fate.DELIVERED else "failed", one.why) for one in outcomes]
    grouped: dict[tuple[str, str | None], list[str]] = {}
    for end, request_id in zip(ends, ids, strict=True):
        grouped.setdefault(end, []).append(request_id)
    at = gate.clock()
    (record or gate.recorder.append)(
        [
            lines.outcome_line(
                at=at, destination=plan.to.name, request_ids=group, status=status, why=reason, attempts=1
            )
            for (status, reason), group in grouped.items()
        ]
    )
    return None if answer is None else plan.dialect.relayed(answer, plan.native, plan.kept)


def _unknown(gate: Gate, to: Destination, call: Call, at: float) -> CallPlan:
    """A call whose path is in no format; where the policy does not say the protocol, it says what to set."""
    like = unspoken(to, call.method, call.path, gate.policy.dialects)
    if not like:
        why = "the path is none of this vendor's" if "speaks" not in to.settings else _OTHER_PATH
        return _blocked(gate, to, at, UNREADABLE_CALL, why, _EMPTY)
    products = " or ".join(dict.fromkeys(map(product, like)))
    why = f"the destination says no protocol, and the path looks like {products}: set `speaks`"
    return _blocked(gate, to, at, UNREADABLE_CALL, why, _accepted(like[0], call))


def _accepted(dialect: Dialect | None, call: Call) -> Answer:
    """What the SDK expects for a call that nobody could read: as good as can be told from its path."""
    try:
        return _EMPTY if dialect is None else dialect.accepted(Native(call, ()))
    except Exception:  # noqa: BLE001  # a format that failed may fail here, too
        return _EMPTY


def _blocked(gate: Gate, to: Destination, at: float, reason: str, why: str, answer: Answer) -> CallPlan:
    """One line for a call that nothing is known of but where it was going."""
    request_id = gate.new_id(at)
    place = Place(None, None, "unknown", (gate.policy.laws.strictest,))
    decision = structs.replace(failed(to), reason=reason, steps=(Step("call", "blocked", why),))
    event = Event("call", request_id, at, {})
    plan = Plan(request_id, at, event, place, None, (decision,), {}, (), Inputs("call"))
    return CallPlan(to, (plan,), None, answer, reason)


def _plan_call(
    gate: Gate, to: Destination, call: Call, caller: Caller, at: float, dialect: Dialect, native: Native
) -> CallPlan:
    headers = _header_leaves(call, to, caller)
    shared = (*native.shared, *headers)
    # What elements share may hold nothing that any of them declares.
    everyone = (shared, *(one.leaves for one in native.elements)) if len(native.elements) > 1 else ()
    taint = declared((leaf.role, leaf.value) for leaves in everyone for leaf in leaves)
    judged = [Judged(gate, to, native, caller, at, dialect, shared, element, taint) for element in native.elements]
    if not judged:
        return _blocked(gate, to, at, INSUFFICIENT, "there is no event in it", dialect.accepted(native))
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
    for name, value in call.headers:
        if name in _HEADER_FIELDS:
            title, role = _HEADER_FIELDS[name]
            found[name] = Leaf("header:" + title, role, value.decode("latin-1"), ("header", title))
    return tuple(found.values())
