"""The contract as OpenAPI 3.1: made of the code, fresh in docs/, and kept by the running endpoint."""

import json
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from gatekeeper.cli.openapi import text
from gatekeeper.model.choice import Method, Surface
from gatekeeper.shells.consent.openapi import document
from tests.running import running
from tests.shells.consent.conftest import EU


@pytest.fixture(scope="module")
def sidecar(tmp_path_factory):
    """One gate, whose limits no fuzzing reaches."""
    with running("sidecar", tmp_path_factory.mktemp("openapi"), **EU) as started:
        yield started


def test_the_document_in_docs_is_the_code_s():
    """Written by `gatekeeper openapi > docs/openapi.json`."""
    assert (Path(__file__).parents[3] / "docs" / "openapi.json").read_text("utf-8") == text()


def test_the_command_prints_it():
    """For who generates a client."""
    run = [sys.executable, "-m", "gatekeeper", "openapi"]
    printed = subprocess.run(run, capture_output=True, text=True, check=True).stdout
    assert json.loads(printed)["openapi"] == "3.1.0" and printed == text()


def test_its_words_are_the_code_s():
    """Every method and surface that the endpoint takes, and no field that it refuses."""
    schemas = document()["components"]["schemas"]
    assert schemas["Method"]["enum"] == sorted(Method) and schemas["Surface"]["enum"] == sorted(Surface)
    assert schemas["Choosing"]["additionalProperties"] is False


def test_the_endpoint_keeps_its_contract(sidecar):
    """Whatever is sent, fitting or not: a documented status, content type and body, and never a 500."""
    with warnings.catch_warnings():  # imported here: it takes as long as a fifth of what all tests import
        warnings.simplefilter("ignore")  # of libraries that it loads and we do not
        import schemathesis
        from schemathesis import checks as general
        from schemathesis.generation.hypothesis.builder import HypothesisTestConfig, HypothesisTestMode, create_test
        from schemathesis.specs.openapi import checks
    checked = [general.not_a_server_error, checks.status_code_conformance]
    checked += [checks.content_type_conformance, checks.response_schema_conformance]
    schema = schemathesis.openapi.from_dict(document())
    config = HypothesisTestConfig(schema.config, [*HypothesisTestMode])
    seen = set()

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    def kept(case):
        seen.add(case.call_and_validate(base_url=sidecar.url, checks=checked).status_code)

    operations = [found.ok() for found in schema.get_all_operations()]
    for operation in operations:
        create_test(operation=operation, test_func=kept, config=config)()
    assert len(operations) == 3 and seen >= {200, 400}
