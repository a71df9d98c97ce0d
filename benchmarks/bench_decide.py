"""The pure core on the guide's purchase, every destination granted: parse, read, resolve, decide and shape."""

from __future__ import annotations

import orjson

from benchmarks.timing import cpu_us, report
from gatekeeper import wire
from gatekeeper.audit.lines import decision_line
from gatekeeper.destinations import normalise
from gatekeeper.gate import Caller
from gatekeeper.scrub.fields import Scrubber
from tests.builders import EVERY_KIND, GUIDE_EVENT, HASH, NOW, make_gate, make_policy


def main() -> None:
    """Measure and print."""
    kinds = ("ga4", "meta_capi", "tiktok", "own")
    gate = make_gate(make_policy(destinations={name: EVERY_KIND[name] for name in kinds}))
    granted = {"analytics": True, "marketing": True}
    body = orjson.dumps(GUIDE_EVENT | {"consent": granted, "data": GUIDE_EVENT["data"] | {"email_hash": HASH}})
    (posted,) = wire.parse(body)
    caller = Caller()
    plan = gate.plan(posted, caller, at=NOW, request_id="req_bench")
    routed = gate.policy.destinations_for("purchase")
    figures = {"parse the body": cpu_us(lambda: wire.parse(body))}
    for to in routed:
        figures[f"decide + scrub + shape, {to.name}"] = cpu_us(
            lambda to=to: gate._for_destination(
                plan.event, plan.consent, plan.place, to, NOW, Scrubber(gate.policy.catalogue)
            )
        )

    def all_four() -> None:
        once = Scrubber(gate.policy.catalogue)  # as the gate does: each value is scrubbed once per event
        for to in routed:
            gate._for_destination(plan.event, plan.consent, plan.place, to, NOW, once)

    figures["decide + scrub + shape, all four"] = cpu_us(all_four)
    scrubber = cpu_us(lambda: Scrubber(gate.policy.catalogue).scrub(plan.event.data, routed[0].url_params))
    figures["  of which scrubbing, once per event"] = scrubber
    figures["  of which one hash"] = cpu_us(lambda: normalise.sha256("jane@example.com"), calls=50_000)
    figures[f"plan, {len(routed)} destinations"] = cpu_us(
        lambda: gate.plan(posted, caller, at=NOW, request_id="req_bench")
    )
    figures["decision line"] = cpu_us(lambda: decision_line(plan, gate.policy))
    report("decide: the guide's purchase", figures)


if __name__ == "__main__":
    main()
