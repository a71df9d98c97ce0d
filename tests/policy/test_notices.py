"""Who a notice says receives the data: a company or a host, never the description that stands in a kind."""

import pytest

from gatekeeper.vendors import KINDS
from tests.builders import EVERY_KIND, make_policy

OF_NO_COMPANY = [name for name, module in KINDS.items() if module.KIND.received_by != "vendor"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_description_is_no_company(kind):
    """A kind that says `the operator of …` is one whose recipient the policy names: by its endpoint, or itself."""
    said = KINDS[kind].KIND
    assert said.processor.startswith("the ") is (said.received_by != "vendor")


@pytest.mark.parametrize("kind", OF_NO_COMPANY)
def test_a_notice_names_the_controller_or_the_host(kind):
    """Where the vendor's company is not known from the kind."""
    table = EVERY_KIND.get(kind, {}) | {"kind": kind, "purpose": "analytics", "endpoint": "https://data.example/in"}
    table.pop("dsn", None)
    policy = make_policy(destinations={"to": table})
    (purpose,) = policy.notices.languages["en"].purposes
    (recipient,) = purpose.recipients
    by = KINDS[kind].KIND.received_by
    assert recipient.company == ("data.example" if by == "endpoint" else policy.file.policy.controller)
