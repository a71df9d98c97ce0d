"""`gatekeeper audit anchor` and `audit verify` with time stamps, as an operator runs them."""

import json
from datetime import UTC, datetime

from tests.audit.tsa import YEAR, Tsa


def today():
    """An authority whose certificates are valid now."""
    now = datetime.now(UTC).replace(microsecond=0)
    tsa = Tsa(key="ec", since=now - YEAR, until=now + YEAR)
    tsa.at = now
    return tsa


def configured(folder, tsa, url, more=""):
    """The policy with an authority."""
    path = folder / "gatekeeper.toml"
    path.write_text(path.read_text() + tsa.policy(folder, url) + more)


def test_a_stamp_is_taken_now_and_verified_with_the_log(gatekeeper, log):
    """The command is for machines on which no gate runs, and for the moment before a change."""
    tsa = today()
    with tsa.serving() as url:
        configured(log, tsa, url)
        done = json.loads(gatekeeper("audit", "anchor", "--json", code=0).stdout)
    assert done["failed"] == {} and done["done"]["stamp"].endswith(".json")
    report = json.loads(gatekeeper("audit", "verify", "--json", code=0).stdout)
    assert (report["stamps"], report["unchecked"], report["sound"]) == (1, 0, True)
    assert f"1 time stamp, the last of {tsa.at:%Y-%m-%dT%H:%M:%SZ}" in gatekeeper("audit", "verify", code=0).stdout
    copy = ("audit", "verify", "--folder", "var/audit", "--anchor", "var/anchors")
    assert "not checked: 1 time stamp;" in gatekeeper(*copy, code=0).stdout
    assert "1 time stamp, the last" in gatekeeper(*copy, "--roots", "roots.pem", code=0).stdout
    (log / "roots.pem").write_bytes(today().pem())
    assert "is not a good time stamp" in gatekeeper("audit", "verify", code=1).stdout


def test_both_places_are_tried_and_each_failure_is_said(gatekeeper, log):
    """One that fails keeps nothing from the other."""
    tsa = today()
    tsa.status = 2
    with tsa.serving() as url:
        configured(log, tsa, url)
        text = (log / "gatekeeper.toml").read_text()
        (log / "gatekeeper.toml").write_text(
            text.replace("[audit.anchors]", '[audit]\nanchor = "away"\n[audit.anchors]')
        )
        done = gatekeeper("audit", "anchor", code=1)
    assert done.stdout == "anchor: away\n" and "stamp: the authority refused (not today)" in done.stderr
    assert len((log / "away").read_text().splitlines()) == 1
    gatekeeper("audit", "verify", "--anchor", "away", code=0)


def test_a_place_is_needed(gatekeeper, log):
    """Without one there is nothing to do, which is said."""
    assert "audit.anchor: missing" in gatekeeper("audit", "anchor", code=1).stderr
    assert "--roots" in gatekeeper("audit", "verify", "--roots", "gatekeeper.toml", code=2).stderr
