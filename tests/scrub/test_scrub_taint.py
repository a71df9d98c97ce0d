"""What an event declares is found in other values, and what only resembles it stays."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable

import pytest

from gatekeeper.scrub import scrub_text, scrub_url
from gatekeeper.scrub.fields import search_of
from gatekeeper.scrub.identifier import personal_shape
from gatekeeper.scrub.search import Search
from gatekeeper.scrub.taint import declared
from tests.scrub.test_scrub_linear import seconds

from gatekeeper.fields import CATALOGUE  # isort: skip

JANE = {
    "email": "Jane.Doe@example.com",
    "phone": "+49 171 1234987",
    "first_name": "Jane",
    "last_name": "Doe",
    "street": "Musterstraße 12",
    "date_of_birth": "1990-03-07",
}
ADDRESS, NUMBER = b"jane.doe@example.com", b"+491711234987"


def searching(**values: object) -> Search:
    """A search for what an event declares."""
    return search_of(CATALOGUE, declared(values.items()))


# Text, and what is left of it: attacks.md C1 and C5, and others of the kind.
TEXTS = [
    pytest.param("Danke, Jane Doe! Bestellung 7", "Danke, [last_name]! Bestellung 7", id="full-name"),
    pytest.param("Danke, JANE!", "Danke, [first_name]!", id="first-name-in-capitals"),
    pytest.param("Gravur: für Doe, Jane", "Gravur: für [last_name]", id="last-name-first"),
    pytest.param("JaneDoe", "[last_name]", id="joined"),
    pytest.param("userjanedoe42", "[last_name]42", id="joined-within-a-word"),
    pytest.param("jane_doe-1984", "[last_name]-1984", id="with-underscores"),
    pytest.param("Jane%20Doe", "[last_name]", id="percent"),
    pytest.param("J&#97;ne &#x44;oe", "[last_name]", id="html"),
    pytest.param("\\u004aane", "[first_name]", id="javascript"),
    pytest.param("ｊａｎｅ ｄｏｅ", "[last_name]", id="full-width"),
    pytest.param("ja\u00adne\u200b", "[first_name]", id="invisible-characters"),
    pytest.param(base64.b64encode(b'{"who":"Jane Doe"}').decode(), "[last_name]", id="base64"),
    pytest.param(b"<Jane Doe>".hex(), "[last_name]", id="hex"),
    pytest.param("call 0171 / 123 4987 now", "call [phone] now", id="national-number"),
    pytest.param("00491711234987", "[phone]", id="number-with-zeros"),
    pytest.param("491711234987", "[phone]", id="number-without-plus"),
    pytest.param("x1234987", "x[phone]", id="last-seven-digits"),
    pytest.param("Musterstrasse 12, Berlin", "[street], Berlin", id="street"),
    pytest.param("in der MUSTERSTRAẞE".replace("ẞ", "ß"), "in der [street]", id="street-without-number"),
    pytest.param("geb. 7.3.1990", "geb. [date_of_birth]", id="date-of-birth-as-germans-write-it"),
    pytest.param("born 03/07/1990", "born [date_of_birth]", id="date-of-birth-as-americans-write-it"),
    pytest.param("dob=19900307", "dob=[date_of_birth]", id="date-of-birth-in-one"),
    pytest.param("jane.doe_at_example.com", "[email]", id="mail-merge"),
    pytest.param(hashlib.md5(ADDRESS).hexdigest(), "[email]", id="md5"),
    pytest.param("u/" + hashlib.sha1(ADDRESS).hexdigest().upper(), "u/[email]", id="sha1"),
    pytest.param(base64.b64encode(hashlib.sha256(ADDRESS).digest()).decode(), "[email]=", id="sha256-in-base64"),
    pytest.param(
        base64.b64encode(hashlib.sha256(ADDRESS).digest())[:42].decode(), "[email]", id="sha256-in-base64-cut-by-one"
    ),
    pytest.param(hashlib.sha256(ADDRESS).hexdigest()[:16], "[email]", id="sha256-cut-short"),
    pytest.param(b"<Jane Doe>".hex()[:-1], "[last_name]", id="hex-cut-within-a-byte"),
    pytest.param("a" + b"<Jane Doe>".hex(), "[last_name]", id="hex-after-another-digit"),
    pytest.param(hashlib.sha256(NUMBER).hexdigest(), "[phone]", id="sha256-of-the-number"),
    pytest.param(
        "readable/words " + base64.b64encode(b'{"who":"Jane Doe"}').decode(),
        "readable/words [last_name]",
        id="second-word",
    ),
    pytest.param(hashlib.sha256(b"491711234987").hexdigest(), "[phone]", id="sha256-of-the-digits"),
]


@pytest.mark.parametrize(("text", "left"), TEXTS)
def test_a_declared_value_is_replaced_by_its_field(text: str, left: str) -> None:
    """However it is written; and once is enough."""
    result = scrub_text(text, searching(**JANE))
    assert result.text == left and result.found
    assert scrub_text(left, searching(**JANE)).text == left


URLS = [
    pytest.param("https://shop.example/kunde/doe-jane/", "https://shop.example/kunde/[last_name]/", id="segment"),
    pytest.param("/p?utm_term=Jane%20Doe&utm_id=7", "/p?utm_term=[last_name]&utm_id=7", id="parameter"),
    pytest.param("/mail/u/jane.doe/inbox", "/mail/u/[last_name]/inbox", id="mailbox"),
    pytest.param("/jane-gold-ring-7", "/[first_name]-gold-ring-7", id="the-rest-of-a-slug-stays"),
    pytest.param("/u/" + hashlib.md5(ADDRESS).hexdigest(), "/u/[email]", id="digest"),
    pytest.param("https://janedoe.example/x", "https://[last_name].example/x", id="full-name-in-a-host"),
    pytest.param("https://jane.example/x", "https://jane.example/x", id="one-name-in-a-host-stays"),
    pytest.param("https://musterstrasse.example/", "https://[street].example/", id="street-without-number-in-a-host"),
]


@pytest.mark.parametrize(("url", "left"), URLS)
def test_a_declared_value_in_a_url_is_replaced(url: str, left: str) -> None:
    """In path and parameters; of a host only a whole name goes, because sites are called like people."""
    assert scrub_url(url, search=searching(**JANE)).text == left


IDS = [
    "jane.doe",
    "user-jane",
    "JANE",
    "cart_doe_7",
    "01711234987",
    hashlib.sha256(ADDRESS).hexdigest(),
    "".join(f"%{ord(one):02x}" for one in base64.b64encode(hashlib.sha256(ADDRESS).digest()).decode())[:128],
    "amFuZS5kb2VAZXg=",
]


@pytest.mark.parametrize("value", IDS)
def test_an_identifier_that_holds_a_declared_value_is_none(value: str) -> None:
    """Names, numbers, digests."""
    assert personal_shape(value, searching(**JANE)) is not None


def test_a_digest_of_something_else_is_an_identifier() -> None:
    """Only a digest of this event's own e-mail address or number is a contact."""
    for value in (hashlib.sha256(b"order 7").hexdigest(), hashlib.md5(b"someone@example.com").hexdigest()):
        assert personal_shape(value, searching(**JANE)) is None


@pytest.mark.parametrize(
    "written", ["Jane.Doe@Example.com ", "jane.doe@example.com ", "jane.doe@example.com", " JANE@X.EU"]
)
@pytest.mark.parametrize("change", [str, str.strip, str.lower, str.upper])
def test_a_digest_of_an_address_is_found_whatever_was_hashed(written: str, change: Callable[[str], str]) -> None:
    """As it came or trimmed, in small letters or capitals."""
    digest = hashlib.md5(change(written).encode()).hexdigest()
    assert personal_shape(digest, searching(email=written)) == "email"


@pytest.mark.parametrize("change", [str, str.strip, lambda given: "".join(filter(str.isdecimal, given))])
@pytest.mark.parametrize("given", ["+49 171/1234987", " 0171-1234987", "000-171-1234987", "1712349871"])
def test_a_digest_of_a_number_is_found_whatever_was_hashed(given: str, change: Callable[[str], str]) -> None:
    """As it came, trimmed, or its digits alone, however many zeros lead them."""
    digest = hashlib.sha256(change(given).encode()).hexdigest()
    assert personal_shape(digest, searching(phone=given)) == "phone"


WAYS_OF_A_NUMBER = ["+491711234987", "491711234987", "00491711234987", "1711234987", "01711234987", "0049171/1234987"]


@pytest.mark.parametrize("hashed", WAYS_OF_A_NUMBER)
def test_a_digest_of_a_number_is_found_in_each_of_its_spellings(hashed: str) -> None:
    """With a plus sign, zeros or neither, and as its country writes it; however the event declares it."""
    digest = hashlib.sha256(hashed.encode()).hexdigest()
    assert personal_shape(digest, searching(phone="0049171/1234987")) == "phone"


@pytest.mark.parametrize("text", ["userjanedoe42", "janemariedoe", "doejanemarie", "Jane Marie Doe", "jane doe"])
def test_of_several_first_names_the_first_one_is_enough(text: str) -> None:
    """Glued to the last name or not."""
    assert scrub_text(text, searching(first_name="Jane Marie", last_name="Doe")).found == ("last_name",)


def test_a_hash_that_came_in_the_place_of_an_address_is_looked_for_too() -> None:
    """It is what the event declares."""
    given = hashlib.sha256(ADDRESS).hexdigest()
    assert personal_shape(given.upper(), searching(email_hash=given)) == "email"


# Names that are words, and texts that such a name may not break.
KEPT = [
    ({"first_name": "Rose"}, "Roses, roseate and primrose; 3 x Rosenkohl"),
    ({"first_name": "Mark", "last_name": "May"}, "Marketing, markers and Maybelline mayonnaise, Denmark, 20 marks"),
    ({"first_name": "Will", "last_name": "Page"}, "Willow goodwill, homepage, pages, pager"),
    ({"first_name": "Grace"}, "Graceful grapefruit, disgrace"),
    ({"last_name": "Doe"}, "What does it do? To do: e-mail, do-it-yourself, John Doerr"),
    ({"last_name": "An"}, "an apple and a banana"),
    ({"first_name": "Jo", "last_name": "Li"}, "Joke, Li-ion battery, jo"),
    ({"last_name": "von der Heide", "first_name": "Anna"}, "von der Stange, das Hemd der Saison"),
    ({"first_name": "Guest"}, "guest checkout"),
    ({"first_name": "First-Name", "last_name": "un known"}, "your first name is unknown, un known"),
    ({"first_name": "Frau", "last_name": "Test"}, "Kleid für die Frau, Test 7"),
    ({"last_name": "김"}, "김치 2kg, 김포공항"),
    ({"first_name": "민수"}, "국민수영장"),
    ({"first_name": "민수"}, "2 국민수영장"),
    ({"last_name": "王", "first_name": "伟"}, "王子饼干 伟大"),
    ({"email": "info@rose.example"}, "info, contact and rose"),
    ({"email": "shop@example.com"}, "https://shop.example/shop/contact"),
    ({"phone": "0000000000"}, "000000000000"),
    ({"phone": "12345"}, "order 12345"),
    ({"street": "Hauptstr. 1"}, "Hauptbahnhof 1"),
    ({"last_name": "Street"}, "[street] and [card]"),
    ({"last_name": "Card"}, "[street] and [card]"),
    ({"date_of_birth": "1990-03-07"}, "1990, 03-07, 2026-03-07, 1990-03-08"),
    ({"email": "1234567890@qq.example"}, "1234567 and 12345678"),
]


@pytest.mark.parametrize(("values", "text"), KEPT, ids=[str(next(iter(values.values()))) for values, _ in KEPT])
def test_what_a_name_may_not_break(values: dict[str, str], text: str) -> None:
    """Words that hold it, names of one letter, particles, posts, placeholders: ordinary text stays as it is."""
    assert scrub_text(text, searching(**values)).text == text


# In what programs write, words that programs are made of are nobody's names.
MACHINERY = [
    ("Page", "page_view"),
    ("May", "performance.mark may"),
    ("Mac", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)"),
    ("Case", "test case 7"),
]


@pytest.mark.parametrize(("name", "text"), MACHINERY)
def test_words_of_programs_are_nobodys_names(name: str, text: str) -> None:
    """In user agents, stack traces, mechanics and names of events; not in a title."""
    search = searching(last_name=name)
    assert search.spans(text, machinery=True) == []
    assert search.spans(text) != []


CJK = [
    pytest.param({"last_name": "王", "first_name": "伟"}, "谢谢王伟先生", "谢谢[last_name]先生", id="chinese"),
    pytest.param(
        {"last_name": "김", "first_name": "민수"}, "김민수님 감사합니다", "[last_name]님 감사합니다", id="korean"
    ),
    pytest.param({"last_name": "佐藤", "first_name": "太郎"}, "佐藤太郎様", "[last_name]様", id="japanese"),
    pytest.param({"first_name": "민수"}, "Hi 민수님", "Hi [first_name]님", id="korean-behind-a-space"),
    pytest.param({"email": "王.小明@例子.公司"}, "你好王小明", "你好[email]", id="chinese-local-part"),
    pytest.param({"last_name": "Müller"}, "M%FCller!", "[last_name]!", id="latin-1"),
    pytest.param({"first_name": "さくら"}, "さくらさん", "[first_name]さん", id="three-letters"),
    pytest.param({"first_name": "민수"}, "민수님", "[first_name]님", id="korean-first-name"),
    pytest.param({"first_name": "민수"}, "김민수님", "김[first_name]님", id="behind-a-family-name"),
    pytest.param({"first_name": "민수"}, "내 김민수님", "내 김[first_name]님", id="behind-a-family-name-in-a-text"),
    pytest.param({"first_name": "José", "last_name": "Müller"}, "jose mueller", "[last_name]", id="written-out"),
    pytest.param({"first_name": "Jose", "last_name": "Mueller"}, "JOSE\u0301 MÜLLER", "[last_name]", id="taken-back"),
    pytest.param({"last_name": "Strauß"}, "Herr STRAUSS", "Herr [last_name]", id="sharp-s"),
    pytest.param({"last_name": "O’Neill"}, "ONEILL o'neill", "[last_name] [last_name]", id="apostrophe"),
    pytest.param({"first_name": "Anna-Lena"}, "Hallo Lena", "Hallo [first_name]", id="part-of-a-double-name"),
    pytest.param({"last_name": "Иванова"}, "Спасибо, ИВАНОВА!", "Спасибо, [last_name]!", id="cyrillic"),
]


@pytest.mark.parametrize(("values", "text", "left"), CJK)
def test_names_of_other_scripts(values: dict[str, str], text: str, left: str) -> None:
    """Without spaces, with accents, with both."""
    assert scrub_text(text, searching(**values)).text == left


STREETS = [
    ("Rue Bac 12", "by rue-bac!", "by [street]!"),
    ("Am See 3", "am see", "am see"),
    ("Am See 3", "am see 3", "[street]"),
    ("Feldweg 7", "feldweg", "feldweg"),
    ("Feldwege 7", "feldwege", "[street]"),
    ("12", "12", "12"),
    ("A 1", "a 1", "a 1"),
]


@pytest.mark.parametrize(("street", "text", "left"), STREETS)
def test_a_street_is_found_without_its_number_if_its_name_is_long_enough(street: str, text: str, left: str) -> None:
    """Eight letters of one word, or six of several; with its number three are enough."""
    assert scrub_text(text, searching(street=street)).text == left


DATES = [
    "1990-03-07",
    "1990/3/7",
    "19900307",
    "07.03.1990",
    "7.3.1990",
    "03/07/1990",
    "3/7/1990",
    "03071990",
    "07031990",
]


@pytest.mark.parametrize("given", DATES)
@pytest.mark.parametrize("written", DATES)
def test_a_date_is_found_however_it_was_declared_and_is_written(given: str, written: str) -> None:
    """Year first or last, day before month or behind it, padded or not, with any mark between or none."""
    assert scrub_text(f"born {written}, at sea", searching(date_of_birth=given)).text == "born [date_of_birth], at sea"


@pytest.mark.parametrize(
    "given", ["1990-03", "1990-32-07", "0-1-1990", "90-03-07", "1990-1990-01", "12345678", "March 1990"]
)
def test_what_is_no_date_is_not_looked_for(given: str) -> None:
    """Two numbers, days that are none, years of two digits."""
    text = "1990 03 07, 90-03-07, 1990-32-07, 12345678, 1234-56-78, 0-1-1990, 1990-1990-01"
    assert scrub_text(text, searching(date_of_birth=given)).text == text


MAIL = "Jane.Doe+shop@googlemail.com"


@pytest.mark.parametrize(
    "written",
    ["jane.doe+shop", "JANE_DOE", "janedoe", "doe.jane", "jane doe+shop googlemail com", "jane-doe", "x/jane.doe/y"],
)
def test_an_address_is_found_by_its_local_part(written: str) -> None:
    """With and without what follows its plus, in either order of two words, glued, and without the at sign."""
    result = scrub_text(f"user {written} wrote", searching(email=MAIL))
    assert "email" in result.found and "doe" not in result.text.lower()


@pytest.mark.parametrize(
    "hashed",
    [
        MAIL, MAIL.lower(), "jane.doe@googlemail.com", "janedoe+shop@googlemail.com", "janedoe@googlemail.com",
        "janedoe@gmail.com",
    ],
)  # fmt: skip
@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256"])
def test_a_digest_of_each_normal_form_of_an_address_is_found(hashed: str, algorithm: str) -> None:
    """Vendors hash Gmail's addresses without dots and without what follows a plus."""
    digest = hashlib.new(algorithm, hashed.encode()).hexdigest()
    assert personal_shape(digest, searching(email=MAIL)) == "email"
    assert personal_shape(digest[:-1], searching(email=MAIL)) == "email"
    assert personal_shape(digest, searching(email="someone@example.com")) is None


@pytest.mark.parametrize(("size", "sought"), [(1, False), (2, False), (3, True), (320, True), (321, False)])
def test_a_value_is_looked_for_if_a_name_can_be_so_long(size: int, sought: bool) -> None:
    """Names of three letters and more; 320 characters are an address's limit (RFC 5321, 4.5.3.1)."""
    name = "q" * size
    assert (scrub_text(f"hello {name}!", searching(first_name=name)).found == ("first_name",)) is sought


def test_an_event_that_declares_nothing_has_no_taint() -> None:
    """And so costs nothing."""
    assert declared({"page_title": "Jane", "city": "Berlin", "country": "DE", "email": None}.items()) is None


def test_the_searched_words_are_not_in_the_repr() -> None:
    """A traceback shows objects."""
    assert "jane" not in repr(declared(JANE.items())).lower()


@pytest.mark.parametrize("piece", ["jane ", "ja", "d", "1", "0171 123498 ", "%4a", "amFuZS", "6a", "[last_name]", "王"])
def test_time_grows_with_length_only(piece: str) -> None:
    """Ten times the text takes far less than a hundred times as long."""
    short, long = (
        seconds(lambda text: searching(**JANE).spans(text), piece * (length // len(piece)))
        for length in (2_000, 20_000)
    )
    assert long <= 40 * max(short, 0.002)
