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

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of libraries that it loads and we do not
    import schemathesis
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import (
        content_type_conformance,
        response_schema_conformance,
        status_code_conformance,
    )

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
SCHEMA = schemathesis.openapi.from_dict(document())


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


@SCHEMA.parametrize()
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_endpoint_keeps_its_contract(sidecar, case):
    """Whatever is sent, fitting or not: a documented status, content type and body, and never a 500."""
    case.call_and_validate(base_url=sidecar.url, checks=CHECKS)
