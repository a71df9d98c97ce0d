"""Which URLs are tracking: hosts.toml, the policy's endpoints and accounts, and what the policy allows by name."""

import pytest

from gatekeeper import ConfigError
from gatekeeper.model import Call
from gatekeeper.outbound.hosts import KNOWN, known
from gatekeeper.outbound.routes import Routes
from tests.builders import make_policy


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("www.google-analytics.com/g/collect", "ga4"),
        ("region1.google-analytics.com/g/collect", "ga4"),
        ("o123.ingest.de.sentry.io/api/42/envelope/", "sentry"),
        ("graph.facebook.com/v26.0/123/events", "meta_capi"),
        ("graph.facebook.com/v26.0/me/accounts", None),
        ("googleads.googleapis.com/v26/customers/1:uploadClickConversions", "google_ads"),
        ("googleads.googleapis.com/v26/customers/1/googleAds:search", None),
        ("www.google.com/search", None),
        ("www.google.com/ccm/collect", "google_ads"),
        ("business-api.tiktok.com/open_api/v1.3/event/track/", "tiktok"),
        ("business-api.tiktok.com/open_api/v1.3/campaign/get/", None),
        ("us.i.posthog.com/batch/", "posthog"),
        ("google-analytics.com.evil.example/g/collect", None),
        ("notgoogle-analytics.com/g/collect", None),
        ("shop.example/g/collect", None),
    ],
)
def test_a_host_is_tracking_on_its_tracking_paths(url, kind):
    """Mixed hosts only there; look-alikes not at all."""
    host, _, path = url.partition("/")
    rows = [row for row in known(host) if row.takes("/" + path)]
    assert {row.kind for row in rows} == ({kind} if kind else set())


def test_every_row_has_a_source():
    """Where it was read."""
    for name, rows in KNOWN.items():
        assert name == name.lower() and all(row.source.startswith("https://") for row in rows)


def two_properties():
    tables = {
        "first": {"kind": "ga4", "measurement_id": "G-ONE", "api_secret": "a"},
        "second": {"kind": "ga4", "measurement_id": "G-TWO", "api_secret": "b"},
        "own": {"kind": "first_party", "endpoint": "http://api.shop.example/events"},
        "proxy": {
            "kind": "ga4",
            "measurement_id": "G-PROXY",
            "api_secret": "c",
            "endpoint": "https://t.shop.example/x",
        },
    }
    return make_policy(destinations=tables)


def test_a_call_is_for_the_destination_of_its_account():
    """Two properties at one host."""
    rule = Routes(two_properties()).find("https", "www.google-analytics.com", None, "/g/collect")
    call = Call("GET", "/g/collect", "v=2&tid=G-TWO&cid=1.2&en=page_view")
    assert rule.pick(call, 1000).name == "second"
    assert rule.pick(Call("GET", "/unknown"), 1000).name == "first"  # and blocked there


@pytest.mark.parametrize(
    ("scheme", "host", "port", "path", "destination"),
    [
        ("https", "t.shop.example", None, "/x/g/collect", "proxy"),
        ("https", "T.Shop.Example.", 443, "/x/g/collect", "proxy"),
        ("https", "t.shop.example", 8443, "/x/g/collect", None),
        ("http", "t.shop.example", None, "/x/g/collect", None),
        ("https", "t.shop.example", None, "/xy/g/collect", None),
        ("http", "api.shop.example", None, "/events", "own"),
        ("http", "api.shop.example", None, "/orders", None),
        ("http", "api.shop.example", None, "/events/7", None),
    ],
)
def test_an_endpoint_of_the_policy_is_meant_by_scheme_host_port_and_path(scheme, host, port, path, destination):
    """The operator's other addresses on the same host are not touched."""
    rule = Routes(two_properties()).find(scheme, host, port, path)
    assert (rule.candidates[0].name if rule else None) == destination


def test_calls_to_a_products_hosts_go_to_the_destination_that_speaks_its_protocol():
    """And to no other first-party endpoint; a host of no kind has no candidate at all."""
    tables = {
        "own": {"kind": "first_party", "endpoint": "http://api.shop.example/events"},
        "cdp": {"kind": "first_party", "speaks": "segment", "endpoint": "https://cdp.shop.example/base"},
    }
    routes = Routes(make_policy(destinations=tables))
    for host, path in (("api.segment.io", "/v1/batch"), ("cdp.shop.example", "/base/v1/batch")):
        rule = routes.find("https", host, None, path)
        assert [to.name for to in rule.candidates] == ["cdp"]
    for host, path in (("alb.reddit.com", "/rp.gif"), ("eu.i.posthog.com", "/batch/")):
        assert routes.find("https", host, None, path).candidates == ()


def test_a_known_host_without_a_destination_is_unlisted_unless_the_policy_allows_it():
    """By name."""
    assert Routes(make_policy()).find("https", "api.segment.io", None, "/v1/batch").candidates == ()
    allowing = make_policy(outbound={"allow": ["api.segment.io", "us.i.posthog.com"]})
    assert Routes(allowing).find("https", "api.segment.io", None, "/v1/batch") is None
    assert Routes(allowing).find("https", "us.i.posthog.com", None, "/batch/") is None
    assert Routes(allowing).find("https", "eu.i.posthog.com", None, "/batch/") is not None


@pytest.mark.parametrize(
    ("allow", "said"),
    [
        (
            ["api.segmnt.io"],
            'outbound.allow: "api.segmnt.io" is not a known tracking host; did you mean "api.segment.io"?',
        ),
        (["shop"], 'outbound.allow: "shop" is not a known tracking host; remove it: other hosts are not touched'),
        (
            ["www.google-analytics.com"],
            'outbound.allow: "www.google-analytics.com" takes calls of destinations.ga4, which are filtered; '
            "remove it, or the destination",
        ),
        ([3], "outbound.allow.0: 3 is wrong; input should be a valid string"),
    ],
)
def test_what_cannot_be_allowed_is_told(allow, said):
    """Key, value and remedy."""
    with pytest.raises(ConfigError) as caught:
        make_policy(outbound={"allow": allow})
    assert caught.value.problems == (said,) or list(caught.value.problems) == [said]
