"""Google Ads' web tag through the gate: real requests in, what may be sent out."""

import pytest

from gatekeeper.model import Call
from tests.native.kit import GRANTED, gate_of, planned

GATE = gate_of()


def get(query, path="/pagead/conversion/1071635065/"):
    """A call of the tag."""
    return Call("GET", path, query)


@pytest.mark.parametrize(
    ("path", "host"),
    [
        ("/pagead/conversion/1071635065/", "www.googleadservices.com"),
        ("/pagead/1p-conversion/1071635065/", "www.googleadservices.com"),
        ("/pagead/viewthroughconversion/1071635065/", "googleads.g.doubleclick.net"),
        ("/pagead/landing", "googleads.g.doubleclick.net"),
        ("/pagead/1p-user-list/1071635065/", "www.google.com"),
        ("/pagead/form-data/1071635065", "www.google.com"),
        ("/ccm/form-data/1071635065", "www.google.com"),
        ("/ccm/conversion/1071635065", "www.google.com"),
        ("/ccm/collect", "www.google.com"),
        ("/rmkt/collect/1071635065/", "www.google.com"),
    ],
)
def test_each_path_goes_to_its_own_host(path, host):
    """Unless the policy has an endpoint of its own."""
    made = planned(GATE, get("gclid=EAIa", path), GRANTED)
    assert made.outgoing.url == f"https://{host}{path}?gclid=EAIa"
    gate = gate_of(endpoint="http://127.0.0.1:9")
    assert planned(gate, get("gclid=EAIa", path), GRANTED).outgoing.url == f"http://127.0.0.1:9{path}?gclid=EAIa"
