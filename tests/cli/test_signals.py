"""`gatekeeper signals`: a site owner finds out in one command."""

import json

from tests.cli.test_cli import POLICY

ONETRUST = (
    "_ga=GA1.1.1; OptanonConsent=groups=C0001%3A1%2CC0002%3A1%2CC0004%3A0&interactionCount=1; "
    "OptanonAlertBoxClosed=2026-11-20T10:00:00.000Z"
)


def shown(gatekeeper, *words):
    return json.loads(gatekeeper("signals", "--json", *words, code=0).stdout)


def test_a_platform_is_recognised_without_a_policy(gatekeeper):
    """OneTrust's groups, with the time of the choice."""
    found = shown(gatekeeper, "--cookie", ONETRUST)
    (signal,) = found["signals"]
    assert (signal["source"], signal["standing"]) == ("onetrust", "decided")
    assert signal["says"] == {"analytics": "granted", "marketing": "denied"}
    assert signal["given_at"] == "2026-11-20T10:00:00Z"
    assert found["consent_state"] == {"necessary": True, "analytics": True, "marketing": False}


def test_a_sites_own_categories_are_mapped_by_its_policy(gatekeeper, tmp_path):
    """[consent.klaro]: services to purposes; without it, opaque and said so."""
    cookie = "klaro=%7B%22matomo%22%3Atrue%2C%22ads%22%3Afalse%7D"
    assert shown(gatekeeper, "--cookie", cookie)["signals"][0]["standing"] == "opaque"
    own = '[consent.klaro]\nmatomo = "analytics"\nads = "marketing"\n'
    (tmp_path / "gatekeeper.toml").write_text(POLICY + own)
    assert shown(gatekeeper, "--cookie", cookie)["signals"][0]["says"] == {
        "analytics": "granted",
        "marketing": "denied",
    }


def test_headers_and_parameters_are_read_too(gatekeeper):
    """Sec-GPC, US Privacy, consent mode."""
    found = shown(gatekeeper, "--header", "Sec-GPC: 1", "--query", "?us_privacy=1YYN&gcs=G100")
    assert {signal["source"] for signal in found["signals"]} == {"sec-gpc", "usprivacy", "google"}
    assert found["consent_state"]["marketing"] is False


def test_a_list_of_platforms_restricts_and_an_unknown_one_is_an_error(gatekeeper, tmp_path):
    """`consent.cookies`."""
    path = tmp_path / "gatekeeper.toml"
    path.write_text(POLICY + '[consent]\ncookies = ["klaro"]\n')
    assert shown(gatekeeper, "--cookie", ONETRUST)["signals"] == []
    path.write_text(POLICY + '[consent]\ncookies = ["onetrustt"]\n')
    assert "onetrustt" in gatekeeper("check", code=1).stdout
    path.write_text(POLICY + '[consent]\nmax_agee = "1d"\n')
    assert 'did you mean "max_age"?' in gatekeeper("check", code=1).stdout


def test_nothing_found_says_where_to_look(gatekeeper):
    """For people."""
    assert "docs/signals.md" in gatekeeper("signals", "--cookie", "a=b", code=0).stdout
    assert "onetrust" in gatekeeper("signals", "--cookie", ONETRUST, code=0).stdout


def test_a_place_says_what_it_makes_of_the_signals(gatekeeper):
    """A refusal counts everywhere; where nothing was said, the place decides."""
    for place, law, analytics in (("US-CA", "ccpa", True), ("DE", "gdpr", False), ("PR", "us-strict", True)):
        found = shown(gatekeeper, "--country", place, "--cookie", "a=b")
        assert law in found["jurisdiction"]["laws"]
        assert found["consent_state"]["analytics"] is analytics
        assert law in found["why"]["analytics"] or analytics
    found = shown(gatekeeper, "--country", "us-ca", "--query", "us_privacy=1YYN")
    assert (found["jurisdiction"]["country"], found["jurisdiction"]["region"]) == ("US", "CA")
    assert found["consent_state"] == {"necessary": True, "analytics": True, "marketing": False}
    assert found["why"]["marketing"] == "usprivacy opts out"


def test_one_law_alone_can_be_asked_for(gatekeeper):
    """`--law`; without either option the strictest law is named."""
    assert shown(gatekeeper, "--law", "ccpa", "--cookie", "a=b")["jurisdiction"]["laws"] == ["ccpa"]
    assert "under strictest" in gatekeeper("signals", "--cookie", "a=b", code=0).stdout
    assert "under us, ccpa, coppa (US-CA)" in gatekeeper("signals", "--country", "US-CA", code=0).stdout


def test_a_place_or_law_that_there_is_not_is_an_error(gatekeeper):
    """Each names the option, the value and the remedy."""
    for words, said in (
        (("--country", "XQ"), "'XQ' is not a country"),
        (("--country", "US-CALIFORNIA"), "does not end in a region"),
        (("--law", "ccpaa"), 'did you mean "ccpa"?'),
        (("--law", "ccpa", "--country", "DE"), "leave out --country"),
    ):
        result = gatekeeper("signals", *words, code=2)
        assert said in " ".join((result.stdout + result.stderr).replace("│", " ").split())


def test_a_service_that_was_refused_by_name_is_shown(gatekeeper, tmp_path):
    """With the destination it stands for."""
    cookie = "cmplz_statistics=allow; cmplz_consented_services=%7B%22matomo%22%3Afalse%7D"
    (tmp_path / "gatekeeper.toml").write_text(POLICY + '[consent.complianz]\nmatomo = "ga4"\n')
    assert shown(gatekeeper, "--cookie", cookie)["signals"][0]["refuses"] == ["ga4"]
    assert "ga4 refused" in gatekeeper("signals", "--cookie", cookie, code=0).stdout
