"""The cookies of a choice, as a browser keeps them: one scope, and nothing that locks the visitor out."""

from http.cookies import SimpleCookie

import pytest

import gatekeeper
from gatekeeper.errors import ConfigError
from gatekeeper.policy.tables.consent import CookieTable
from gatekeeper.shells.asgi.cookies import is_loopback, others, set_cookies
from tests.builders import make_policy


def browser(*writes):
    """What a browser keeps: (name, domain or None for host-only) → value, as RFC 6265bis tells cookies apart."""
    kept = {}
    for lines in writes:
        for line in lines:
            ((name, morsel),) = SimpleCookie(line).items()
            key = (name, morsel["domain"] or None)
            if morsel["max-age"] == "0":
                kept.pop(key, None)
            else:
                kept[key] = morsel.value
    return kept


def written(value, host="www.shop.example", **table):
    return set_cookies(value, "2.a.m.0.x", CookieTable(**table), host=host, max_age=60.0, secure=True)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param({}, {"domain": "shop.example"}, id="host-only-then-domain"),
        pytest.param({"domain": "shop.example"}, {}, id="domain-then-host-only"),
        pytest.param({"domain": "www.shop.example"}, {}, id="own-domain-then-host-only"),
    ],
)
def test_a_write_leaves_one_cookie_of_each_name(before, after):
    """The other scope, written under another policy, does not stay beside it."""
    kept = browser(written("old", **before), written("new", **after))
    assert kept == {
        ("gatekeeper_consent", after.get("domain")): "new",
        ("gatekeeper_choice", after.get("domain")): "2.a.m.0.x",
    }


def test_the_cookie_that_counts_comes_last():
    """A browser that takes both scopes for one cookie would else lose it to the expiry."""
    *gone, choice, counts = written("new")
    assert counts.startswith("gatekeeper_consent=new;") and counts.endswith("; HttpOnly")
    assert choice.startswith("gatekeeper_choice=") and "HttpOnly" not in choice
    assert all("Max-Age=0" in line for line in gone) and len(gone) == 4


@pytest.mark.parametrize(
    ("table", "attributes"),
    [
        ({}, ["Path=/", "SameSite=Lax", "Secure"]),
        ({"domain": "shop.example"}, ["Path=/", "Domain=shop.example", "SameSite=Lax", "Secure"]),
        ({"same_site": "strict"}, ["Path=/", "SameSite=Strict", "Secure"]),
        ({"same_site": "none", "partitioned": True}, ["Path=/", "SameSite=None", "Secure", "Partitioned"]),
    ],
    ids=["usual", "domain", "strict", "embedded"],
)  # fmt: skip
def test_attributes_are_the_policy_s(table, attributes):
    """Domain, SameSite and Partitioned."""
    assert written("v", **table)[-1].split("; ")[2:-1] == attributes


def test_an_embedded_cookie_is_secure_also_without_tls():
    """Browsers drop `SameSite=None` without `Secure`."""
    table = CookieTable(same_site="none", partitioned=True)
    assert "; Secure; Partitioned" in set_cookies("v", "r", table, host="localhost", max_age=None, secure=False)[-1]


@pytest.mark.parametrize(
    ("consent", "fault"),
    [
        ({"cookie": {"same_site": "none"}}, "partitioned = true"),
        ({"cookie": {"domain": "example"}}, "consent.cookie.domain: 'example' is not a domain"),
        ({"cookie": {"same_sight": "lax"}}, "consent.cookie.same_sight: unknown key"),
        ({"notice": {"language": "xx"}}, 'consent.notice.language: "xx" is not a language of the notice'),
        ({"notice": {"texts": {"de": {"titel": "x"}}}}, '"titel" is not a text of the notice; did you mean "title"?'),
        ({"notice": {"texts": {"el": {"title": "x"}}}}, "a language of your own needs every text"),
        ({"notice": {"url": "javascript:alert(1)"}}, "consent.notice.url"),
        ({"notice": {"url": "//evil.example/x"}}, "consent.notice.url"),
        ({"notice": {"scope": "world"}}, "consent.notice.scope"),
        ({"notice": {"ask_again_after_refusal": "soon"}}, "is not a duration"),
        ({"notice": {"ask_again_after_refusal": "30d"}}, "no regulator accepts less"),
    ],
    ids=lambda one: None,
)  # fmt: skip
def test_a_wrong_policy_says_what_is_wrong(consent, fault):
    """Key, value and remedy."""
    with pytest.raises(ConfigError, match=fault.replace("(", r"\(").replace("?", r"\?")):
        make_policy(consent=consent)


@pytest.mark.parametrize(
    ("host", "domains"),
    [("localhost", []), ("127.0.0.1", []), ("[::1]", []), ("shop.example", ["shop.example"]),
     ("a.b.shop.example", ["a.b.shop.example", "b.shop.example", "shop.example"])],
)  # fmt: skip
def test_only_hosts_with_a_domain_have_another_scope(host, domains):
    """Addresses and single names have none; public suffixes are left to the browser."""
    assert list(others(None, host)) == domains


@pytest.mark.parametrize(("host", "here"), [("localhost", True), ("127.0.0.1", True), ("shop.example", False)])
def test_loopback_is_known(host, here):
    """There a cookie may do without `Secure`."""
    assert is_loopback(host) is here


def test_issue_consent_writes_format_2(tmp_path):
    """With a purpose that was not spoken about, and the domain of the policy."""
    policy = make_policy(consent={"cookie": {"domain": "shop.example"}}, keys={"path": str(tmp_path)})
    value = gatekeeper.issue_consent(config=policy, analytics=None, marketing=False, at=1.5)
    assert value.startswith("gatekeeper_consent=2.a.m-5dc.") and "; Domain=shop.example;" in value
