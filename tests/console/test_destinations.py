"""Destinations: declared beside observed, errors in words, dead letters that are sent again."""

import pytest

from gatekeeper.storage.outbox import DEAD
from gatekeeper.vendors import KINDS, failures
from tests.console.visiting import Visitor
from tests.rights.people import send
from tests.storage.builders import accept, arrival, claim, settle

EMAIL = "jane.doe@example.com"
REQUEST = "req_" + "0" * 26
NOT_OURS = {"first_party", "http_json"}  # kinds of endpoints that no vendor has a page for


def buried(runtime, why="http_401"):
    """An event that was sent, and that the vendor refused for good."""
    accept(runtime.store, arrival(REQUEST, "own"))
    (flight,) = claim(runtime.store)
    settle(runtime.store, flight, DEAD, why)


def test_every_destination_of_the_policy_is_listed(known):
    """With who gets the data, its purpose and its books."""
    html = known.get("destinations").text
    for name, to in known.app.runtime.policy.destinations.items():
        assert f'destinations/{name}"' in html and to.kind.title in html


def test_what_is_declared_stands_beside_what_was_observed(dpo):
    """Each field with its counts; a value of the visitor is nowhere."""
    send(dpo.app.runtime.gate, {"email": EMAIL, "order_value": 12, "nonsense": 1})
    html = dpo.get("destinations/own").text
    assert "<code>order_value</code>" in html and "<code>email" in html and EMAIL not in html
    row = html.split("<code>order_value</code>")[1].split("</tr>")[0]
    assert "sent" in row and ">1<" in row


@pytest.mark.parametrize("path", ["destinations/nowhere", "destinations/own?period=9y"])
def test_what_is_not_there_is_said(known, path):
    """404 for a destination, 422 for a period."""
    assert known.get(path).status_code in (404, 422)


def test_dead_letters_are_told_in_words_and_sent_again(app):
    """Why, the vendor's page, a button; and an act of its own in the log, with how many."""
    runtime = app.runtime
    buried(runtime)  # before anything is asked: nothing delivers yet
    dpo = Visitor(app).log_in()
    page = dpo.get("destinations/own").text
    assert failures.sentence("http_401") in page and EMAIL not in page
    assert "own did not take everything: 1 dead letter" in dpo.get("now").text
    (letter,) = runtime.store.dead_letters.page("own")
    answer = dpo.post("destinations/own", "destinations/own/retry", letter=letter.id)
    assert answer.status_code == 303 and answer.headers["location"].endswith("destinations/own")
    assert runtime.store.dead_letters.page("own") == []
    act = [one for one in dpo.acts() if one["action"] == "dead-letters/retry"]
    assert [one["counts"] for one in act] == [{"letters": 1}]


def test_who_may_only_read_has_no_button(app):
    """And the form is refused to them."""
    buried(app.runtime)
    reader = Visitor(app).log_in("READER")
    html = reader.get("destinations/own").text
    assert "Send all again" not in html and "destinations/own/retry" not in html
    assert len(app.runtime.store.dead_letters.page("own")) == 1


def test_a_letter_that_is_gone_is_not_there(known):
    """404, and nothing is queued."""
    assert known.ask("POST", "destinations/own/retry", known.form("now", "logout") | {"letter": "7"}).status_code == 404


@pytest.mark.parametrize("kind", [name for name in KINDS if name not in NOT_OURS])
def test_every_vendor_has_a_page_on_its_errors(kind):
    """An https address, with where it was read."""
    assert failures.page(kind).startswith("https://")


@pytest.mark.parametrize(
    ("code", "word"),
    [
        ("http_401", "credentials"), ("http_503", "trouble"), ("http_418", "status"), ("timeout", "in time"),
        ("dead:http_500", "as often"), ("meta_190", "token"), ("meta_100", "Graph API"), ("never_heard", "never_heard"),
        (None, "no reason"),
    ],
)  # fmt: skip
def test_a_failure_is_told_in_words(code, word):
    """The row of the code, of its beginning, or the code itself."""
    assert word in failures.sentence(code)
