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
