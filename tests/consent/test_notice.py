"""The words of a notice and their hash, the language a visitor prefers, and durations as a language says them."""

import base64
import hashlib
import json
from dataclasses import replace

import pytest

from gatekeeper.consent.notice import PurposeWords, Recipient, digest, preferred, wording, words
from gatekeeper.model import Purpose

ANALYTICS, MARKETING = Purpose.ANALYTICS, Purpose.MARKETING
TEXTS = {
    "title": "Choices at {controller}", "analytics_title": "Statistics", "analytics_text": "{controller} counts.",
    "marketing_title": "Ads", "marketing_text": "Ads it is.",
    "hours": "{number} hours", "days": "{number} days", "months": "{number} months",
}  # fmt: skip
FULL = Recipient("GA4", "Google", "US", "https://policy.example", "14 months")
BARE = Recipient("own")


def made(recipients=None, **more):
    given = {"version": "v3", "language": "en", "direction": "ltr", "scope": "shop.example", "url": None,
             "controller": "Shop"} | more  # fmt: skip
    return wording(TEXTS, recipients or {ANALYTICS: [FULL, BARE], MARKETING: []}, **given)


def test_a_notice_has_every_word_in_its_place():
    """The controller's name is filled in; purposes and recipients stand in the order in which they were given."""
    notice = made(url="https://shop.example/privacy")
    assert (notice.direction, notice.scope, notice.url) == ("ltr", "shop.example", "https://shop.example/privacy")
    assert notice.texts["title"] == "Choices at Shop" and list(notice.texts) == list(TEXTS)
    assert notice.purposes == (
        PurposeWords(ANALYTICS, "Statistics", "Shop counts.", (FULL, BARE)),
        PurposeWords(MARKETING, "Ads", "Ads it is.", ()),
    )


def test_the_hash_is_over_the_list_of_words_as_a_script_lists_them():
    """`JSON.stringify`, UTF-8, SHA-256, base64url without padding."""
    notice = made(url="https://shop.example/privacy", controller="Lädchen")
    listed = [
        "v3", "en", "shop.example", "https://shop.example/privacy", *notice.texts.values(),
        "Statistics", "Lädchen counts.", "GA4", "Google", "US", "https://policy.example", "14 months", "own",
        "Ads", "Ads it is.",
    ]  # fmt: skip
    text = json.dumps(listed, separators=(",", ":"), ensure_ascii=False).encode()
    expected = base64.urlsafe_b64encode(hashlib.sha256(text).digest()).decode().rstrip("=")
    assert notice.notice.text == text.decode() and notice.notice.hash == f"sha256-{expected}"
    assert notice.hash == expected == digest(text)
    assert (notice.notice.version, notice.notice.language) == ("v3", "en")


def test_a_notice_without_an_address_has_an_empty_word_there():
    """So that no word moves to another's place."""
    assert words({"a": "A"}, (), version="1", language="de", scope="s", url=None) == ["1", "de", "s", "", "A"]


@pytest.mark.parametrize(
    "other",
    [
        {"version": "v4"}, {"language": "de"}, {"scope": "x"}, {"url": "/p"}, {"controller": "Other"},
        {"recipients": {MARKETING: [], ANALYTICS: [FULL, BARE]}},
        {"recipients": {ANALYTICS: [BARE, FULL], MARKETING: []}},
    ],
)  # fmt: skip
def test_any_other_word_or_order_is_another_hash(other):
    """A consent holds for the words that were shown."""
    assert made(**other).hash != made().hash


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("14 months", "14 months"), ("1 month", "31 days"), ("2 y", "24 months"), ("1.5 y", "18 months"),
        ("2y", "24 months"), ("30d", "30 days"), ("1 d", "24 hours"), ("2 w", "14 days"), ("0.5 d", "0.5 d"),
        ("36h", "36 hours"), ("1 h", "1 h"), ("  3 d  ", "3 days"),
        ("1.5 months", "1.5 months"),
        ("until closed", "until closed"), ("", ""), ("12345 d", "12345 d"), (None, None), ("0.5 w", "0.5 w"),
        ("2.5 y", "30 months"), ("1.25 y", "15 months"),
    ],
)  # fmt: skip
def test_a_duration_is_said_in_the_language_if_it_is_whole(given, expected):
    """In hours, days or months; what is no duration stays as it is, and so does all else of the recipient."""
    (purpose, _) = made({ANALYTICS: [replace(FULL, retention=given)], MARKETING: []}).purposes
    assert purpose.recipients == (replace(FULL, retention=expected),)


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [
        ("de", "de"), ("DE", "de"), ("de-AT", "de"), ("pt", "pt-BR"), ("pt-br", "pt-BR"), ("pt-PT", "pt-BR"),
        ("fr, de", "de"), ("en;q=0.5, de", "de"), ("de;q=0.4, en;q=0.5", "en"), ("en, de", "en"), ("de, en", "de"),
        ("fr", None), ("", None), ("*", "en"), ("fr, *;q=0.1", "en"), ("en;q=0, *", "de"), ("de;q=0", None),
        ("en;q=0.000, de;q=0.001", "de"), ("en;q=1.000, de", "en"), ("de ; q = 0.9 , en;q=0.8", "de"),
        ("de;q=2, en", "en"), ("de;q=x, en", "en"), ("d e, en", "en"), ("toolongname, en", "en"),
        (",".join(["fr"] * 19 + ["de"]), "de"), (",".join(["fr"] * 20 + ["de"]), None),
        ("de-Latn-AT-1996", "de"), ("e", None), ("den", None), ("pt-BR;q=0, pt", None), ("de;q=0.5, en;q=0.50", "de"),
    ],
)  # fmt: skip
def test_the_language_a_visitor_prefers(accepted, expected):
    """By weight, then by order; a weight of nothing excludes, and what cannot be read does not count."""
    assert preferred([accepted], ["en", "de", "pt-BR"]) == expected


def test_several_headers_are_one_list():
    """In their order."""
    assert preferred(["fr;q=0.9", "de;q=0.8"], ["de"]) == "de"
    assert preferred(["de;q=0.8", "en"], ["de", "en"]) == "en"
    assert preferred([], ["de"]) is None and preferred(["de"], []) is None
