"""What one request may cause, by what was received of it: counts and states, for every format."""

import gzip
import tomllib
from concurrent.futures import Future

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.errors import AuditError, EventError
from gatekeeper.gate import bounds, incoming
from gatekeeper.gate.batches import plan_request
from gatekeeper.gate.calls import limit_call, plan_call
from gatekeeper.gate.carry import bounded, decision_lines
from gatekeeper.gate.counted import Counted
from gatekeeper.model import Call, Caller
from gatekeeper.policy.load import parse_policy
from gatekeeper.scrub.meter import Heavy
from tests.builders import make_gate
from tests.sizes import sized
from tests.torture.shapes import FLOODS, JSON, event, layers

POLICY = """
[policy]
version = "1"
controller = "Example Shop GmbH"
[jurisdiction]
default = "gdpr"
[destinations.own]
kind = "first_party"
endpoint = "http://127.0.0.1:1/own"
events = ["page_view", "purchase", "error"]
[destinations.ga4]
kind = "ga4"
measurement_id = "G-ABC1234567"
api_secret = "s"
events = ["page_view", "purchase"]
[destinations.meta]
kind = "meta_capi"
pixel_id = "123456789012345"
access_token = "t"
events = ["page_view", "purchase"]
[destinations.tiktok]
kind = "tiktok"
pixel_code = "C"
access_token = "t"
events = ["purchase"]
[destinations.errors]
kind = "sentry"
dsn = "https://public@errors.example/42"
lia = "x"
"""
SPEAKING = "posthog segment mixpanel matomo amplitude".split()
VISITOR = Caller(address="91.20.1.1")


@pytest.fixture(scope="module")
def gate():
    """One with a destination of every format that has batches."""
    more = "".join(
        f'[destinations.{name}]\nkind = "first_party"\nspeaks = "{name}"\nevents = []\nendpoint = "http://127.0.0.1:1"\n'
        for name in SPEAKING
    )
    return make_gate(parse_policy(tomllib.loads(POLICY + more)))


def arrive(gate, path, headers, body, *, brief=False):
    """A request, decided: its size, the bytes that log and store are to grow by, and what was refused of it."""
    sent = tuple((name.lower().encode(), value.encode()) for name, value in headers.items())
    if path == "/gk/collect":
        size = len(body) + sum(len(name) + len(value) + 4 for name, value in sent)
        try:
            events = incoming.parse(incoming.inflate(body, headers.get("Content-Encoding", ""), 2**20))
            found = gate.arrivals(events, VISITOR, received=size, brief=brief)
        except EventError as error:
            return size, 0, error.status
        grows = sum(len(one.line.core) for one in found if one.line is not None)
        return size, grows + sum(len(job.head) + len(job.body) for one in found for job in one.jobs), None
    name, _, rest = path.removeprefix("/gk/to/").partition("/")
    place, _, query = rest.partition("?")
    call = Call("POST", "/" + place, query, sent, body)
    plan, lines = bounded(gate, plan_request(gate, gate.policy.destinations[name], call, VISITOR, brief=brief), call)
    return bounds.received(call), sum(len(line.core) for line in lines), plan.reason


@pytest.mark.parametrize("name", FLOODS)
def test_log_and_store_grow_by_what_was_received(gate, name):
    """In every shape of the flood suite: by less than twenty bytes for each, of a small request for four kibibytes."""
    for request in FLOODS[name]():
        if request[0].startswith(("GET ", "OPTIONS ")):
            continue
        size, grows, _ = arrive(gate, *request)
        assert grows <= 20 * max(4_096, size)


@settings(max_examples=sized(60), deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {"event": st.sampled_from(["page_view", "purchase", "nowhere", "error", "a.b", "x1"])},
            optional={
                "consent": st.fixed_dictionaries({"analytics": st.booleans(), "marketing": st.booleans()}),
                "data": st.dictionaries(st.text("abcdef_", min_size=1, max_size=12), st.text(max_size=30), max_size=12),
            },
        ),
        min_size=1,
        max_size=40,
    ),
    st.integers(1, 25),
)
def test_no_body_makes_them_grow_more(gate, events, times):
    """Whatever is in it, however well it compresses."""
    body = gzip.compress(orjson.dumps(events * times), 9)
    size, grows, refused = arrive(gate, "/gk/collect", {"Content-Encoding": "gzip"}, body)
    assert grows <= 20 * max(4_096, size)
    assert refused in (None, 413)


@pytest.mark.parametrize(
    ("name", "path", "body", "most"),
    [
        pytest.param("ga4", "/g/collect?v=2&tid=G-ABC1234567&cid=1.2", lambda n: b"en=a\n" * n, 25, id="ga4 lines"),
        pytest.param(
            "ga4", "/mp/collect?measurement_id=G-ABC1234567&api_secret=s",
            lambda n: orjson.dumps({"client_id": "1.2", "events": [{"name": "page_view"}] * n}), 25, id="ga4 server",
        ),
        pytest.param(
            "meta", "/v25.0/123456789012345/events",
            lambda n: orjson.dumps({"data": [{"event_name": "Purchase", "event_time": 1}] * n}), 1_000, id="meta",
        ),
        pytest.param(
            "tiktok", "/open_api/v1.3/event/track/",
            lambda n: orjson.dumps({"event_source": "web", "event_source_id": "C", "data": [{"event": "P"}] * n}),
            1_000, id="tiktok",
        ),
        pytest.param(
            "posthog", "/batch/",
            lambda n: orjson.dumps({"api_key": "k", "batch": [{"event": "e", "distinct_id": "1"}] * n}), 2_000,
            id="a product without a limit",
        ),
    ],
)  # fmt: skip
def test_a_call_holds_as_many_events_as_its_vendor_takes(gate, name, path, body, most):
    """One more is no such call; it is one line, whatever it held."""
    place, _, query = path.partition("?")

    def plans(count):
        plan = plan_call(gate, gate.policy.destinations[name], Call("POST", place, query, (), body(count)), VISITOR)
        return len(plan.plans), plan.reason

    assert plans(most)[0] == most
    assert plans(most + 1) == (1, "call_unreadable")


def test_what_elements_share_counts_for_each(gate):
    """Two thousand values beside two thousand events are four million."""
    body = gzip.compress(
        orjson.dumps({"api_key": "k", **{f"k{n}": 1 for n in range(1_900)}, "batch": [{"event": "e"}] * 1_900})
    )
    call = Call("POST", "/batch/", "", ((b"content-encoding", b"gzip"),), body)
    plan = plan_call(gate, gate.policy.destinations["posthog"], call, VISITOR)
    assert (plan.reason, len(plan.plans)) == ("call_unreadable", 1)


def test_a_field_that_cannot_be_searched_any_more_is_invalid(gate):
    """And its line says why; what came before it in the request is searched and sent."""
    texts = ["at a.b (c.js:1:2)", *[layers(5) for _ in range(3)]]
    body = gzip.compress(orjson.dumps([event("error", error_message="m", error_stack=text) for text in texts]))
    posted = incoming.parse(gzip.decompress(body))
    arrivals = gate.arrivals(posted, VISITOR, received=len(body))
    records = [orjson.loads(one.line.core)["deliveries"] for one in arrivals if one.line is not None]
    own = [next(to for to in found if to["destination"] == "errors") for found in records]
    assert own[0]["stripped_because"].get("error_stack") is None
    assert own[-1]["stripped_because"]["error_stack"] == "invalid"
    assert own[-1]["scrubbed"]["error_stack"] == ["unsearched"]


def test_what_is_sent_plain_is_searched_whole(gate):
    """A megabyte of texts that are not compressed is no attack."""
    text = "Ein Satz mit 12 Worten, jane.doe@example.com. " * 190
    body = orjson.dumps([event("error", error_stack=text, error_message="m") for _ in range(100)])
    found = gate.arrivals(incoming.parse(body), VISITOR, received=len(body))
    for one in found:
        for to in orjson.loads(one.line.core)["deliveries"]:
            assert to["stripped_because"].get("error_stack") != "invalid"


@pytest.mark.parametrize(
    "request_of",
    [
        pytest.param("base64_in_a_small_body", id="decoding"),
        pytest.param("small_batches", id="events"),
        pytest.param("base64_to_a_monitor", id="a call"),
        pytest.param("batch_of_batches", id="a batch of calls"),
    ],
)
def test_what_takes_long_is_not_decided_on_the_loop(gate, request_of):
    """It is Heavy: nothing was decided or counted."""
    with pytest.raises(Heavy):
        arrive(gate, *FLOODS[request_of]()[-1], brief=True)


def test_an_ordinary_event_is_decided_on_the_loop(gate):
    """A purchase with everything."""
    data = {"email": "jane.doe@example.com", "phone": "+49 30 1234567", "page_url": "https://a.example/?utm_source=x"}
    data |= {"order_value": 12.5, "currency": "EUR", "page_title": "Danke, Jane", "first_name": "Jane"}
    body = orjson.dumps(event("purchase", **data))
    assert arrive(gate, "/gk/collect", JSON, body, brief=True)[2] is None


class Log:
    """A recorder that keeps lines, or fails."""

    def __init__(self):
        self.records = []
        self.broken = False

    def append(self, batch):
        done = Future()
        if self.broken:
            done.set_exception(AuditError("no"))
        else:
            self.records += [orjson.loads(line.core) for line in batch]
            done.set_result(None)
        return done

    def failing(self):
        return self.broken


@pytest.fixture
def log(gate, monkeypatch):
    """What the counted lines go to."""
    found = Log()
    monkeypatch.setattr(gate, "counted", Counted(found, gate.new_id))
    return found


def posted(*names):
    """Events of these names."""
    return incoming.parse(orjson.dumps([{"event": name} for name in names]))


def test_events_that_go_nowhere_are_one_line_a_minute(gate, log):
    """The first is in the log as it is; the others are a count, and each has an id of its own that is found there."""
    found = [one for n in range(50) for one in gate.arrivals(posted("nowhere", f"no{n}"), VISITOR, received=100)]
    ids = [one.request_id for one in found]
    assert [one.line is not None for one in found] == [True] + [False] * 99
    assert len(set(ids)) == 100
    gate.counted.flush(gate.now() + 61)
    (record,) = log.records
    assert (record["count"], record["deliveries"], record["event_type"]) == (99, [], "event")
    assert ids[1:] == [record["request_id"].removesuffix("0") + str(n) for n in range(99)]


def test_an_event_that_goes_somewhere_has_its_own_line(gate, log):
    """Beside others that do not."""
    found = gate.arrivals(posted("nowhere", "page_view", "nowhere", "page_view2"), VISITOR, received=100)
    assert [one.line is not None for one in found] == [True, True, False, False]


def test_requests_over_a_rate_are_one_line_a_minute(gate, log):
    """For each destination of calls, and for events; the first at once."""
    to = gate.policy.destinations["ga4"]
    plans = [limit_call(gate, to, Call("POST", "/g/collect", "v=2", (), b"")) for _ in range(30)]
    for _ in range(12):
        gate.counted.limited(gate.lines, None, gate.now())
    assert {(plan.reason, plan.answer.status, plan.header) for plan in plans} == {
        ("rate_limited", 204, "blocked; reason=rate_limited")
    }
    assert all(decision_lines(gate, plan) == [] for plan in plans)
    gate.counted.flush(gate.now() + 61)
    told = [(one["event_type"], one.get("count", 1), {to["reason"] for to in one["deliveries"]}) for one in log.records]
    assert told == [(name, n, {"rate_limited"}) for name, n in (("call", 1), ("event", 1), ("call", 29), ("event", 11))]


def test_a_count_is_written_once_the_log_can_be_written(gate, log):
    """Until then it is kept."""
    gate.arrivals(posted("nowhere", "nowhere", "nowhere"), VISITOR, received=100)
    log.broken = True
    gate.counted.flush(gate.now() + 61)
    log.broken = False
    gate.counted.flush(gate.now() + 62)
    gate.counted.flush(gate.now() + 63)
    assert [one["count"] for one in log.records] == [2]


def test_a_quiet_minute_writes_nothing(gate, log):
    """What had its own line needs no count."""
    gate.arrivals(posted("nowhere"), VISITOR, received=100)
    gate.counted.flush(gate.now(), everything=True)
    assert log.records == []


def test_a_count_of_one_has_the_id_that_was_answered(gate, log):
    """It is found by it."""
    found = gate.arrivals(posted("nowhere", "nowhere"), VISITOR, received=100)
    gate.counted.flush(gate.now(), everything=True)
    assert [found[1].request_id] == [one["request_id"] for one in log.records]
