"""The connector for Fides: as Fides' own schema wants it, and asking what the admin API takes.

The schema is that of ethyca/fides, src/fides/api/schemas/saas/saas_config.py (SaaSConfig and what it is made of), read
2026-11-30: which keys there are, which of them are needed, and what its validators refuse.
"""

import re
from pathlib import Path

import msgspec
import pytest
import yaml

from gatekeeper.shells.admin.acts import ACTS

CONFIG = yaml.safe_load((Path(__file__).parents[2] / "deploy" / "fides" / "gatekeeper.yml").read_text())["saas_config"]
NEEDED = {
    "config": "fides_key name type description version connector_params client_config endpoints test_request",
    "request": "path method", "param": "name", "client": "protocol host", "strategy": "strategy",
    "endpoint": "name requests", "connector_param": "name", "header": "name value",
}  # fmt: skip
MAY = {
    "config": "replaceable external_references data_protection_request rate_limit_config consent_requests user_guide "
              "display_info",
    "request": "request_override headers query_params body param_values client_config data_path postprocessors "
               "pagination grouped_inputs ignore_errors rate_limit_config async_config skip_missing_param_values "
               "correlation_id_path output",
    "param": "identity references connector_param unpack", "client": "authentication", "strategy": "configuration",
    "endpoint": "skip_processing after erase_after",
    "connector_param": "label options default_value multiselect description sensitive", "header": "",
}  # fmt: skip
BUILT_IN = {"privacy_request_id"}  # placeholders that Fides fills by itself
PERSON = {"email": "jane@example.com", "phone_number": "+4930901820"}


def requests():
    """Every request of the connector, by name."""
    yield "test", CONFIG["test_request"]
    for endpoint in CONFIG["endpoints"]:
        for name, one in endpoint["requests"].items():
            yield f"{endpoint['name']}-{name}", one


ALL = [pytest.param(one, id=name) for name, one in requests()]


def fits(one, kind):
    """An object has what is needed, and nothing that is not known."""
    needed = set(NEEDED[kind].split())
    assert needed <= one.keys() <= needed | set(MAY[kind].split()), (kind, one.keys())


def test_the_connector_has_the_shape_that_fides_wants():
    """Fides refuses it otherwise, or leaves out what it does not know."""
    fits(CONFIG, "config")
    fits(CONFIG["client_config"], "client")
    fits(CONFIG["client_config"]["authentication"], "strategy")
    assert CONFIG["client_config"]["authentication"]["strategy"] == "bearer"
    for one in CONFIG["connector_params"]:
        fits(one, "connector_param")
    for endpoint in CONFIG["endpoints"]:
        fits(endpoint, "endpoint")
        assert endpoint["requests"].keys() <= {"read", "update", "delete"}


@pytest.mark.parametrize("one", ALL)
def test_every_placeholder_of_a_request_has_one_source(one):
    """An identity, a reference or a parameter of the connector: exactly one."""
    fits(one, "request")
    for header in one.get("headers", ()):
        fits(header, "header")
    for param in one.get("param_values", ()):
        fits(param, "param")
        assert len(param.keys() & {"identity", "references", "connector_param"}) == 1
    names = {param["name"] for param in one.get("param_values", ())}
    assert set(re.findall(r"<(\w+)>", str([one.get("body"), one.get("headers"), one["path"]]))) <= names | BUILT_IN
    declared = {param["name"] for param in CONFIG["connector_params"]}
    assert set(re.findall(r"<(\w+)>", str(CONFIG["client_config"]))) <= declared


@pytest.mark.parametrize("one", ALL)
def test_a_request_is_one_that_the_admin_api_takes(one):
    """By its method, its path and its body; the token needs no more than `read` and `erase`."""
    (act,) = [act for act in ACTS if (act.method, f"/gk/admin/{act.path}") == (one["method"], one["path"])]
    assert act.may in ("read", "erase")
    body = re.sub(r"<(\w+)>", lambda found: PERSON[found[1]], one.get("body", ""))
    if act.body is None:
        assert not body
    else:
        assert msgspec.json.decode(body, type=act.body).identifiers[0].value == PERSON["email"]
