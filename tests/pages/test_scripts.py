"""`/gk/gatekeeper.js` and its neighbours as they are served: small, cached, compressed, with the policy in them."""

import gzip
import json
import re
from pathlib import Path

import brotli
import pytest

from gatekeeper.browser import template
from gatekeeper.policy.load import parse_policy
from gatekeeper.shells.consent.scripts import NAMES, Scripts
from tests.builders import policy_data
from tests.running import running

BUDGETS = {"gatekeeper.js": 5_000, "banner.js": 4_000}  # bytes, compressed by gzip


@pytest.fixture(scope="module", params=["middleware", "sidecar"])
def up(request, tmp_path_factory):
    """A running gate in each shell."""
    with running(request.param, tmp_path_factory.mktemp(request.param)) as started:
        yield started


def get(up, path, coding="identity", **headers):
    """The answer, its body as it came over the wire."""
    with up.http.stream("GET", path, headers={"accept-encoding": coding, **headers}) as answer:
        return answer, b"".join(answer.iter_raw())


@pytest.mark.parametrize("name", BUDGETS)
def test_scripts_are_small(up, name):
    """As browsers get them, with the policy in it."""
    answer, body = get(up, f"/gk/{name}", "gzip")
    assert answer.headers["content-encoding"] == "gzip"
    assert len(body) <= BUDGETS[name]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("coding", "unpack"), [("br, gzip", brotli.decompress), ("gzip;q=0.5", gzip.decompress)])
def test_scripts_are_compressed_as_the_browser_wants(up, name, coding, unpack):
    """One file, whatever it is packed in."""
    plain, body = get(up, f"/gk/{name}")
    packed, more = get(up, f"/gk/{name}", coding)
    assert plain.status_code == packed.status_code == 200
    assert "content-encoding" not in plain.headers and unpack(more) == body
    assert packed.headers["vary"] == "Accept-Encoding"
    assert packed.headers["x-content-type-options"] == "nosniff"
    media = "application/typescript" if name.endswith(".ts") else "text/javascript"
    assert packed.headers["content-type"] == f"{media}; charset=utf-8"


@pytest.mark.parametrize("coding", ["gzip;q=0, br;q=0.0", "identity", "zstd"])
def test_a_browser_that_takes_no_coding_gets_none(up, coding):
    """Also one that says so."""
    answer, _ = get(up, "/gk/gatekeeper.js", coding)
    assert "content-encoding" not in answer.headers


def test_only_the_address_with_the_hash_is_kept_for_ever(up):
    """Any other for an hour, and asked for again by its tag."""
    answer, _ = get(up, "/gk/gatekeeper.js")
    version = answer.headers["etag"].strip('"')
    assert answer.headers["cache-control"] == "public, max-age=3600"
    assert get(up, f"/gk/gatekeeper.js?v={version}")[0].headers["cache-control"].endswith("immutable")
    assert get(up, "/gk/gatekeeper.js?v=other")[0].headers["cache-control"] == "public, max-age=3600"
    for tag in (f'"{version}"', f'W/"{version}"', f'"x", "{version}"', "*"):
        again, body = get(up, "/gk/gatekeeper.js", **{"if-none-match": tag})
        assert (again.status_code, body) == (304, b"")
    assert get(up, "/gk/gatekeeper.js", **{"if-none-match": '"other"'})[0].status_code == 200


def test_scripts_are_read_only(up):
    """And HEAD has no body."""
    assert up.http.post("/gk/gatekeeper.js").status_code == 405
    head = up.http.head("/gk/gatekeeper.js")
    assert (head.status_code, head.content) == (200, b"")


def settings(**more):
    """What a policy says to the page."""
    policy = parse_policy(policy_data(**more))
    body = Scripts(policy).files["gatekeeper.js"].body.decode()
    return json.loads(re.search(r"=(\{\"purposes\".*?\}\});", body)[1])


def test_the_script_says_what_the_policy_says():
    """Purposes, notices, when to ask again, fields and cookies; nothing of a visitor, no secret."""
    found = settings(
        consent={"cookie": {"clear": {"analytics": ["_hj*", "a.b"]}}, "notice": {"ask_again_after_grant": "30d"}},
        events={"newsletter": {"purposes": ["analytics"]}},
    )
    assert set(found) == {"purposes", "notices", "again", "fields", "events", "cookies"}
    assert found["again"] == 30 * 86_400
    assert found["events"] == {"newsletter": ["analytics", "necessary"]}
    assert found["cookies"]["analytics"][:2] == ["_hj.*", r"a\.b"]
    assert "email" in found["fields"]["m"].split() and "page_url" in found["fields"]["amn"].split()


def test_types_page_and_script_name_the_same_members():
    """What is offered is typed and documented, and nothing else is."""
    script = template("gatekeeper.js").partition("page.gatekeeper = {")[2].partition("\n  };")[0]
    # Nested arrows are bodies: names stand before a colon or a comma, at the first level.
    offered = set(re.findall(r"(?:^|[{,]\s*|^\s+)(\w+)(?=[,:])", re.sub(r"=>[^\n]*", "=> 0,", script), re.MULTILINE))
    interface = template("gatekeeper.d.ts").partition("export interface Gatekeeper {")[2].partition("\n}")[0]
    typed = set(re.findall(r"^  (\w+)(?=[(:])", interface, re.MULTILINE))
    assert offered == typed
    page = (Path(__file__).parents[2] / "docs" / "browser.md").read_text("utf-8")
    assert {name for name in typed if f"gatekeeper.{name}" not in page and f").{name}(" not in page} == set()


def test_each_policy_has_an_address_of_its_own(tmp_path):
    """So a browser that keeps the script for ever gets the new one with the new policy."""
    one = Scripts(parse_policy(policy_data())).addresses()
    other = Scripts(parse_policy(policy_data(consent={"notice": {"ask_again_after_grant": "30d"}}))).addresses()
    assert one["gatekeeper.js"] != other["gatekeeper.js"]
    assert one["banner.js"] == other["banner.js"]
    assert re.fullmatch(r"/gk/gatekeeper\.js\?v=[\w-]{12}", one["gatekeeper.js"])


def test_a_cookie_to_be_cleared_has_a_cookie_s_name():
    """Anything else is a fault of the policy."""
    with pytest.raises(Exception, match="is not a cookie's name"):
        settings(consent={"cookie": {"clear": {"analytics": ["a b"]}}})
