"""The pure core on the guide's purchase, every destination granted: parse, read, resolve, decide and shape."""

from __future__ import annotations

import orjson

from benchmarks.timing import cpu_us, report
from gatekeeper import wire
from gatekeeper.audit.lines import decision_line
from gatekeeper.gate import Caller, _Scrubber
from tests.builders import GUIDE_EVENT, NOW, make_gate


def main() -> None:
    """Measure and print."""
    gate = make_gate()
    body = orjson.dumps(GUIDE_EVENT | {"consent": {"analytics": True, "marketing": True}})
    (posted,) = wire.parse(body)
    caller = Caller()
    plan = gate.plan(posted, caller, at=NOW, request_id="req_bench")
    routed = gate.policy.destinations_for("purchase")
    figures = {"parse the body": cpu_us(lambda: wire.parse(body))}
    for to in routed:
        figures[f"decide + scrub + shape, {to.name}"] = cpu_us(
            lambda to=to: gate._for_destination(
                plan.event, plan.consent, plan.place, to, NOW, _Scrubber(gate.policy.catalogue)
            )
        )
    figures[f"plan, {len(routed)} destinations"] = cpu_us(
        lambda: gate.plan(posted, caller, at=NOW, request_id="req_bench")
    )
    figures["decision line"] = cpu_us(lambda: decision_line(plan, gate.policy))
    report("decide: the guide's purchase", figures)


if __name__ == "__main__":
    main()
