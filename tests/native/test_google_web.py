"""Google Ads' web tag through the gate: real requests in, what may be sent out."""

import base64

import pytest

from gatekeeper.calls import finish_call
from gatekeeper.model import Answer, Call
from tests.builders import HASH
from tests.native.vendor_calls import GPC, GRANTED, LIMITED, REFUSED, call_of, gate_of, planned, sent_query, sent_text

WEB = [
    "gads-conversion-em-b64",
    "gads-ccm-form-data",
    "gads-pagead-form-data-plain-city",
    "gads-viewthrough-remarketing",
]
GATE = gate_of()
PACKED = "vEeV7ovnKnqSqDpnsa095yzIATkGhxqenz7YhNfEpPU"
WHOLE = f"em=tv.1~em.{PACKED}~fn0.{PACKED}~ln0.{HASH}~sa0.{HASH}~ct0.bad%2520wenigstadt~pc0.11234~rg0.by~co0.de"


def get(query, path="/pagead/conversion/1071635065/"):
    """A call of the tag."""
    return Call("GET", path, query)


@pytest.mark.parametrize(
    ("name", "goes", "stays"),
    [
        ("gads-conversion-em-b64", {"oid", "em", "label", "value", "currency_code"}, {"url", "ecsid", "emd"}),
        ("gads-ccm-form-data", {"em"}, {"auid", "emd", "ecsid"}),
        ("gads-pagead-form-data-plain-city", {"em"}, {"emd"}),
        ("gads-viewthrough-remarketing", {"gclaw", "value"}, {"url", "auid"}),
    ],
)
def test_each_personal_field_of_the_vectors(name, goes, stays):
    """With consent: what the default list names goes; companions of `em`, the tag's own ids and addresses do not."""
    made = planned(GATE, call_of(name), GRANTED)
    query = sent_query(made)
    assert goes <= query.keys() and query.keys().isdisjoint(stays)
    assert query["gcs"] == "G111" and query["npa"] == "0"
    assert made.outgoing.headers == ()


@pytest.mark.parametrize("said", [(), (REFUSED,), (GRANTED, GPC)], ids=["silent", "refused", "gpc"])
@pytest.mark.parametrize("name", WEB)
def test_without_permission_nothing_is_sent_and_the_page_gets_its_pixel(name, said):
    """A GIF for an image, 204 for a beacon."""
    made = planned(GATE, call_of(name), *said)
    assert made.outgoing is None and made.reason in ("no_marketing_consent", "gpc_opt_out")
    if call_of(name).method == "GET":
        assert made.answer.status == 200 and made.answer.body[:6] == b"GIF89a" and len(made.answer.body) == 42
    else:
        assert made.answer.status == 204


@pytest.mark.parametrize("flags", ["gcs=G101", "gcs=G111&npa=1", "gcd=13p3p3p2p5l1", "us_privacy=1YYN"])
def test_a_refusal_in_the_tags_own_flags_holds_against_a_granted_cookie(flags):
    """Vendor flags only narrow."""
    made = planned(GATE, get(f"label=a&gclid=EAIa&{flags}"), GRANTED)
    assert made.outgoing is None and made.reason in ("no_marketing_consent", "sale_opt_out")


def test_a_part_of_an_address_is_not_sent_without_the_rest():
    """Google matches on name, postal code and country together: the clear town of the capture stays here."""
    text = sent_text(planned(GATE, call_of("gads-pagead-form-data-plain-city"), GRANTED))
    assert "wenigstadt" not in text and "11234" not in text and "em." in text and "pn." in text


def test_a_whole_address_goes_by_googles_rules():
    """Hashes as they came, packed or not; the clear parts in their normal form."""
    token = sent_query(planned(GATE, get(WHOLE), GRANTED))["em"]
    assert token == (
        f"tv.1~em.{PACKED}~fn0.{PACKED}~ln0.{HASH}~sa0.{HASH}~ct0.bad%20wenigstadt~pc0.11234~rg0.by~co0.DE"
    )


def test_an_address_that_the_policy_allows_only_in_part_does_not_go_at_all():
    """What is left would be of no use to anybody."""
    gate = gate_of(fields=["email", "city", "country"])
    assert sent_query(planned(gate, get(WHOLE), GRANTED))["em"] == f"tv.1~em.{PACKED}"


@pytest.mark.parametrize("value", ["jo@example.com", "e0", "", base64.b64encode(b"jo@example.com").decode(), "%00"])
def test_what_is_no_hash_is_not_sent_as_one(value):
    """Error codes and clear addresses in the place of a hash."""
    made = planned(GATE, get(f"gclid=EAIa&em=tv.1~em.{value}"), GRANTED)
    assert "em" not in sent_query(made)
    assert made.plans[0].decisions[0].stripped["email_hash"] == "invalid"


def test_a_page_address_goes_only_where_the_policy_names_it_and_without_what_nobody_asked_for():
    """Addresses are scrubbed as in events."""
    gate = gate_of(fields=["gclid", "page_url", "referrer"])
    call = call_of("gads-viewthrough-remarketing", query=lambda text: text + "&ref=https%3A%2F%2Fr.example%2F%3Fq%3Dx")
    query = sent_query(planned(gate, call, GRANTED))
    assert query["url"] == "https://shop.example/p" and query["ref"] == "https://r.example/" and "value" not in query


def test_the_products_of_a_remarketing_hit_are_items():
    """`data` is pairs inside a parameter; an unknown one is stripped."""
    gate = gate_of(fields=["gclid", "items"])
    call = call_of(
        "gads-viewthrough-remarketing", query=lambda text: text.replace("retail%3B", "retail%3Bmail%3Dx%40y.example%3B")
    )
    assert sent_query(planned(gate, call, GRANTED))["data"] == (
        "event=add_to_cart;google_business_vertical=retail;id=test product"
    )


def test_without_a_click_id_or_a_person_there_is_nothing_to_send():
    """The tag's cookies stay behind."""
    made = planned(GATE, get("label=a&auid=1235240376.1778240583&value=3"), GRANTED)
    assert made.reason == "insufficient_data" and made.answer.body[:3] == b"GIF"


def test_a_form_in_the_body_is_read_like_the_query():
    """Consent flags too."""
    call = Call("POST", "/ccm/form-data/1071635065", "gcs=G111", (), f"em=tv.1~em.{PACKED}&emd=x&npa=0".encode())
    made = planned(GATE, call, GRANTED)
    assert made.outgoing.body == f"em=tv.1~em.{PACKED}&npa=0".encode()
    assert made.outgoing.headers == (("Content-Type", "application/x-www-form-urlencoded"),)
    refused = Call("POST", "/ccm/form-data/1071635065", "", (), f"em=tv.1~em.{PACKED}&gcs=G100".encode())
    assert planned(GATE, refused, GRANTED).outgoing is None


@pytest.mark.parametrize(
    "call", [Call("GET", "/ccm/collect", "gclid=E", (), b"a=1"), Call("POST", "/ccm/collect", "", (), b"\xff")]
)
def test_a_body_that_nobody_sends_is_not_read(call):
    """Two readers of it could disagree."""
    assert planned(GATE, call, GRANTED).reason == "call_unreadable"


@pytest.mark.parametrize(
    ("path", "host"),
    [
        ("/pagead/conversion/1071635065/", "www.googleadservices.com"),
        ("/pagead/1p-conversion/1071635065/", "www.googleadservices.com"),
        ("/pagead/viewthroughconversion/1071635065/", "googleads.g.doubleclick.net"),
        ("/pagead/landing", "googleads.g.doubleclick.net"),
        ("/pagead/1p-user-list/1071635065/", "www.google.com"),
        ("/pagead/form-data/1071635065", "www.google.com"),
        ("/ccm/form-data/1071635065", "www.google.com"),
        ("/ccm/conversion/1071635065", "www.google.com"),
        ("/ccm/collect", "www.google.com"),
        ("/rmkt/collect/1071635065/", "www.google.com"),
    ],
)
def test_each_path_goes_to_its_own_host(path, host):
    """Unless the policy has an endpoint of its own."""
    made = planned(GATE, get("gclid=EAIa", path), GRANTED)
    assert made.outgoing.url == f"https://{host}{path}?gclid=EAIa"
    gate = gate_of(endpoint="http://127.0.0.1:9")
    assert planned(gate, get("gclid=EAIa", path), GRANTED).outgoing.url == f"http://127.0.0.1:9{path}?gclid=EAIa"


@pytest.mark.parametrize(
    ("gate", "call"),
    [
        (GATE, get("gclid=EAIa", "/pagead/conversion/999999999/")),
        (GATE, get("gclid=EAIa&tid=AW-999999999", "/ccm/collect")),
        (GATE, get("gclid=EAIa&tid=G-AAAAAAAA", "/ccm/collect")),
        (gate_of(conversion_id=None), get("gclid=EAIa")),
    ],
    ids=["path", "tid", "analytics", "no id in the policy"],
)
def test_a_call_for_another_account_is_not_for_us_to_send(gate, call):
    """The gate is no open relay."""
    made = planned(gate, call, GRANTED)
    assert made.outgoing is None and made.reason == "unlisted_destination"


@pytest.mark.parametrize("name", "random gtm label gcs gcd npa gcu rdp bttype en em".split())
def test_mechanics_carry_no_personal_data(name):
    """A parameter is exactly what it should be, or is stripped."""
    text = sent_text(planned(GATE, get(f"gclid=EAIa&{name}=jo%40example.com"), GRANTED))
    assert "gclid=EAIa" in text and "example" not in text


def test_events_of_the_policy_hold_for_calls():
    """A destination that takes purchases takes no page view of the tag."""
    gate = gate_of(events=["purchase"])
    assert planned(gate, get("gclid=EAIa&en=page_view", "/ccm/collect"), GRANTED).reason == "event_not_routed"
    assert planned(gate, get("gclid=EAIa&en=conversion&bttype=purchase"), GRANTED).outgoing is not None


@pytest.mark.parametrize(
    ("status", "told", "end"), [(200, 200, "delivered"), (302, 200, "delivered"), (500, 500, "failed")]
)
def test_neither_cookies_nor_redirects_reach_the_page(status, told, end):
    """A redirect would lead the browser around the gate."""
    gate = gate_of()
    made = planned(gate, get("gclid=EAIa"), GRANTED)
    answer = finish_call(gate, made, Answer(status, (("Location", "https://x.example/"), ("Set-Cookie", "a=b")), b"x"))
    assert answer.status == told and {name for name, _ in answer.headers} <= {"Content-Type"}
    assert gate.recorder.lines[-1]["status"] == end


def test_a_visitor_who_opted_out_of_more_gets_restricted_processing():
    """GPC that a policy honours only where it must is still told to the vendor, against the hit's own flags."""
    made = planned(gate_of(tables=LIMITED), get("gclid=EAIa&npa=0&rdp=0"), GPC, address="127.0.0.1")
    query = sent_query(made)
    assert query["npa"] == "1" and query["rdp"] == "1" and made.outgoing.url.count("npa=") == 1


def test_a_broken_consent_string_denies():
    """What cannot be read is no permission."""
    made = planned(GATE, get("gclid=EAIa&gdpr_consent=jo%40example.com"), GRANTED)
    assert made.reason == "consent_unreadable"
