"""A filter's value that nothing knows is refused: "0 deliveries" would be taken for evidence."""

from typing import get_args

import pytest

from gatekeeper.model.place import KNOWN_BY, How
from tests.cli.test_cli import ENV, POLICY

TYPOS = [
    pytest.param(("query", "--sent", "emailhash"), 'did you mean "email_hash"?', id="sent"),
    pytest.param(("query", "--stripped", "emailhash"), 'did you mean "email_hash"?', id="stripped"),
    pytest.param(("query", "--reason", "no_analytic_consent"), 'did you mean "no_analytics_consent"?', id="reason"),
    pytest.param(("query", "--status", "deliverd"), 'did you mean "delivered"?', id="status"),
    pytest.param(("query", "--destination", "ga"), 'did you mean "ga4"?', id="destination"),
    pytest.param(("query", "--law", "gdrp"), 'did you mean "gdpr"?', id="law"),
    pytest.param(("query", "--country", "Germany"), "neither in the policy nor in the log", id="country"),
    pytest.param(("query", "--subject", "foo"), "is not a pseudonym", id="subject"),
    pytest.param(("query", "--subject", "p_" + "Z" * 22), "is not a pseudonym", id="letters-that-no-pseudonym-has"),
    pytest.param(("query", "--since", "gestern"), "is not a time", id="since"),
    pytest.param(("query", "--format", "xml"), "use table, json or csv", id="format"),
    pytest.param(("stats", "--by", "year"), "use hour, day, week or month", id="by"),
    pytest.param(("stats", "--law", "gdrp"), 'did you mean "gdpr"?', id="stats"),
    pytest.param(("export", "out.xls"), "write to a file that ends in", id="export"),
    pytest.param(("tail", "--status", "deliverd"), 'did you mean "delivered"?', id="tail-status"),
    pytest.param(("tail", "--kind", "descision"), 'did you mean "decision"?', id="tail-kind"),
    pytest.param(("tail", "--reason", "nope"), "neither in the policy nor in the log", id="tail-reason"),
    pytest.param(("tail", "-n", "-5"), "--lines", id="tail-lines"),
]


@pytest.mark.parametrize(("command", "says"), TYPOS)
def test_a_typo_is_wrong_usage_and_never_nothing_found(gatekeeper, tmp_path, command, says):
    """Exit code 2, and the word that was probably meant."""
    (tmp_path / "gatekeeper.toml").write_text(POLICY)
    found = gatekeeper("audit", *command, env=ENV, code=2)
    assert says in " ".join(found.stderr.replace("│", " ").split())
    assert found.stdout == ""


def test_how_a_place_was_known_has_words():
    """Each way; `audit show` and `explain` print them."""
    assert set(KNOWN_BY) == set(get_args(How))
