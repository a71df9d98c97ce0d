"""`gatekeeper geoip info`, `geoip update` errors, and `report matrix`."""

import json

from tests.cli.test_cli import ENV, POLICY


def test_geoip_info_shows_source_age_and_licence(gatekeeper):
    """Of the bundled database, without a policy."""
    found = json.loads(gatekeeper("geoip", "info", "--json", code=0).stdout)
    assert found["problem"] is None and "DB-IP" in found["source"] and "CC BY 4.0" in found["licence"]
    assert found["size"] < 8_000_000 and found["regions"] is True
    assert "https://db-ip.com" in gatekeeper("geoip", "info", code=0).stdout


def test_a_database_that_cannot_be_used_is_said_by_info_and_check(gatekeeper, tmp_path):
    """Strictest at run time, a warning here; never a crash."""
    (tmp_path / "bad.mmdb").write_bytes(b"not a database")
    (tmp_path / "gatekeeper.toml").write_text(POLICY + '[jurisdiction]\ndatabase = "bad.mmdb"\n')
    assert "strictest law" in gatekeeper("geoip", "info", code=1).stdout
    assert "bad.mmdb" in gatekeeper("check", env=ENV, code=0).stdout


def test_update_without_a_target_or_with_an_unknown_edition_is_one_message(gatekeeper, tmp_path):
    """And nothing is fetched."""
    assert "jurisdiction.database" in gatekeeper("geoip", "update", code=1).stderr
    wrong = gatekeeper("geoip", "update", "--path", tmp_path / "x.mmdb", "--edition", "nope", code=1)
    assert "nope" in wrong.stderr and "Traceback" not in wrong.stderr
    maxmind = gatekeeper("geoip", "update", "--path", tmp_path / "x.mmdb", "--edition", "GeoLite2-City", code=1)
    assert "licence key" in maxmind.stderr


def matrix(gatekeeper, *words):
    return json.loads(gatekeeper("report", "matrix", "--json", *words, code=0).stdout)["laws"]


def test_the_matrix_says_law_by_destination_when_something_is_sent(gatekeeper, tmp_path):
    """Under this policy; dated changes show with --on."""
    (tmp_path / "gatekeeper.toml").write_text(POLICY)
    laws = matrix(gatekeeper)
    assert laws["gdpr"] == {"ga4": "with consent", "meta_capi": "with consent; GPC blocks", "errors": "always"}
    assert laws["ccpa"]["meta_capi"] == "unless opted out; GPC blocks"
    before, after = (matrix(gatekeeper, "--on", day) for day in ("2026-12-31", "2027-01-01"))
    assert len(after) > len(before)
    assert "gdpr" in gatekeeper("report", "matrix", code=0).stdout
    gatekeeper("report", "matrix", "--on", "soon", code=2)


def test_a_policy_with_always_is_as_strict_everywhere(gatekeeper, tmp_path):
    """`always = ["gdpr"]`."""
    (tmp_path / "gatekeeper.toml").write_text(POLICY + '[jurisdiction]\nalways = ["gdpr"]\n')
    assert matrix(gatekeeper)["ccpa"]["meta_capi"] == "with consent; GPC blocks"
