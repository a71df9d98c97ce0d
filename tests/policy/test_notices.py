"""What a notice says, in which languages, and who it says receives the data."""

import pytest

from gatekeeper.browser import texts, unreviewed
from gatekeeper.policy.check import warnings
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


def test_ten_languages_are_packaged():
    """Each with every text, and reviewed."""
    assert set(make_policy().notices.languages) == {"en", "ar", "de", "es", "fr", "it", "nl", "pl", "pt", "sv"}


@pytest.mark.parametrize("language", sorted(unreviewed()))
@pytest.mark.parametrize("own", ["none", "every"])
def test_words_that_nobody_reviewed_are_not_shown(language, own):
    """Visitors get English and `check` warns, until the policy itself has every text."""
    table = {"language": language}
    if own == "every":
        table["texts"] = {language: dict(texts()["en"])}
    policy = make_policy(consent={"notice": table})
    warned = [line for line in warnings(policy) if line.startswith("consent.notice.language:")]
    shown = policy.notices.choose(language, [language]).notice.language
    assert (shown, len(warned)) == (("en", 1) if own == "none" else (language, 0))


@pytest.mark.parametrize("language", texts())
def test_a_word_of_the_site_gives_its_language_another_notice(language):
    """And leaves every other language's hash as it was."""
    usual = make_policy().notices.languages
    own = make_policy(consent={"notice": {"texts": {language: {"title": "Our own title"}}}}).notices.languages
    assert {name for name in usual if usual[name].hash != own[name].hash} == {language}
    assert len({one.hash for one in usual.values()}) == len(usual)
