"""Which URLs are tracking: hosts.toml, the policy's endpoints and accounts, and what the policy allows by name."""

import pytest

from gatekeeper import ConfigError
from gatekeeper.model import Call
from gatekeeper.outbound.routes import Routes
from gatekeeper.vendors.hosts import KNOWN, Class, read, tracking
from gatekeeper.vendors.spelling import plain_path, readings
from tests.builders import make_policy
from tests.outbound.vendors import NOT_TRACKING, TRACKING, pairs


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
    assert {row.kind for row in tracking(host, "/" + path)} == ({kind} if kind else set())


NOWHERE = Routes(make_policy())


@pytest.mark.parametrize(("vendor", "host", "path"), [*pairs(TRACKING)], ids=lambda value: value[:40])
def test_what_a_vendors_own_page_shows_is_caught(vendor, host, path):
    """By its row; without a destination it is unlisted."""
    assert vendor in {row.vendor for row in tracking(host, path)}
    assert NOWHERE.find("https", host, None, path) is not None


@pytest.mark.parametrize(("what", "host", "path"), [*pairs(NOT_TRACKING)], ids=lambda value: value[:40])
def test_what_is_no_tracking_passes(what, host, path):
    """Sign-in, messages, posts, files, maps, records of customers, transactional mail, at any method and body."""
    assert tracking(host, path) == () and NOWHERE.find("https", host, None, path) is None


def test_every_vendor_of_the_table_has_an_example():
    """And there are no fewer than a hundred."""
    vendors = {row.vendor for rows in KNOWN.values() for row in rows}
    assert vendors == {vendor for vendor, _, _ in pairs(TRACKING)} and len(vendors) > 100


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ('names = ["a.example"]\nclass = "mixed"', "list paths"),
        ('names = ["a.example"]\nclass = "collect"\npaths = ["^/x"]', "list paths"),
        ('names = ["a.example"]\nclass = "other"', "other"),
    ],
)
def test_a_row_says_neither_too_little_nor_too_much(row, fault):
    """A mixed host without paths would pass everything."""
    with pytest.raises(ValueError, match=fault):
        read(f'[[host]]\nvendor = "A"\n{row}\nsource = "https://a.example"')


def test_only_error_monitors_are_of_the_class_errors():
    """Nobody else may serve `necessary`."""
    monitors = {row.vendor for rows in KNOWN.values() for row in rows if row.sort is Class.ERRORS}
    assert monitors == {
        "Sentry", "GlitchTip", "Bugsnag", "Rollbar", "Honeybadger", "Raygun", "Airbrake", "TrackJS", "AppSignal",
        "Firebase Crashlytics", "Datadog", "New Relic",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("path", "plain"),
    [
        ("//v26.0//123/events", "/v26.0/123/events"),
        ("/v26/customers/1%3AuploadClickConversions", "/v26/customers/1:uploadClickConversions"),
        ("/v26.0/123/%65vents", "/v26.0/123/events"),
        ("/a%2Fb%20c%25", "/a%2Fb%20c%25"),
        ("", "/"),
    ],
)
def test_a_path_is_sent_without_needless_encoding(path, plain):
    """Clients that quote a colon are understood, and what means something stays as it is."""
    assert plain_path(path) == plain


@pytest.mark.parametrize("path", ["/%zz", "/%", "/a%00b", "/a%0d%0ab", "/%c1%a5vents", "/%" + "25" * 9 + "41"])
def test_a_path_that_cannot_be_decoded_is_blocked_on_a_mixed_host(path):
    """And is nobody's business elsewhere."""
    assert readings(path) is None
    assert NOWHERE.find("https", "graph.facebook.com", None, path) is not None
    assert NOWHERE.find("https", "api.stripe.com", None, path) is None


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
        ([3], "outbound.allow: 3 is not a text; put it in quotes"),
    ],
)
def test_what_cannot_be_allowed_is_told(allow, said):
    """Key, value and remedy."""
    with pytest.raises(ConfigError) as caught:
        make_policy(outbound={"allow": allow})
    assert caught.value.problems == (said,) or list(caught.value.problems) == [said]
