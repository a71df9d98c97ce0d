"""All readers behind one call: what is recognised, restricted, mapped, cached and refused."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest

from gatekeeper.errors import ConfigError
from gatekeeper.model import Permission, Purpose, Role, Signal, Standing
from gatekeeper.signals.cookies import READERS, CookieReaders
from gatekeeper.signals.encoding import LONGEST
from tests.signals.encoders import tc_string
from tests.signals.reading import answer, opted_out, vectors

ANALYTICS, MARKETING = Purpose.ANALYTICS, Purpose.MARKETING
GRANTED, DENIED = Permission.GRANTED, Permission.DENIED
OTHERS = b"_ga=GA1.1.123.456; _fbp=fb.1.2.3; sessionid=abc; csrftoken=def; lang=de"


def onetrust(analytics: int, marketing: int) -> bytes:
    """A OneTrust answer."""
    groups = quote(f"C0001:1,C0002:{analytics},C0004:{marketing}")
    return f"OptanonConsent=groups={groups}; OptanonAlertBoxClosed=2026-03-01T10:00:00Z".encode()


def read(*lines: bytes, **policy: object) -> tuple[Signal, ...]:
    """The signals of some header lines under a policy."""
    return CookieReaders(**policy).read(lines)  # type: ignore[arg-type]


def test_a_header_without_consent_cookies_says_nothing() -> None:
    """Analytics, session and language cookies are nobody's consent."""
    assert read(OTHERS) == ()


def test_auto_recognises_every_platform_of_the_vectors() -> None:
    """No vector's cookie goes unnoticed, except those that hold none of the platform."""
    silent = {"foo=bar", "other=1", "cc=1", "sessionid=abc"}
    for vector in vectors("cmp_cookies"):
        header = vector["input"]["cookie"]
        assert bool(read(header.encode())) is (header not in silent), vector["name"]


def test_consent_cookies_are_found_anywhere_in_the_header() -> None:
    """First, last, in a second line, without the blank after the semicolon."""
    expected = read(onetrust(1, 0))
    for lines in (
        [onetrust(1, 0) + b"; " + OTHERS],
        [OTHERS + b";" + onetrust(1, 0)],
        [OTHERS, onetrust(1, 0)],
        [OTHERS + b";\t " + onetrust(1, 0).replace(b"; ", b";")],
    ):
        assert expected == read(*lines)


def test_a_list_of_platforms_restricts() -> None:
    """A cookie of a platform that the site does not use is not read."""
    assert read(onetrust(1, 1), platforms=["cookiebot"]) == ()
    assert [signal.source for signal in read(onetrust(1, 1), platforms=["onetrust"])] == ["onetrust"]


def test_opt_out_strings_are_read_whatever_the_list_says() -> None:
    """Nothing overrides an opt-out; the choices in the same strings are not taken along."""
    header = f"usprivacy=1YYN; OTGPPConsent=DBABM~{tc_string(purposes=range(1, 12))}".encode()
    signals = read(header, platforms=["cookiebot"])
    assert opted_out(signals)
    assert {Role.OPT_OUT} == {signal.role for signal in signals}


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        pytest.param({"platforms": ["one trust"]}, 'consent.cookies: "one trust" is not a platform', id="list"),
        pytest.param({"platforms": "onetrust"}, '"onetrust" is neither "auto" nor a list', id="no-list"),
        pytest.param({"categories": {"optanon": {}}}, 'consent.optanon: "optanon" is not a platform', id="map"),
        pytest.param({"versions": {"optanon": {}}}, 'consent.optanon: "optanon" is not a platform', id="versions"),
        pytest.param({"names": {"my-cookie": "claro"}}, '"my-cookie" cannot stand for "claro"', id="name"),
    ],
)
def test_a_policy_that_names_no_platform_does_not_load(policy: dict[str, object], words: str) -> None:
    """The error names the key and the value."""
    with pytest.raises(ConfigError) as error:
        CookieReaders(**policy)  # type: ignore[arg-type]
    assert words in str(error.value)


def test_an_unmapped_category_grants_nothing() -> None:
    """C0005 accepted, C0004 missing: marketing was not spoken about."""
    header = b"OptanonConsent=groups=C0002:1,C0005:1; OptanonAlertBoxClosed=2026-03-01T10:00:00Z"
    assert read(header)[0].says == {ANALYTICS: GRANTED}


def test_a_site_maps_its_own_categories_on_top_of_the_default_ones() -> None:
    """C0005 for marketing as well: then both must be allowed."""
    header = b"OptanonConsent=groups=C0004:1,C0005:0; OptanonAlertBoxClosed=2026-03-01T10:00:00Z"
    assert read(header)[0].says == {MARKETING: GRANTED}
    assert read(header, categories={"onetrust": {"C0005": MARKETING}})[0].says == {MARKETING: DENIED}


@pytest.mark.parametrize(
    "header",
    [
        "CookieConsent=allow",
        "CookieConsent=true",
        'CookieConsent={"necessary":true,"statistics":true,"marketing":true}',
        "CookieConsent={necessary:true,statistics:true,marketing:true}",
        "cookie_consent=accepted",
        'cookie_consent={"analytics":true}',
        "cookie_consent=analytics=true&marketing=true",
        "cc_cookie=accepted",
        'cc_cookie={"accepted":true}',
        "cookieconsent_status=accepted",
        "klaro=yes",
        "notice_preferences=all",
    ],
)
def test_another_software_s_cookie_of_the_same_name_is_as_if_absent(header: str) -> None:
    """Neither accept-all nor broken: a site with its own `cookie_consent` must not be blocked for it."""
    assert [signal.standing for signal in read(header.encode())] == [Standing.FOREIGN]


def test_a_category_can_be_mapped_away() -> None:
    """Mapped to necessary it says nothing of the optional purposes."""
    says = read(onetrust(1, 1), categories={"onetrust": {"C0004": Purpose.NECESSARY}})[0].says
    assert says == {ANALYTICS: GRANTED}


def test_categories_are_matched_whatever_their_case() -> None:
    """Platforms write names as the site typed them."""
    header = b'CookieControl={"optionalCookies":{"Statistik":"accepted"},"interactedWith":true}'
    assert read(header, categories={"civic": {"STATISTIK": ANALYTICS}})[0].says == {ANALYTICS: GRANTED}


@pytest.mark.parametrize(
    ("accepted", "own", "expected"),
    [
        pytest.param(["ads"], {}, GRANTED, id="a-usual-spelling"),
        pytest.param([], {}, DENIED, id="nothing-accepted"),
        pytest.param(["werbung"], {"werbung": MARKETING}, GRANTED, id="the-site's-own-name"),
        pytest.param(["ads"], {"werbung": MARKETING}, DENIED, id="its-own-name-replaces-the-usual-ones"),
        pytest.param(["social"], {"werbung": MARKETING, "social": MARKETING}, DENIED, id="one-of-two-own-names"),
        pytest.param(["social"], {"ads": MARKETING, "social": MARKETING}, DENIED, id="own-and-usual"),
        pytest.param(["ads", "social"], {"ads": MARKETING, "social": MARKETING}, GRANTED, id="both"),
    ],
)
def test_a_format_that_lists_accepted_categories_only(
    accepted: list[str], own: dict[str, Purpose], expected: Permission
) -> None:
    """A mapped category that is missing was refused; the default names are spellings of one category."""
    value = quote(json.dumps({"categories": accepted, "revision": 0}))
    signals = read(f"cc_cookie={value}".encode(), categories={"vanilla-cookieconsent": own})
    assert expected is signals[0].says[MARKETING]


def test_refused_categories_that_version_3_lists_as_existing_refuse() -> None:
    """`services` names all categories of the site: of two for marketing one was not accepted."""
    value = quote('{"categories":["ads"],"services":{"ads":[],"targeting":[]},"revision":0}')
    assert DENIED is read(f"cc_cookie={value}".encode())[0].says[MARKETING]


def test_a_cookie_can_have_a_name_of_its_own() -> None:
    """Klaro's and Complianz' names are the site's to choose."""
    names = {"my-consent": "klaro", "shop_": "cmplz_"}
    policy = {"names": names, "categories": {"klaro": {"matomo": ANALYTICS}}}
    assert read(b'my-consent={"matomo":true}', **policy)[0].says == {ANALYTICS: GRANTED}
    assert read(b"shop_marketing=deny", **policy)[0].says == {MARKETING: DENIED}


@pytest.mark.parametrize("own", ["c", "cc", "c-o-n-s-e-n-t", "^]", "zustimmung"])
def test_a_name_of_its_own_can_be_short_or_odd(own: str) -> None:
    """Recognition goes by the first bytes of a name, whatever their number."""
    header = f'a=1; {own}={{"categories":["ads"]}}; b=2'.encode()
    (signal,) = read(header, names={own: "cc_cookie"})
    assert signal.says[MARKETING] is GRANTED


def test_a_standard_name_can_be_given_to_another_platform() -> None:
    """A site that calls its `cc_cookie` by the name of another platform's cookie."""
    (signal,) = read(b'klaro={"categories":["ads"]}', names={"klaro": "cc_cookie"})
    assert signal.source == "vanilla-cookieconsent"


def test_a_platform_that_needs_a_map_and_has_none_is_opaque_and_says_so() -> None:
    """The note names the policy table to write."""
    (signal,) = read(b'klaro={"matomo":true}')
    assert (signal.standing, signal.says) == (Standing.OPAQUE, {})
    assert "[consent.klaro]" in signal.note


@pytest.mark.parametrize(
    ("header", "source", "version"),
    [
        pytest.param('cc_cookie={"categories":["analytics"],"revision":1}', "vanilla-cookieconsent", "2", id="cc"),
        pytest.param("cmplz_policy_id=37; cmplz_statistics=allow; cmplz_marketing=deny", "complianz", "38", id="cz"),
        pytest.param('borlabs-cookie={"consents":{"statistics":["x"]},"version":"2"}', "borlabs", "3", id="borlabs"),
    ],
)
def test_a_choice_under_an_older_notice_can_refuse_and_not_grant(header: str, source: str, version: str) -> None:
    """The platform will ask again; until then the refusal stands and the grant does not."""
    before = read(header.encode())[0].says
    after = read(header.encode(), versions={source: {"*": version}})[0].says
    assert before == {ANALYTICS: GRANTED, MARKETING: DENIED}
    assert after == {MARKETING: DENIED}


def test_two_cookies_of_one_name_are_two_voices() -> None:
    """Host and parent domain: both are reported, under voices that no newest-wins rule can collapse."""
    line = f"euconsent-v2={tc_string(purposes=range(1, 12))}; euconsent-v2={tc_string()}".encode()
    signals = read(line)
    assert answer(signals, MARKETING) is False
    assert len({signal.voice or signal.source for signal in signals}) == 2


def test_the_same_cookie_twice_is_one_voice() -> None:
    """Equal values say nothing new."""
    assert len(read(onetrust(1, 1) + b"; " + onetrust(1, 1))) == 1


def test_two_hundred_cookies_of_one_name_are_malformed() -> None:
    """A few different ones are read, and the rest is a fault that denies."""
    line = b"; ".join(b"cc_cookie=" + quote(f'{{"categories":["c{at}"]}}').encode() for at in range(200))
    expected = [Standing.DECIDED, Standing.MALFORMED]
    assert expected == [signal.standing for signal in read(line)]


def test_a_hundred_kilobytes_are_malformed_and_not_parsed() -> None:
    """Longer than any consent cookie may be."""
    for name in ("OptanonConsent", "CookieConsent", "klaro", "euconsent-v2", "didomi_token"):
        (signal,) = read(f"{name}={'A' * 100_000}".encode())
        assert Standing.MALFORMED is signal.standing


def test_the_longest_cookie_that_is_read() -> None:
    """At the cap a cookie is read, one character later it is not."""
    filler = "x" * (LONGEST - len("a=") - len("&groups=C0002:1"))
    header = f"OptanonConsent=a={filler}&groups=C0002:1; OptanonAlertBoxClosed=2026-03-01T10:00:00Z"
    assert GRANTED is read(header.encode())[0].says[ANALYTICS]
    longer = header.replace("a=x", "a=xx")
    assert Standing.MALFORMED in [signal.standing for signal in read(longer.encode())]


def test_an_emptied_cookie_is_as_if_absent() -> None:
    """Platforms clear a cookie by emptying it."""
    assert read(b"OptanonConsent=; usprivacy=; cc_cookie=") == ()


def test_a_broken_cookie_does_not_hide_the_others() -> None:
    """The platform beside it is still read."""
    signals = read(b"cc_cookie=%7B%22; \xff\xfe=1; " + onetrust(0, 1))
    assert {Standing.MALFORMED, Standing.DECIDED} == {signal.standing for signal in signals}


def test_the_parse_is_cached_by_the_consent_cookies_alone() -> None:
    """Analytics cookies change with every hit; the same consent cookies are parsed once."""
    readers = CookieReaders()
    first = readers.read([OTHERS + b"; " + onetrust(1, 0)])
    again = readers.read([b"_ga=GA1.1.999.999; " + onetrust(1, 0) + b"; _fbp=other"])
    assert first is again


def test_two_policies_do_not_share_a_cache() -> None:
    """The same header under another map is another answer."""
    header = onetrust(1, 1)
    assert read(header)[0].says == {ANALYTICS: GRANTED, MARKETING: GRANTED}
    assert read(header, categories={"onetrust": {"C0004": Purpose.NECESSARY}})[0].says == {ANALYTICS: GRANTED}


def test_names_of_cookies_belong_to_one_reader_each() -> None:
    """No name or prefix is claimed twice, and no prefix swallows a name of another platform."""
    names = [(name, reader.SOURCE) for reader in READERS for name in (*reader.NAMES, *reader.PREFIXES)]
    assert len(names) == len({name for name, _source in names})
    for reader in READERS:
        for prefix in reader.PREFIXES:
            assert all(not name.startswith(prefix) or source == reader.SOURCE for name, source in names)


def test_evidence_is_never_an_address() -> None:
    """A platform's id that looks like an e-mail or IP is left out."""
    for value in ("jane@example.com", "203.0.113.7", "2001:db8::1", "x" * 200):
        header = f"cookieyes-consent=consentid:{value},action:yes,analytics:yes"
        assert all(signal.evidence is None for signal in read(header.encode()))
