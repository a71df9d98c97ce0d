"""A line written with what is remembered of its visitor is the line that would be written anew."""

import orjson
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.audit import lines
from tests.builders import plan
from tests.laws.events import events, visitors
from tests.laws.test_laws import GATES, LOCAL, law


@law
@given(st.lists(st.tuples(events(), visitors(), st.sampled_from(sorted(GATES))), min_size=1, max_size=3))
def test_a_decision_line_is_its_record_byte_for_byte(cases):
    """Of any visitors in any order, and with the subjects beside it."""
    made = [
        (plan(event, gate=GATES[law_id], headers=headers, **LOCAL), GATES[law_id].policy)
        for (event, _), headers, law_id in cases
    ]
    for one, policy in [*made, *made]:
        line = lines.decision_line(one, policy)
        record = lines.decision_record(one, policy)
        assert line.refs == record.pop("subjects")
        assert line.core == orjson.dumps(record)


def test_a_failed_gate_has_a_whole_line_too():
    """Without a consent, whoever came before: nothing is granted and nobody's signals are named."""
    gate = GATES["gdpr"]
    for headers in ([("sec-gpc", "1")], []):
        good = plan({"event": "purchase"}, gate=gate, headers=headers, **LOCAL)
        for one in (good, plan_that_failed(gate)):
            record = lines.decision_record(one, gate.policy)
            del record["subjects"]
            assert lines.decision_line(one, gate.policy).core == orjson.dumps(record)
    assert record["signals"] == [] and record["consent_state"]["analytics"] is False


def plan_that_failed(gate):
    """What `plan` makes of an event on which it fails: an address that is none."""
    failed = plan({"event": "purchase"}, gate=gate, address=object())
    assert failed.consent is None
    return failed
