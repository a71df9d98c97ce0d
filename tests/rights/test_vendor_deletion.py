"""Deletion at each vendor: requests as its documentation has them, and answers that confirm nothing by arriving."""

import hashlib
import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.model import Answer
from gatekeeper.testing.deletions import Deletions
from gatekeeper.vendors import DELETIONS, deletion_of
from gatekeeper.vendors.deletion import (
    NO_API,
    NO_IDENTIFIER,
    Ids,
    Impossible,
    Stage,
    Step,
    combined,
    configured,
    endpoint,
)
from tests.builders import NOW, make_policy
from tests.rights.vendors import BASE, DRIVEN, ENDS, STRONG, answered, destinations, driven, ids

TO = destinations()
NAMES = list(DRIVEN)


def test_each_vendor_that_deletes_is_driven_here():
    """A newcomer in the registry is a newcomer in this file."""
    assert {deletion_of(to) for to in TO.values()} == set(DELETIONS.values())


@pytest.mark.parametrize("name", NAMES)
def test_a_deletion_ends_as_far_as_its_vendor_says(name):
    """Requests without fault; confirmed, accepted or removed at the end, never before."""
    told, sent = driven(TO[name], ids())
    ends = [one.stage for one in told if one.stage is not Stage.PENDING]
    assert combined(ends) is ENDS.get(name, Stage.CONFIRMED)
    assert set(ends) <= {ENDS.get(name, Stage.CONFIRMED), Stage.NOTHING}
    assert all(outgoing.url.startswith(BASE) for outgoing in sent)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"null", b'"x"', b"<html>"], ids=repr)
def test_a_success_that_says_nothing_confirms_nothing(name, body):
    """2xx is never a confirmation."""
    told, _ = driven(TO[name], ids(), answer=(200, (), body))
    found = {one.stage for one in told}
    nothing = {"posthog", "matomo", "amplitude"}  # an empty list of persons, of visits, of a job's rows is an answer
    allowed = {Stage.PENDING, Stage.REFUSED} | ({Stage.NOTHING} if name in nothing else set())
    assert found <= allowed


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("status", "stage"),
    [(401, Stage.REFUSED), (403, Stage.REFUSED), (422, Stage.REFUSED), (429, Stage.AGAIN), (503, Stage.AGAIN)],
)
def test_a_refusal_is_tried_again_and_is_no_end(name, status, stage):
    """A token that expired can be renewed; a limit passes."""
    (first, *_), _ = driven(TO[name], ids(), looks=1, answer=(status, (("Retry-After", "90"),), b"{}"))
    assert first.stage is stage and first.why == f"http_{status}"
    assert first.wait == (90.0 if stage is Stage.AGAIN else 86_400.0)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("ga4", "meta", "rudderstack")])
def test_a_job_that_never_ends_is_never_confirmed(name):
    """It goes on being asked."""
    told, _ = driven(TO[name], ids(user_id=("never",), email=("never",), client_id=("never",)), looks=12)
    if name == "google":  # e-mail addresses leave hashed: it cannot know which is the endless one
        return
    assert {one.stage for one in told} == {Stage.PENDING}


@pytest.mark.parametrize("name", ["amplitude", "posthog", "matomo"])
def test_a_person_the_vendor_does_not_know_is_nothing_to_delete(name):
    """Said as that, and not as a confirmation."""
    told, _ = driven(TO[name], ids(user_id=("unknown",)))
    assert [one.stage for one in told] == [Stage.NOTHING]


@pytest.mark.parametrize("name", NAMES)
@given(
    st.dictionaries(
        st.sampled_from(["user_id", "client_id", "email", "phone", "external_id", "session_id"]),
        st.lists(st.text(max_size=6), max_size=3).map(tuple),
        max_size=6,
    )
)
def test_an_empty_filter_is_never_sent(name, values):
    """Whatever is known of a person: each request names them, else there is none (getsentry/sentry#56315)."""
    to = TO[name]
    steps = deletion_of(to).forget(Ids("er_1", "gdpr", values), to)
    if isinstance(steps, Impossible):
        assert steps.reason == NO_IDENTIFIER
        return
    assert steps
    for step in steps:
        _, problems = answered(Deletions(STRONG), deletion_of(to).ask(step, to, NOW))
        assert problems == ()


def planted(name, step, *, other):
    """A success of the vendor about someone else."""
    rows = {
        "ga4": {"kind": "analytics#userDeletionRequest", "id": {"type": "CLIENT_ID", "userId": other},
                "propertyId": "123", "deletionRequestTime": "x"},
        "meta": {"audience_id": other, "session_id": "1", "num_received": 1},
        "posthog": {"results": [{"id": "0188a0de-0000-4000-8000-00000000cafe", "distinct_ids": [other]}]},
        "matomo": [{"idSite": 1, "idVisit": 1, "userId": other, "visitorId": other}],
        "amplitude": {"day": "2026-12-10", "status": "done", "amplitude_ids": [{"requester": other}]},
        "rudderstack": [{"id": "r", "attributes": {"userId": other}}],
        "own": {"subject_request_id": other, "request_status": "completed"},
        "warehouse": {"subject_request_id": other, "request_status": "completed"},
    }  # fmt: skip
    return Answer(200, (), orjson.dumps(rows[name]))


@pytest.mark.parametrize("name", ["ga4", "meta", "posthog", "matomo", "amplitude", "rudderstack", "own", "warehouse"])
def test_an_answer_about_another_person_confirms_nothing_and_deletes_nothing(name):
    """A filter that a vendor ignored finds everybody (matomo#12595)."""
    how = deletion_of(TO[name])
    step = how.forget(ids(), TO[name])[0]
    said = how.forgotten(step, planted(name, step, other="999"))
    assert (said.stage, said.why, said.steps) == (Stage.REFUSED, "answer_about_another", ())


@pytest.mark.parametrize("name", ["meta", "google"])
def test_without_audiences_an_advertising_platform_cannot_be_asked(name):
    """There is no interface for events; that is said, not hidden."""
    table = {**DRIVEN[name], "erasure": {"token": "T"}}
    to = make_policy(destinations={name: table}).destinations[name]
    assert deletion_of(to).forget(ids(), to) == Impossible(NO_API)


@pytest.mark.parametrize("name", ["meta", "google", "own", "warehouse"])
def test_personal_values_leave_as_hashes_only(name):
    """In the form that events had."""
    _, sent = driven(TO[name], ids())
    bodies = b"".join(outgoing.body for outgoing in sent)
    assert hashlib.sha256(b"jane.doe@example.com").hexdigest().encode() in bodies
    assert b"jane" not in bodies.lower() and b"491701234567" not in bodies


def test_ga4_is_asked_for_each_client_id_and_only_for_user_ids_it_gets():
    """The cookie's form counts as the id in it."""
    who = ids(client_id=("GA1.1.5.6", "d0d0"), user_id=("u-1",))
    bodies = [json.loads(one.body)["id"] for one in driven(TO["ga4"], who)[1]]
    assert bodies == [
        {"type": "CLIENT_ID", "userId": "5.6"},
        {"type": "CLIENT_ID", "userId": "d0d0"},
        {"type": "USER_ID", "userId": "u-1"},
    ]
    table = {**DRIVEN["ga4"], "fields": ["page_url", "client_id"]}
    to = make_policy(destinations={"ga4": table}).destinations["ga4"]
    assert len(deletion_of(to).forget(who, to)) == 2


@pytest.mark.parametrize(
    ("product", "endpoint", "host"),
    [
        ("amplitude", "https://api2.amplitude.com", "https://amplitude.com/"),
        ("amplitude", "https://api.eu.amplitude.com", "https://analytics.eu.amplitude.com/"),
        ("mixpanel", "https://api-eu.mixpanel.com", "https://eu.mixpanel.com/"),
        ("posthog", "https://eu.i.posthog.com", "https://eu.posthog.com/"),
        ("posthog", "https://us.i.posthog.com", "https://us.posthog.com/"),
        ("segment", "https://api.segment.io", "https://api.segmentapis.com/"),
        ("rudderstack", "https://hosted.rudderstack.com", "https://api.rudderstack.com/"),
    ],
)
def test_a_vendor_is_asked_in_the_region_that_events_go_to(product, endpoint, host):
    """Another region knows nobody, and would say so."""
    table = {**DRIVEN[product], "endpoint": endpoint, "erasure_endpoint": None}
    to = make_policy(destinations={"it": table}).destinations["it"]
    step = deletion_of(to).forget(ids(), to)[0]
    assert deletion_of(to).ask(step, to, NOW).url.startswith(host)


@pytest.mark.parametrize("name", NAMES)
def test_what_a_deletion_needs_is_looked_for_in_the_policy(name):
    """Without it nothing is sent with an empty token."""
    to = TO[name]
    assert configured(to, deletion_of(to).needs)
    bare = make_policy(destinations={name: {**DRIVEN[name], "erasure": {}}}).destinations[name]
    assert not configured(bare, deletion_of(bare).needs)


def test_a_signature_holds_for_its_message_its_key_and_some_minutes():
    """Callbacks are believed by it."""
    header = endpoint.signature(STRONG, b"{}", NOW)
    assert endpoint.signed(STRONG, b"{}", header, NOW + 299)
    for key, body, text, at in (
        ("other", b"{}", header, NOW), (STRONG, b"[]", header, NOW), (STRONG, b"{}", header, NOW + 301),
        (STRONG, b"{}", "t=1,v1=0", NOW), ("", b"{}", endpoint.signature("", b"{}", NOW), NOW),
    ):  # fmt: skip
        assert not endpoint.signed(key, body, text, at)


def test_an_endpoint_that_answers_without_a_body_is_asked_later():
    """202 with nothing in it."""
    step = Step("request", {"id": "er_1", "regulation": "gdpr", "identities": []})
    said = deletion_of(TO["own"]).forgotten(step, Answer(202))
    assert said.stage is Stage.PENDING and said.steps == (Step("status", {"id": "er_1"}),)


def test_secrets_of_deletion_are_in_no_hash_and_no_archive():
    """As all secrets; the rest of `erasure` decides nothing either."""
    from gatekeeper.policy.archive import written

    bare = {key: value for key, value in DRIVEN["ga4"].items() if not key.startswith("erasure")}
    policy = make_policy(destinations={"ga4": {**DRIVEN["ga4"], "erasure": {"token": "SECRET-TOKEN"}}})
    assert policy.hash == make_policy(destinations={"ga4": bare}).hash
    assert b"SECRET-TOKEN" not in written(policy) and "SECRET-TOKEN" not in repr(policy)
