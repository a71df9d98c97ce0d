"""Members of the kinds that the cases of the field stand for: names, records, siblings, wrappings, placeholders."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest

from gatekeeper.model import Permission, Purpose, Role, Signal, Standing
from gatekeeper.signals import gpp, parameters
from gatekeeper.signals.cookies import CookieReaders
from gatekeeper.signals.encoding import json_array, json_object, unescape, when
from gatekeeper.signals.header import split_pair
from tests.signals.encoders import gpp_string, tc_string
from tests.signals.reading import answer, opted_out

ANALYTICS, MARKETING = Purpose.ANALYTICS, Purpose.MARKETING
GRANTED, DENIED = Permission.GRANTED, Permission.DENIED
BOTH = {"a": ANALYTICS, "m": MARKETING}


def read(line: str, **policy: object) -> tuple[Signal, ...]:
    """The signals of a Cookie header."""
    return CookieReaders(**policy).read([line.encode()])  # type: ignore[arg-type]


def encoded(name: str, value: object) -> str:
    """A cookie of encoded JSON."""
    return f"{name}={quote(json.dumps(value))}"


def fides(consent: dict[str, object], method: str) -> str:
    """A Fides record."""
    return encoded(
        "fides_consent",
        {"consent": consent, "fides_meta": {"updatedAt": "2026-10-01T10:00:05.000Z", "consentMethod": method}},
    )


@pytest.mark.parametrize(
    ("names", "line"),
    [
        pytest.param({"cmplz_shop_": "cmplz_"}, "cmplz_shop_marketing=deny", id="own-prefix-in-a-standard-one"),
        pytest.param({"cmplz_rt_": "cmplz_"}, "cmplz_rt_marketing=deny", id="standard-prefix-given-again"),
        pytest.param({"wp_consent_x_": "cmplz_"}, "wp_consent_x_marketing=deny", id="in-another-platforms-prefix"),
        pytest.param({"c_": "cmplz_", "c_rt_": "cmplz_"}, "c_rt_marketing=deny", id="the-longer-of-two"),
        pytest.param({"c_rt_": "cmplz_", "c_": "cmplz_"}, "c_rt_marketing=deny", id="whatever-their-order"),
        pytest.param({"_iub_cs-mine": "klaro"}, '_iub_cs-mine={"m":false}', id="whole-name-in-a-standard-prefix"),
    ],
)
def test_a_name_of_the_site_goes_before_standard_prefixes(names: dict[str, str], line: str) -> None:
    """Own names first, then the longest."""
    (signal,) = read(line, names=names, categories={"klaro": BOTH})
    assert signal.says == {MARKETING: DENIED}


def test_a_category_under_an_unknown_name_is_not_called_unanswered() -> None:
    """Of cookies with `allow` and `deny` alone it is known that a choice was made."""
    (signal,) = read("cmplz_site2_statistics=allow; cmplz_site2_marketing=deny; cmplz_banner-status=dismissed")
    assert (signal.standing, signal.says) == (Standing.OPAQUE, {})


@pytest.mark.parametrize("group", ["SPD_BG", "SSPD_BG", "OSSTA_BG", "CPRA_BG", "spd_bg"])
@pytest.mark.parametrize(("flag", "expected"), [("0", True), ("1", False)])
def test_a_background_group_of_onetrust_is_an_opt_out_at_0(group: str, flag: str, expected: bool) -> None:
    """Whatever its name before `_BG`; it is no category."""
    groups = f"C0001%3A1%2CC0002%3A1%2CC0004%3A1%2C{group}%3A{flag}"
    signals = read(f"OptanonConsent=groups={groups}; OptanonAlertBoxClosed=2026-10-01T08:00:00Z")
    assert expected is opted_out(signals)
    assert (answer(signals, ANALYTICS), answer(signals, MARKETING)) == (True, True)


@pytest.mark.parametrize(
    ("method", "expected"),
    [("accept", True), ("save", True), ("reject", True), ("individual_notice", True), ("button", True)]
    + [
        (word, None)
        for word in ("script", "gpc", "dismiss", "acknowledge", "ot_migration", "external_provider", "", "x")
    ],
)
def test_fides_grants_by_the_methods_of_a_click_only(method: str, expected: bool | None) -> None:
    """The others refuse what is false, and grant nothing."""
    signals = read(fides({"analytics": True, "marketing": False}, method))
    assert (expected, False) == (answer(signals, ANALYTICS), answer(signals, MARKETING))


@pytest.mark.parametrize(
    "notice",
    [
        "data_sales_and_sharing",
        "data_sales_gpp_us_state",
        "data_sharing_gpp_us_state",
        "targeted_advertising_gpp_us_state",
        "sales_sharing_targeted_advertising_gpp_us_national",
    ],
)
@pytest.mark.parametrize(("value", "expected"), [(False, True), ("opt_out", True), (True, False), ("opt_in", False)])
def test_a_us_notice_of_fides_is_an_opt_out_when_refused(notice: str, value: object, expected: bool) -> None:
    """By its name, not by a list."""
    assert expected is opted_out(read(fides({"analytics": True, notice: value}, "save")))


def test_the_gpp_string_of_fides_is_read() -> None:
    """It is the third of the strings."""
    record = {
        "consent": {},
        "fides_meta": {"updatedAt": "2026-10-01T10:00:05Z", "consentMethod": "save"},
        "fides_string": ",,DBABLA~BVQQAAAAAA",
    }
    assert opted_out(read(encoded("fides_consent", record)))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("notice_behavior=implied,us; notice_gdpr_prefs=0,1::implied,us", {MARKETING: DENIED}),
        ("notice_behavior=implied,us; notice_gdpr_prefs=0::implied,us", {ANALYTICS: DENIED, MARKETING: DENIED}),
        ("notice_behavior=implied,us; cmapi_cookie_privacy=permit 1,2", {MARKETING: DENIED}),
        ("notice_behavior=implied,us; notice_gdpr_prefs=0,1,2::implied,us", {}),
        ("notice_behavior=expressed,eu; notice_gdpr_prefs=0,1:", {ANALYTICS: GRANTED, MARKETING: DENIED}),
    ],
)
def test_an_implied_region_of_trustarc_can_refuse_and_not_grant(line: str, says: dict[Purpose, Permission]) -> None:
    """All levels are on there until the visitor takes one away."""
    (signal,) = read(line, categories={"trustarc": {"1": ANALYTICS, "2": MARKETING}})
    assert says == signal.says


def test_gpc_that_trustarc_saw_is_an_opt_out() -> None:
    """Under its own reason code."""
    signals = read("gpcishonored=true; notice_behavior=implied,us; notice_preferences=2:")
    assert "gpc_opt_out" in {signal.denies_as for signal in signals}


@pytest.mark.parametrize(
    ("source", "expected"),
    [("legalBasisDefault", None), ("jurisdictionDefault", None), ("", None), (None, None), ("experience", True)],
)
def test_ketch_grants_where_a_source_tells_of_a_choice(source: str | None, expected: bool | None) -> None:
    """A default, an empty source and a missing one do not; a status may be a word alone."""
    public = base64.b64encode(b'{"analytics":"granted","behavioral_advertising":"denied"}').decode()
    record = base64.b64encode(json.dumps({"context": {"source": source}}).encode()).decode()
    signals = read(f"_ketch_consent_v1_={public}; _swb_consent_={record}")
    assert (expected, False) == (answer(signals, ANALYTICS), answer(signals, MARKETING))


@pytest.mark.parametrize(
    "line",
    [
        "ppms_privacy_bar_1=%7B%22status%22%3Atrue%2C%22domain%22%3A%7B%7D%7D",
        "ppms_privacy_other=%7B%22visitorId%22%3A%22x%22%7D",
        "wp_consent_consented_services=%7B%22x%22%3Atrue%7D",
        "wp_consent_type=optin",
        "_iub_cs-12345678-granular=%7B%22gac%22%3A%7B%7D%7D",
        "_iub_cs-12345678-preferences=on",
        "real_cookie_banner-v:3_blog:1_path:55aa44c-tcf=CPX",
        "real_cookie_banner-v:3_blog:1_path:55aa44c-something=1",
        "__cmpconsenttest=1",
        "__cmpcpcabc=1",
    ],
)
def test_a_sibling_cookie_is_foreign(line: str) -> None:
    """Another thing than the choice denies nothing, alone or beside a consent."""
    (signal,) = read(line)
    assert Standing.FOREIGN is signal.standing
    beside = read(f"{line}; OptanonConsent=groups=C0002:1,C0004:1; OptanonAlertBoxClosed=2026-10-01T08:00:00Z")
    assert Standing.MALFORMED not in {one.standing for one in beside}


@pytest.mark.parametrize(
    "line",
    [
        "viewed_cookie_policy=true",
        "cookie_consent=analytics=1",
        "cookie_consent=analytics=2026",
        "cookie-agreed=yes",
        "consent-policy=accepted",
        "consent-policy=%7B%22accepted%22%3Atrue%7D",
        "CookieControl=%7B%22analytics%22%3Atrue%7D",
        "tcm=%7B%22a%22%3A1%7D",
        "tarteaucitron=true",
        "CookieConsentPolicy=accepted",
        "_tracking_consent=accepted",
    ],
)
def test_a_home_made_banner_of_a_known_name_is_foreign(line: str) -> None:
    """Its value is another software's, not a broken one of the platform."""
    assert [signal.standing for signal in read(line)] == [Standing.FOREIGN]


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (rb'a="{\"x\":1\054\"y\":[]}"', '{"x":1,"y":[]}'),
        (rb'a="permit 1\0542\0543"', "permit 1,2,3"),
        (rb'a="a\\b"', "a\\b"),
        (rb'a="\303\274"', "ü"),
        (b'a="{"x":"\\""}"', '{"x":"\\""}'),
        (b'a="{}"', "{}"),
        (b"a=x\\054y", "x\\054y"),
    ],
)
def test_backslashes_inside_of_double_quotes_are_undone(raw: bytes, value: str) -> None:
    """As Python and Java write them; a bare quotation mark inside shows that it is no such string."""
    assert ("a", value) == split_pair(raw)


@pytest.mark.parametrize(
    "text",
    [
        '{"a":[1, 2]}',
        '{"a":+[1,+2]}',
        "%7B%22a%22%3A+%5B1%2C+2%5D%7D",
        quote(quote('{"a":[1,2]}')),
        quote(quote(quote('{"a":[1,2]}'))),
        'j:{"a":[1,2]}',
        "j%3A%7B%22a%22%3A%5B1%2C2%5D%7D",
        quote(json.dumps('{"a":[1,2]}')),
    ],
)
def test_json_is_read_however_a_server_wrote_it(text: str) -> None:
    """Plus signs, percent signs up to three times, Express' prefix, JSON within JSON."""
    assert json_object(text) == {"a": [1, 2]}


def test_a_date_whose_plus_became_a_blank_is_the_same_date() -> None:
    """The zone of an ISO date; a date with a blank before the time of day is another thing."""
    assert when("2026-10-01T08:00:00+02:00") == when("2026-10-01T08:00:00 02:00")
    assert when("2026-10-01T08:00:00Z") == when("2026-10-01 08:00:00")
    assert when("2026-10-01T08:00:00Z") == when("2026-10-01 08:00")


def test_a_plus_that_is_a_plus_stays_one() -> None:
    """A date's zone in raw JSON, base64 in a percent-encoded value."""
    assert json_object('{"t":"10:00+02:00"}') == {"t": "10:00+02:00"}
    assert json_object("%7B%22t%22%3A%22a%2Bb%22%7D") == {"t": "a+b"}
    assert json_array("%5B1%2C+%22a+b%22%5D") == [1, "a b"]
    assert unescape("a+b") == "a+b"


@pytest.mark.parametrize(
    "value",
    [
        "${GDPR}",
        "{{us_privacy}}",
        "{{ us_privacy }}",
        "{us_privacy}",
        "[US_PRIVACY]",
        "%%US_PRIVACY%%",
        "!!US_PRIVACY!",
        "__US_PRIVACY__",
        "<USP>",
        "#{usp}",
        "$USP",
        "undefined",
        "null",
        "None",
        "NaN",
        "%7B%7Bus_privacy%7D%7D",
    ],
)
@pytest.mark.parametrize("name", parameters.NAMES)
def test_a_placeholder_is_as_if_absent(name: str, value: str) -> None:
    """In every parameter; in a cookie the same text is malformed."""
    assert parameters.read({name: [value]}) == ()


@pytest.mark.parametrize("value", ["1YYN", "[1YYN]", '{"uspString":"1YYN"}', "1yyn", "x"])
def test_what_may_be_an_opt_out_is_no_placeholder(value: str) -> None:
    """It opts out, or it is malformed and denies."""
    (signal,) = parameters.read({"us_privacy": [value]})
    assert opted_out([signal]) or signal.standing is Standing.MALFORMED


@pytest.mark.parametrize("section", [28, 29, 40, 400])
@pytest.mark.parametrize("text", ["BVQVAAAAAA", "BAAAAAAAAA", "x"])
def test_a_section_newer_than_those_known_is_an_opt_out(section: int, text: str) -> None:
    """With a line in the trail that names no number."""
    (signal,) = gpp.read(gpp_string({section: text}))
    assert (signal.role, signal.says, signal.denies_as) == (Role.OPT_OUT, {MARKETING: DENIED}, "sale_opt_out")
    assert "newer than those known" in signal.note and str(section) not in signal.note


def test_a_section_that_is_none_of_a_state_is_only_told() -> None:
    """TCF version 1 in a GPP string: a line, no denial."""
    (signal,) = gpp.read(gpp_string({1: "BOxyz"}))
    assert (signal.says, signal.note) == ({}, "a section that is not read")


@pytest.mark.parametrize("scope", ["", "x", "s", "u"])
def test_consentmanager_is_read_in_every_scope(scope: str) -> None:
    """Without the TCF its own string beside the lists is no refusal."""
    own = f"__cmpconsent{scope}10995=B{tc_string(disclosed=None)[1:]}"
    lists = f"__cmpcpc{scope}10995=__51_52__"
    site = {"51": ANALYTICS, "52": MARKETING}
    assert read(f"{own}; {lists}", categories={"consentmanager": site})[0].says == {
        ANALYTICS: GRANTED,
        MARKETING: GRANTED,
    }
    assert len(read(f"{own}; {lists}", categories={"consentmanager": site})) == 1
    assert False is answer(read(own), MARKETING)


def test_an_old_answer_of_cookiescript_is_for_everything() -> None:
    """`accept` without categories; with an empty list it refuses."""
    assert True is answer(read(encoded("CookieScriptConsent", {"action": "accept"})), MARKETING)
    assert False is answer(read(encoded("CookieScriptConsent", {"action": "accept", "categories": []})), MARKETING)


def test_a_single_refusal_that_the_map_knows_is_no_refusal_of_everything() -> None:
    """A site that asks for analytics only: marketing was not spoken about."""
    assert read('klaro={"a":false}', categories={"klaro": BOTH})[0].says == {ANALYTICS: DENIED}
    assert read('klaro={"a":false,"x":false}', categories={"klaro": BOTH})[0].says == {
        ANALYTICS: DENIED,
        MARKETING: DENIED,
    }
    assert Standing.OPAQUE is read('klaro={"x":false,"y":true}', categories={"klaro": BOTH})[0].standing
