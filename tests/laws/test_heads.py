"""No value that a sender chose stands in a line's head: of platforms' cookies, of events, of every dialect's calls.

What is hashed cannot be taken back. A name may be there, if it is known or plain; an id is neither, however it is
written: as itself, in base64, in hexadecimal, percent-encoded.

LAWS_EXAMPLES / 5 events (`make laws`: 4,000), CALL_LAWS_EXAMPLES calls.
"""

from __future__ import annotations

import base64
import random
import re
import string
import uuid
from dataclasses import replace
from urllib.parse import quote

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatekeeper.audit import lines, read, vocabulary
from gatekeeper.errors import EventError
from gatekeeper.gate import incoming
from gatekeeper.gate.calls import plan_call
from gatekeeper.model import Caller
from gatekeeper.signals import cookies
from gatekeeper.signals.cookies import CookieReaders
from tests.builders import NOW, make_gate, own_cookie, plan
from tests.laws.calls import GATES, NAMES, planted
from tests.laws.encodings import found_in
from tests.laws.test_call_laws import EXAMPLES, SEEDS
from tests.laws.test_laws import law as every_law
from tests.signals.reading import vectors
from tests.signals.test_reader_cases import FILES
from tests.sizes import sized

law = settings(every_law, max_examples=every_law.max_examples // 5)  # a fifth: each looks through several lines
CALLS = max(sized(20, 6), law.max_examples // 3, EXAMPLES // len(NAMES))  # of each dialect
COOKIES = sorted(
    {vector["input"]["cookie"] for vector in vectors("cmp_cookies")}
    | {case["cookie"] for table in FILES.values() for case in table["cases"].values()}
)
READERS = CookieReaders()
COOKIE_NAMES = sorted({name for reader in cookies.READERS for name in reader.NAMES})
LETTERS = string.ascii_letters + string.digits


def ids(draw):
    """An id as software makes them, or somebody's address in a coat."""
    luck = random.Random(draw(st.integers(0, 2**32)))
    word = "".join(luck.choice(LETTERS) for _ in range(22))
    mail = f"{word[:8]}@example.com"
    return draw(
        st.sampled_from(
            (
                str(uuid.UUID(int=luck.getrandbits(128), version=4)),
                f"{luck.getrandbits(64):016x}",
                f"{luck.getrandbits(128):032x}",
                word + "7x",
                str(luck.getrandbits(60) + 10**17),
                f"{luck.randint(10**8, 10**9)}.{luck.randint(10**9, 2 * 10**9)}",
                base64.urlsafe_b64encode(mail.encode()).decode().rstrip("="),
                mail.encode().hex(),
                mail.replace("@", "_at_") + "4711",
            )
        )
    )


an_id = st.composite(ids)()


def heads(cookie: str, gate, **event) -> tuple[bytes, lines.Line]:
    """The head of the line of an event that came with a cookie, and the whole line."""
    made = plan({"event": "page_view"} | event, gate=gate, headers=[("cookie", cookie)])
    line = lines.decision_line(made, gate.policy)
    return line.core, line


@pytest.mark.parametrize("cookie", COOKIES)
def test_what_a_platforms_cookie_says_of_its_visitor_is_a_subject_and_no_more(cookie):
    """Its id of the choice can be searched for; the head has the platform and what was chosen."""
    gate = make_gate()
    head, line = heads(cookie, gate)
    for signal in READERS.read([cookie.encode("latin-1", "replace")]):
        evidence = signal.evidence
        if evidence is not None and not re.fullmatch(r"cmp-\d+", evidence):
            assert found_in(head, evidence) is None
            assert gate.keys.name("consent", evidence) in line.refs
        if signal.notice is not None and not vocabulary.plain(signal.notice):
            assert signal.notice.encode() not in head and signal.notice in line.names


def in_cookies() -> list[tuple[str, str]]:
    """Cookies with an id or a version that stands there as it is, and that text."""
    found = []
    for cookie in COOKIES:
        for signal in READERS.read([cookie.encode("latin-1", "replace")]):
            found += [(cookie, text) for text in (signal.evidence, signal.notice) if text and text in cookie]
    return found


HOLDING = in_cookies()


def test_most_platforms_that_give_ids_are_in_the_law_below():
    """It would be empty without."""
    assert len({cookie.partition("=")[0] for cookie, _ in HOLDING}) >= 10


@law
@given(case=st.sampled_from(HOLDING), value=an_id)
def test_no_id_of_any_platform_is_in_a_head(case, value):
    """Whatever it looks like, whether it is given as an id or as the version of a notice."""
    cookie, old = case
    changed = cookie.replace(old, value)
    head, _ = heads(changed, make_gate())
    assert found_in(head, value) is None
    notes = [signal.note for signal in READERS.read([changed.encode()])]
    assert all(found_in(note.encode(), value) is None for note in notes)


@law
@given(value=an_id, name=st.sampled_from(("event", "field", "item", "notice", "subject", "value")))
def test_no_id_that_an_event_brings_in_any_place_is_in_a_head(value, name):
    """As its name, as a field's, as an item's, in the consent cookie, as a value."""
    gate = make_gate()
    event = {"event": "page_view", "data": {"items": [{"item_id": "a"}]}, "consent": {"analytics": True}}
    cookie = own_cookie("analytics")
    match name:
        case "event":
            event["event"] = "e" + value[:60].translate({ord(c): None for c in "%@+="})
            value = event["event"]
        case "field":
            event["data"][value] = 1
        case "item":
            event["data"]["items"][0][value] = 1
        case "notice":
            cookie = own_cookie("analytics", notice=value)
        case "subject":
            cookie = own_cookie("analytics", subject=value)
        case "value":
            event["data"] |= {"session_id": value, "page_title": value, "page_url": f"/{quote(value)}"}
    try:
        made = plan(event, gate=gate, headers=[("cookie", cookie)])
    except EventError:
        assert name == "event"  # an address in disguise is refused
        return
    line = lines.decision_line(made, gate.policy)
    assert found_in(line.core, value) is None
    record = vocabulary.put_back(orjson.loads(line.core) | {"names": list(line.names)})
    if name == "event":
        assert record["event_type"] == value
    if name == "notice":
        assert record["notice_version"] == value
    if name == "field" and value in made.event.names:
        assert value in record["inputs"]["fields"] and record["inputs"]["unusable"][value] == "unknown_field"


PARAMETERS = ("gdpr", "gdpr_consent", "gpp", "gpp_sid", "us_privacy", "gcs", "gcd", "npa", "dma")
SOFTWARE = ("google", "rudderstack", "segment", "shopify", "walkeros")
CARRIERS = ("sec-gpc", "dnt", *PARAMETERS, *COOKIE_NAMES, *SOFTWARE)


@law
@given(
    value=an_id,
    carrier=st.sampled_from(CARRIERS),
    key=st.sampled_from(("consent", "context", "ad_storage", "marketing", "a")),
)
def test_no_id_in_any_carrier_of_consent_is_in_a_head(value, carrier, key):
    """In parameters, headers, cookies and other software's objects, as a value and as a key: no note quotes it."""
    gate = make_gate()
    headers, query, flags = [], b"", None
    if carrier in ("sec-gpc", "dnt"):
        headers.append((carrier.encode(), value.encode()))
    elif carrier in COOKIE_NAMES:
        headers.append((b"cookie", f"{carrier}={value}; {carrier}={quote(value)}%3Ayes".encode()))
    elif carrier in SOFTWARE:
        flags = {carrier: {key: value, value: {key: value}, "consent": {value: True, key: value}}}
    else:
        query = f"{carrier}={quote(value)}&{carrier}={quote(value)}x".encode()
    (posted,) = incoming.parse(orjson.dumps({"event": "page_view"} | ({"flags": flags} if flags else {})))
    made = gate.plan(posted, Caller(headers=tuple(headers), query=query), at=NOW, request_id="req_test")
    line = lines.decision_line(made, gate.policy)
    assert found_in(line.core, value) is None


MADE = {}


def gate_of(seed):
    """A gate whose policy has the seed's own destination; one for all requests of the seed."""
    policy = GATES["gdpr"].policy
    if id(seed.to) not in MADE:  # seeds are there as long as the tests
        MADE[id(seed.to)] = make_gate(replace(policy, destinations={**policy.destinations, seed.to.name: seed.to}))
    return MADE[id(seed.to)]


@pytest.mark.parametrize("dialect", NAMES)
def test_no_value_of_a_call_is_in_a_head(dialect):
    """Of any dialect, wherever it stood, sent or not."""

    @settings(law, max_examples=CALLS)
    @given(planted(NAMES[dialect], SEEDS[dialect]), st.sampled_from([("analytics", "marketing"), ()]))
    def holds(case, granted):
        seed, canaries = case
        gate = gate_of(seed)
        given_by = ((b"cookie", own_cookie(*granted, at=NOW - 9 * 86_400).encode()),)
        made = plan_call(gate, seed.to, seed.call, Caller(headers=given_by, address="127.0.0.1"))
        for _, line in gate.lines.lines(made.plans):
            for canary in canaries if line is not None else ():
                assert found_in(line.core, canary.value) is None, canary

    holds()


@law
@given(an_id)
def test_a_host_that_the_policy_does_not_list_is_named_if_it_is_plain(value):
    """Somebody's own subdomain of a tracker is an id."""
    from gatekeeper.gate.calls import refuse_call

    gate = make_gate()
    label = re.sub("[^a-z0-9-]", "x", value.lower())[:60]
    for host, plain in (("plausible.io", True), (f"{label}.example.com", False)):
        ((_, line),) = gate.lines.lines(refuse_call(gate, host).plans)
        assert (host.encode() in line.core) is plain and (host in line.names) is not plain


WORDS = (
    "purchase page_view add_to_cart checkoutConfirmationPageViewed Order_Completed custom_data.items.0.id v1 v2.3.1 "
    "2026-11-23 2026-11 20261123.v2 form_submit.newsletter video/progress:50 scroll_depth_75 utm_source dimension12 "
    "error404 newsletter-signup cookieBannerAccepted made_up note_to_self ep.user_data.email"
).split()  # fmt: skip


@pytest.mark.parametrize("word", WORDS)
def test_what_reads_like_a_name_is_plain(word):
    """Names of events, fields and notices as sites choose them stay where they can be searched."""
    assert vocabulary.plain(word)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("jane@example.com", id="email"),
        pytest.param("amFuZUBleGFtcGxlLmNvbQ", id="base64-email"),
        pytest.param("amFuZUBleGFtcGxlLmNvbQ==", id="padded-base64"),
        pytest.param("6a616e65406578616d706c652e636f6d", id="hex-email"),
        pytest.param("11111111-2222-4333-8444-555555555555", id="uuid"),
        pytest.param("u_1234567", id="numbered-user"),
        pytest.param("1990-12-31", id="birth-date"),
        pytest.param("81.2.69.142", id="address"),
        pytest.param("fb.1.1558571054389.1098115397", id="fbp"),
        pytest.param("GA1.1.123456789.1234567890", id="ga"),
        pytest.param("4111-1111-1111-1111", id="card"),
        pytest.param("01H8XGJWBWBAQ4Z4Z4Z4Z4Z4Z4", id="ulid"),
        pytest.param("V1StGXR8_Z5jdHi6B-myT", id="nanoid"),
        pytest.param("920451814", id="number-with-a-date-in-it"),
        pytest.param("27db2021", id="hex-with-a-year-in-it"),
        pytest.param("affaddda", id="hex-of-letters"),
        pytest.param("2004-05-06", id="birth-date-of-a-child"),
        pytest.param("~0", id="a-name's-number"),
        pytest.param("page view", id="space"),
        pytest.param("", id="empty"),
        pytest.param("ä", id="not-ascii"),
    ],
)
def test_what_may_be_an_id_is_not_plain(text):
    """Plain characters do not make a name."""
    assert not vocabulary.plain(text)


@law
@given(st.lists(st.text(min_size=1, max_size=300), max_size=90))
def test_names_come_back_as_they_were_and_no_tail_is_longer_than_allowed(names):
    """64 names of 256 characters; what is over is told as one."""
    given_out = vocabulary.Names(frozenset())
    heads = [given_out(name) for name in names]
    kept = given_out.removable
    assert len(kept) <= 64 and all(len(name) <= 256 for name in kept)
    record = vocabulary.put_back({"fields": heads, "names": list(kept)})
    for name, back in zip(names, record["fields"], strict=True):
        assert back == name[:256] or back == "…"
    if len(set(names)) < 64:
        assert record["fields"] == [name[:256] for name in names]
    gone = vocabulary.put_back({"fields": heads})
    assert all(back in (name, vocabulary.GONE) for name, back in zip(names, gone["fields"], strict=True))


def test_the_policys_own_names_stay_whatever_they_look_like():
    """The operator chose them, and every search is by them."""
    from tests.builders import make_policy

    odd = "x7f93kd83jd9"
    policy = make_policy(events={odd: {"destinations": ["own"]}}, consent={"notice": {"version": "8a6b1c9d4e5f"}})
    gate = make_gate(policy)
    made = plan({"event": odd}, gate=gate, headers=[("cookie", own_cookie("analytics", notice="8a6b1c9d4e5f"))])
    line = lines.decision_line(made, policy)
    assert line.names == () and b'"event_type":"x7f93kd83jd9"' in line.core and b"8a6b1c9d4e5f" in line.core


def test_the_law_sees_an_id_in_a_head(monkeypatch):
    """A planted fault: evidence as it was written before."""
    monkeypatch.setattr(lines, "is_product", lambda evidence: True)
    cookie, old = next(one for one in HOLDING if "consentId" in one[0])
    head, _ = heads(cookie, make_gate())
    assert found_in(head, old) is not None


def test_a_reader_says_so_where_a_name_was_removed():
    """After the tail went, the head's numbers lead nowhere."""
    gate = make_gate()
    made = plan({"event": "x7f93kd83jd9"}, gate=gate)
    line = lines.decision_line(made, gate.policy)
    raw = line.core[:-1] + b',"names":' + orjson.dumps(line.names) + b"}\n"
    (record,) = read.parse([raw])
    assert record["event_type"] == "x7f93kd83jd9" and "names" not in record
    (gone,) = read.parse([line.core + b"\n"])
    assert gone["event_type"] == vocabulary.GONE == "(a name that was removed)"
