"""What is not judged does not leave, by any spelling of a vendor's host and path; and what is no tracking passes.

LAWS_EXAMPLES cases each (`make laws`: 20,000).
"""

import json
from urllib.parse import urlencode

from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.context import Here
from gatekeeper.gate.batches import plan_batch
from gatekeeper.model import Call, Caller
from gatekeeper.outbound.intercept import Match
from gatekeeper.outbound.routes import Routes
from tests.builders import EVERY_KIND, make_gate, make_policy
from tests.laws.test_laws import law
from tests.outbound.vendors import NOT_TRACKING, TRACKING, pairs

GATE = make_gate(make_policy(destinations=EVERY_KIND))
ROUTES = Routes(GATE.policy)
TRACKED = [(host, path) for _, host, path in pairs(TRACKING)]
PASSING = [(host, path) for _, host, path in pairs(NOT_TRACKING)]
GRAPH = [path for host, path in TRACKED if host == "graph.facebook.com"]
POSTS = [path for host, path in PASSING if host == "graph.facebook.com"]
often = st.sampled_from([False] * 5 + [True])


def encoded(letter, depth, upper):
    """A letter percent-encoded as many times as `depth` says."""
    text = "".join(f"%{byte:02X}" if upper else f"%{byte:02x}" for byte in letter.encode())
    for _ in range(depth - 1):
        text = text.replace("%", "%25")
    return text


@st.composite
def letters(draw, text, *, wide):
    """A text of which any letter may be in the other case, encoded, or full-width."""
    found = []
    for letter in text:
        way = draw(st.integers(0, 9))
        if way == 0:
            letter = letter.swapcase()
        elif way == 1:
            letter = encoded(letter, draw(st.integers(1, 3)), draw(st.booleans()))
        elif way == 2 and wide and letter.isalpha():
            letter = chr(ord(letter) + 0xFEE0)
        found.append(letter)
    return "".join(found)


@st.composite
def hosts(draw, host):
    """A host as it may be written."""
    text = draw(letters(host, wide=True))
    if draw(often):
        text = text.replace(".", draw(st.sampled_from(["\u3002", "\uff0e", "%2e", ".."])), 1)
    if draw(often):
        text = f"{draw(st.sampled_from(['user', 'user:word', 'www.example.com', '%40']))}@{text}"
    return text + draw(st.sampled_from(["", "", ".", "%2E", ":443", ".:8443", ":"]))


@st.composite
def paths(draw, path):
    """A path as it may be written."""
    found = ""
    for segment in path.split("/")[1:]:
        found += draw(st.sampled_from(["/", "/", "/", "//", "\\", "%2F", "%5c", "/./", "/zz/../", "/%2e/", "%252F"]))
        found += draw(letters(segment, wide=False)) + draw(st.sampled_from(["", "", "", ";", ";v=1", "%3Bv=1"]))
    return found + draw(st.sampled_from(["", "", "/", "//", "/.", "%20", "%3Fx=1", "%23x"]))


@law
@given(st.sampled_from(TRACKED).flatmap(lambda one: st.tuples(hosts(one[0]), paths(one[1]))))
def test_no_spelling_of_a_tracking_call_leaves_without_consent(target):
    """It is matched, and nothing is sent for a visitor of whom nothing is known."""
    host, path = target
    rule = ROUTES.find("https", host, None, path)
    assert rule is not None
    judged = Match(rule, Here(GATE), host, f"https://{host}").judge("POST", path, "", [], b'{"events":[]}')
    assert judged._passes is None and judged._plan is not None and judged._plan.outgoing is None


@law
@given(st.sampled_from(PASSING), st.booleans(), st.sampled_from(["", ".", ":443"]), st.sampled_from(["", "/"]))
def test_what_is_no_tracking_passes_by_any_name_of_its_host(target, upper, end, slash):
    """Case, port and last dot of the host are no reason to touch it."""
    host, path = target
    assert ROUTES.find("https", (host.upper() if upper else host) + end, None, path + slash) is None


@law
@given(
    st.sampled_from(GRAPH).flatmap(paths),
    st.sampled_from(POSTS),
    st.booleans(),
    st.sampled_from(["", "/", "https://graph.facebook.com/", "//"]),
)
def test_no_spelling_of_a_tracking_call_leaves_in_a_batch(path, post, first, prefix):
    """And the calls beside it go on as they are."""
    good = {"method": "POST", "relative_url": post[1:], "body": "message=hello"}
    bad = {"method": "POST", "relative_url": prefix + path.lstrip("/"), "body": urlencode({"data": "[]"})}
    calls = [bad, good] if first else [good, bad]
    call = Call("POST", "/v26.0/", body=urlencode({"batch": json.dumps(calls)}).encode())
    to = GATE.policy.destinations["meta_capi"]
    plan = plan_batch(GATE, call, Caller(), "meta_capi", choose=lambda _: to, passes=True)
    assert plan is not None and plan.outgoing is not None
    assert plan.outgoing.body == urlencode({"batch": json.dumps([good], separators=(",", ":"))}).encode()
