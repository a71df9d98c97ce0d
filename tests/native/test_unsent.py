"""What is answered and never sent: recordings, groups, metrics, configurations and definitions of flags."""

import json

import pytest

from gatekeeper.vendors import DIALECTS
from gatekeeper.vendors.formats.format import Format
from gatekeeper.vendors.formats.unsent import Unsent
from tests.native.kit import gate_of, plan, request, visitor

# Per format a request of it, and what its SDK reads in the answer.
REQUESTS = {
    "posthog /s/": ("posthog", "POST", "/s/", {"status": "Ok"}),
    "posthog /flags/definitions": (
        "posthog", "GET", "/flags/definitions?token=phc_x", {"flags": [], "group_type_mapping": {}, "cohorts": {}},
    ),
    "segment /v1/m": ("segment", "POST", "/v1/m", {"success": True}),
    "segment /v1/projects/<key>/settings": ("segment", "GET", "/v1/projects/WK/settings", {}),
    "rudderstack /sourceConfig": ("rudderstack", "GET", "/sourceConfig?writeKey=WK", {}),
    "mixpanel /groups": ("mixpanel", "POST", "/groups?verbose=1", {"status": 1, "error": None}),
    "mixpanel /flags": ("mixpanel", "GET", "/flags/definitions?token=T", {"flags": []}),
}  # fmt: skip


def answer_of(path: str, product: str, method: str, *granted: str):
    """The plan, and the JSON that the SDK gets."""
    made = plan(gate_of(product), request(path, {} if method == "POST" else b"", method=method), visitor(*granted))
    return made, json.loads(made.answer.body)


def test_every_such_format_is_tried():
    """A new one brings its request."""
    assert {one.NAME for one in DIALECTS if isinstance(one, Format) and isinstance(one.body, Unsent)} == REQUESTS.keys()


@pytest.mark.parametrize("granted", [("analytics", "marketing"), ()], ids=["granted", "denied"])
@pytest.mark.parametrize("name", REQUESTS)
def test_nothing_is_sent_and_the_sdk_can_read_the_answer(name, granted):
    """With every consent as without any; on record with a reason."""
    product, method, path, said = REQUESTS[name]
    made, told = answer_of(path, product, method, *granted)
    assert (made.outgoing, made.answer.status) == (None, 200)
    assert made.reason == ("insufficient_data" if granted else "no_analytics_consent")
    assert said.items() <= told.items()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/api/feature_flag/local_evaluation/?token=phc_x&send_cohorts", "flags"),
        ("/array/phc_x/config", "supportedCompression"),
        ("/api/surveys/?token=phc_x", "surveys"),
    ],
)
def test_posthogs_other_configurations(path, kind):
    """Older names of the same, and what the page asks for."""
    assert kind in answer_of(path, "posthog", "GET")[1]


def test_posthogs_configuration_as_a_script():
    """What a script tag loads sets the configuration of that key alone."""
    made = plan(gate_of("posthog"), request("/array/phc_x/config.js", method="GET"))
    assert dict(made.answer.headers) == {"Content-Type": "text/javascript"}
    head, _, rest = made.answer.body.decode().partition('["phc_x"]=')
    assert head == "(window._POSTHOG_REMOTE_CONFIG=window._POSTHOG_REMOTE_CONFIG||{})"
    assert json.loads(rest.removesuffix(";"))["config"]["sessionRecording"] is False


def test_analytics_js_gets_its_own_key_back():
    """Without an entry for Segment's own API it would send nothing, and nothing of the other destinations."""
    told = answer_of("/v1/projects/WK1/settings", "segment", "GET")[1]
    assert told["integrations"] == {"Segment.io": {"apiKey": "WK1"}}


def test_rudderstacks_source_is_on_and_has_no_destinations_in_the_page():
    """The SDK checks both."""
    source = answer_of("/sourceConfig?writeKey=WK&p=npm", "rudderstack", "GET")[1]["source"]
    assert source["enabled"] is True and source["destinations"] == []


@pytest.mark.parametrize("path", ["/track", "/import?strict=1", "/engage", "/groups"])
@pytest.mark.parametrize("where", ["query", "form"])
def test_mixpanels_verbose_is_heard_wherever_it_is_said(path, where):
    """The Python SDK says it in the form, that of Node in the query; also of what cannot be read."""
    mark = "&" if "?" in path else "?"
    target = f"{path}{mark}verbose=1" if where == "query" else path
    for data in ("%5B%5D", "nonsense"):
        body = f"data={data}&verbose=1" if where == "form" else f"data={data}"
        made = plan(gate_of("mixpanel"), request(target, body, content_type="application/x-www-form-urlencoded"))
        assert json.loads(made.answer.body) == {"status": 1, "error": None}
    quiet = plan(gate_of("mixpanel"), request(path, "data=%5B%5D&xverbose=1"))
    assert b"error" not in quiet.answer.body
