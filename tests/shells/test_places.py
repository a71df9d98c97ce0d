"""The same event from ten places gets the decision the law of that place asks for, and the line names the law."""

import httpx
import pytest

import gatekeeper
from gatekeeper import ConfigError, context
from gatekeeper.shells.asgi.caller import here
from tests.builders import NOW, decisions, make_gate, make_policy, own_cookie, plan
from tests.running import API_KEY, running

EVENT = {"event": "purchase", "data": {"session_id": "s", "order_value": 5, "fbclid": "abc", "currency": "EUR"}}

# Nobody said anything: analytics and advertising under the law of each place.
PLACES = [
    pytest.param("DE", "BE", False, False, "gdpr", id="berlin"),
    pytest.param("US", "CA", True, True, "ccpa", id="los-angeles"),
    pytest.param("US", "CO", True, True, "cpa", id="denver"),
    pytest.param("US", "VA", True, True, "vcdpa", id="richmond"),
    pytest.param("US", "TX", True, True, "tdpsa", id="austin"),
    pytest.param("GB", "ENG", False, False, "ukgdpr", id="london"),
    pytest.param("BR", "SP", False, False, "lgpd", id="sao-paulo"),
    pytest.param("CA", "QC", False, False, "law25", id="quebec"),
    pytest.param("JP", None, True, True, "appi", id="tokyo"),
    pytest.param(None, None, False, False, "strictest", id="unknown"),
]


def judged(country, region, *, headers=(), policy=None, **event):
    gate = make_gate(policy or make_policy())
    place = {"country": country} | ({"region": region} if region else {})
    body = EVENT | event | ({"place": place} if country else {})
    return plan(body, gate=gate, headers=headers, trusted=True)


@pytest.mark.parametrize(("country", "region", "analytics", "ads", "law"), PLACES)
def test_silence_is_read_by_the_law_of_the_place(country, region, analytics, ads, law):
    """Opt-in regimes block, opt-out regimes grant what nobody refused; the law is named."""
    made = judged(country, region)
    sent = {name: decision.reason is None for name, decision in decisions(made).items()}
    assert (sent["ga4"], sent["meta_capi"]) == (analytics, ads)
    assert law in {one.id for one in made.place.laws}


@pytest.mark.parametrize(("country", "region", "analytics", "ads", "law"), PLACES)
def test_gpc_blocks_advertising_everywhere(country, region, analytics, ads, law):
    """Nowhere does a signal make it laxer."""
    made = judged(country, region, headers=[("sec-gpc", "1")])
    assert decisions(made)["meta_capi"].reason == "gpc_opt_out"


def test_a_controller_in_the_eu_is_under_the_gdpr_for_every_visitor():
    """`always = ["gdpr"]` makes California opt-in too."""
    policy = make_policy(jurisdiction={"always": ["gdpr"]})
    assert decisions(judged("US", "CA", policy=policy))["meta_capi"].reason == "no_marketing_consent"


def test_the_policy_can_replace_a_rows_field():
    """[jurisdiction.laws.…]"""
    policy = make_policy(jurisdiction={"laws": {"gdpr": {"analytics": "opt_out"}}})
    assert decisions(judged("DE", None, policy=policy))["ga4"].reason is None
    with pytest.raises(ConfigError, match=r"jurisdiction\.laws"):
        make_policy(jurisdiction={"laws": {"gdpr": {"analytics": "maybe"}}})


@pytest.mark.parametrize(
    ("country", "region", "band", "consents", "reason"),
    [
        pytest.param("US", "CA", "under_13", True, "minor", id="child-anywhere"),
        pytest.param("US", "CT", "16_17", True, "minor", id="banned-in-connecticut"),
        pytest.param("US", "TX", "16_17", False, "no_marketing_consent", id="minor-needs-consent"),
        pytest.param("US", "TX", "16_17", True, None, id="minor-consents"),
        pytest.param("US", "TX", "adult", False, None, id="adult"),
        pytest.param("DE", None, "13_15", True, "minor", id="parent-must-consent-in-germany"),
        pytest.param("BE", None, "13_15", True, None, id="13-is-enough-in-belgium"),
    ],
)
def test_known_minors_are_judged_by_the_table(country, region, band, consents, reason):
    """The host app says the band."""
    gate = make_gate()
    headers = ((b"cookie", own_cookie("analytics", "marketing").encode()),) if consents else ()
    from gatekeeper.model import Caller, Visitor

    heard = gate.heard(Caller(headers=headers))
    visitor = Visitor(heard, (country, region), age_band=band)
    import orjson

    from gatekeeper.gate import incoming

    (posted,) = incoming.parse(orjson.dumps(EVENT))
    made = gate.plan(posted, Caller(visitor=visitor), at=NOW, request_id="r")
    assert decisions(made)["meta_capi"].reason == reason


def test_residence_adds_laws_and_never_removes_one():
    """A German account in California is under both."""
    gate = make_gate()
    from gatekeeper.model import Caller

    place = gate.place_of(Caller(edge=("US", "CA"), residence=("DE", None)))
    assert {"ccpa", "gdpr"} <= {law.id for law in place.laws}
    place = gate.place_of(Caller(edge=("DE", None), residence=("US", "CA")))
    assert {"ccpa", "gdpr"} <= {law.id for law in place.laws}


def test_first_party_statistics_are_exempt_where_the_law_says_so():
    """France and the United Kingdom, not Germany; an objection ends it, and only the flagged destination has it."""
    own = {"kind": "first_party", "endpoint": "http://127.0.0.1:9/x"}
    policy = make_policy(destinations={"stats": own | {"statistics_only": True}, "own": own})
    for country, reason in (("FR", None), ("GB", None), ("DE", "no_analytics_consent")):
        made = decisions(judged(country, None, policy=policy))
        assert (made["stats"].reason, made["own"].reason) == (reason, "no_analytics_consent")
    objects = {"consent": {"analytics": False}}
    assert decisions(judged("FR", None, policy=policy, **objects))["stats"].reason == "no_analytics_consent"


def test_an_edge_is_believed_only_from_a_trusted_peer_and_a_forged_header_never_helps(tmp_path):
    """Country header and X-Forwarded-For, from a stranger and from the proxy."""
    server = {"country_header": "CF-IPCountry", "region_header": "CF-Region-Code"}
    claims = {"CF-IPCountry": "US", "CF-Region-Code": "CA", "X-Forwarded-For": "198.51.100.7"}
    with running("sidecar", tmp_path / "a", server=server) as gate:
        record = gate.record(gate.post(EVENT, headers=claims))
        assert (record["country"], record["jurisdiction"]["how"]) == (None, "unknown")
    with running("sidecar", tmp_path / "b", server=server | {"trusted_proxies": ["127.0.0.0/8"]}) as gate:
        record = gate.record(gate.post(EVENT, headers=claims | {"X-Forwarded-For": "127.0.0.9"}))
        assert (record["country"], record["jurisdiction"]["how"]) == ("US", "cdn")
        tor = gate.record(gate.post(EVENT, headers=claims | {"CF-IPCountry": "T1"}))
        assert (tor["country"], tor["jurisdiction"]["laws"]) == (None, ["strictest"])


def test_an_address_is_located_with_the_bundled_database_and_written_nowhere(tmp_path):
    """Through a trusted proxy; neither the log nor the answer holds the address."""
    with running("sidecar", tmp_path, server={"trusted_proxies": ["127.0.0.0/8"]}) as gate:
        record = gate.record(gate.post(EVENT, headers={"X-Forwarded-For": "193.99.144.80"}))
        assert (record["country"], record["jurisdiction"]["how"]) == ("DE", "address")
        gate.post(EVENT, headers={"X-Forwarded-For": "203.0.113.1, 193.99.144.80"})
        log = b"".join(path.read_bytes() for path in gate.runtime.policy.audit_folder.iterdir())
        assert b"193.99.144" not in log and b"203.0.113" not in log


def test_a_servers_address_is_never_the_visitors(tmp_path):
    """Rule 2: an authenticated caller without a place is an unknown visitor."""
    with running("sidecar", tmp_path, server={"trusted_proxies": ["127.0.0.0/8"]}) as gate:
        headers = {"Authorization": f"Bearer {API_KEY}", "X-Forwarded-For": "193.99.144.80"}
        record = gate.record(gate.post(EVENT, headers=headers))
        assert (record["country"], record["jurisdiction"]["how"]) == (None, "unknown")


@pytest.mark.parametrize("shell", ["sidecar", "middleware"])
def test_the_gpc_resource_and_the_header_that_shows_an_honoured_opt_out(shell, tmp_path):
    """/.well-known/gpc.json in both shells; the header only where the signal was sent."""
    with running(shell, tmp_path) as gate:
        resource = gate.http.get("/.well-known/gpc.json").json()
        assert resource["gpc"] is True and len(resource["lastUpdate"]) == 10
        with_signal, without = gate.post(EVENT, headers={"Sec-GPC": "1"}), gate.post(EVENT)
        assert with_signal.headers["gatekeeper-opt-out"] == "honoured; signal=sec-gpc"
        assert "gatekeeper-opt-out" not in without.headers
        if shell == "middleware":
            page = httpx.get(gate.url + "/buy", headers={"Sec-GPC": "1"}, trust_env=False)
            assert page.headers["gatekeeper-opt-out"] == "honoured; signal=sec-gpc"


def test_tell_says_what_the_app_knows(tmp_path):
    """Residence and age band for every event of the request; a band there is not is an error."""
    policy = make_policy(audit={"path": str(tmp_path / "a")}, keys={"path": str(tmp_path / "k")})
    gate = gatekeeper.GatekeeperMiddleware(lambda *args: None, config=policy).runtime.gate
    scope = {"type": "http", "headers": [], "client": ("127.0.0.1", 1)}
    mark = context.current.set(here(gate, scope))
    try:
        context.tell(residence=("DE", None), age_band="13_15")
        caller = context.current.get().caller()
        assert (caller.residence, caller.age_band) == (("DE", None), "13_15")
        with pytest.raises(ConfigError, match="age_band"):
            context.tell(age_band="young")
    finally:
        context.current.reset(mark)


def test_meta_is_told_of_a_signal_the_policy_does_not_honour():
    """`where_required` in Virginia: sent, with Limited Data Use and the state's code where there is one."""
    policy = make_policy(
        consent={"gpc": "where_required"},
        jurisdiction={"laws": {"us": {"opt_out_signal": "not_specified"}, "fdbr": {"opt_out_signal": "not_specified"}}},
    )
    import orjson

    for region, codes in (("FL", (1, 1003)), ("VA", (0, 0))):
        made = judged("US", region, headers=[("sec-gpc", "1")], policy=policy)
        body = orjson.loads(made.shaped["meta_capi"].body)
        assert body["data_processing_options"] == ["LDU"]
        assert (body["data_processing_options_country"], body["data_processing_options_state"]) == codes


def test_the_header_never_claims_what_the_policy_does_not_do(tmp_path):
    """`where_required` under a law without the duty: detected, not honoured, and not said to be."""
    jurisdiction = {"default": "vcdpa"}
    with running("middleware", tmp_path, consent={"gpc": "where_required"}, jurisdiction=jurisdiction) as gate:
        answer = gate.post(EVENT, headers={"Sec-GPC": "1"})
        assert gate.record(answer)["gpc"] == {"detected": True, "honoured": False}
        assert "gatekeeper-opt-out" not in answer.headers
        page = httpx.get(gate.url + "/buy", headers={"Sec-GPC": "1"}, trust_env=False)
        assert "gatekeeper-opt-out" not in page.headers
