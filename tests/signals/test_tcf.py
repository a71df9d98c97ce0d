"""What a TC string allows: our purposes, one vendor's purposes, and what an invalid string may still say."""

from __future__ import annotations

import pytest

from gatekeeper.model import Permission, Purpose, Role, Standing
from gatekeeper.signals import tcf
from gatekeeper.signals.encoding import UnreadableError
from gatekeeper.signals.tcf import PURPOSES, TcSignal
from gatekeeper.signals.tcf.string import _CORES
from tests.signals.encoders import DAY, number, ranges, tc_string, text_of, vendor_field, vendor_ranges

GRANTED, DENIED, UNKNOWN = Permission.GRANTED, Permission.DENIED, Permission.UNKNOWN
ALL = range(1, 12)
GOOGLE = 755
AFTER_THE_DEADLINE = 20514 * DAY  # 2026-03-02


def test_the_default_table_is_the_documented_one() -> None:
    """Analytics needs 1, 8, 9, 10; marketing 1, 2, 3, 4, 7."""
    expected = {Purpose.ANALYTICS: (1, 8, 9, 10), Purpose.MARKETING: (1, 2, 3, 4, 7)}
    assert expected == PURPOSES


@pytest.mark.parametrize(
    ("purposes", "analytics", "marketing"),
    [
        pytest.param(ALL, GRANTED, GRANTED, id="everything"),
        pytest.param((), DENIED, DENIED, id="nothing"),
        pytest.param((1, 8, 9, 10), GRANTED, DENIED, id="measurement-only"),
        pytest.param((1, 2, 3, 4, 7), DENIED, GRANTED, id="ads-only"),
        pytest.param((8, 9, 10), DENIED, DENIED, id="no-storage"),
        pytest.param((1, 8, 9), DENIED, DENIED, id="one-purpose-short"),
    ],
)
def test_all_tcf_purposes_of_a_purpose_must_be_consented_to(
    purposes: tuple[int, ...], analytics: Permission, marketing: Permission
) -> None:
    """One refused TCF purpose refuses ours."""
    says = tcf.spoken(tcf.parse(tc_string(purposes=purposes)))
    assert {Purpose.ANALYTICS: analytics, Purpose.MARKETING: marketing} == says


def test_the_table_of_purposes_can_be_replaced() -> None:
    """A site that lets purpose 7 alone stand for marketing says so; the rest is not spoken about."""
    says = tcf.spoken(tcf.parse(tc_string(purposes=[7])), {Purpose.MARKETING: (7,)})
    assert says == {Purpose.MARKETING: GRANTED}


def test_a_purpose_that_asks_for_nothing_is_not_spoken_about() -> None:
    """An empty row is no consent."""
    assert tcf.spoken(tcf.parse(tc_string(purposes=ALL)), {Purpose.ANALYTICS: ()}) == {}


def test_legitimate_interest_is_not_consent() -> None:
    """All purposes under legitimate interest and none under consent is a refusal."""
    string = tc_string(interests=ALL, vendor_interests=vendor_field([GOOGLE]))
    tc = tcf.parse(string)
    assert tcf.spoken(tc) == {Purpose.ANALYTICS: DENIED, Purpose.MARKETING: DENIED}
    assert DENIED is tcf.vendor_permission(tc, GOOGLE, (1,))


def test_a_purpose_that_was_not_shown_is_neither_granted_nor_refused() -> None:
    """PurposeOneTreatment: everything but purpose 1 was consented to."""
    tc = tcf.parse(tc_string(purposes=range(2, 12), purpose_one_treatment=True, vendors=vendor_field([GOOGLE])))
    assert tcf.spoken(tc) == {}
    assert UNKNOWN is tcf.vendor_permission(tc, GOOGLE, (1, 3))
    assert GRANTED is tcf.vendor_permission(tc, GOOGLE, (3, 4))


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        pytest.param({"service_specific": False}, "global_scope", id="global-scope"),
        pytest.param({"policy": 3}, "policy_lt_4", id="policy-before-2.2"),
        pytest.param({"cmp_id": 1}, "cmp_id_lt_2", id="no-such-cmp"),
        pytest.param({"created": AFTER_THE_DEADLINE, "disclosed": None}, "no_disclosed_vendors", id="no-disclosure"),
    ],
)
def test_an_invalid_string_refuses_and_does_not_grant(change: dict[str, object], fault: str) -> None:
    """What the framework calls invalid is as if absent where it accepts, and counts where it refuses."""
    accepts = tcf.read(tc_string(purposes=ALL, **change))  # type: ignore[arg-type]
    refuses = tcf.read(tc_string(purposes=(), **change))  # type: ignore[arg-type]
    assert (accepts.standing, accepts.says) == (Standing.UNDECIDED, {})
    assert fault in accepts.note
    assert (refuses.standing, refuses.says[Purpose.MARKETING]) == (Standing.DECIDED, DENIED)


def test_a_string_made_before_the_deadline_needs_no_disclosures() -> None:
    """TCF 2.3 leaves older strings valid."""
    assert tcf.parse(tc_string(purposes=ALL, disclosed=None)).faults == ()


def test_a_version_1_string_never_grants() -> None:
    """Invalid since 2020; what it refused still counts."""
    signal = tcf.read("BOOzQoAOOzQoAAPAFSENCW-AIBACBAAABCA=")
    assert signal.says == {Purpose.ANALYTICS: DENIED, Purpose.MARKETING: DENIED}


@pytest.mark.parametrize(
    ("string", "needs_all", "expected"),
    [
        pytest.param(tc_string(purposes=ALL, vendors=vendor_field([GOOGLE])), (1, 3, 4), GRANTED, id="field"),
        pytest.param(tc_string(purposes=ALL, vendors=vendor_ranges([(700, 800)])), (1, 3, 4), GRANTED, id="range"),
        pytest.param(tc_string(purposes=ALL, vendors=vendor_field([754])), (1,), DENIED, id="another-vendor"),
        pytest.param(tc_string(purposes=[1, 3], vendors=vendor_field([GOOGLE])), (1, 3, 4), DENIED, id="no-p4"),
        pytest.param(
            tc_string(purposes=ALL, vendors=vendor_field([GOOGLE]), restrictions=[(3, 0, [(700, 800)])]),
            (1, 3),
            DENIED,
            id="publisher-forbids",
        ),
        pytest.param(
            tc_string(purposes=ALL, vendors=vendor_field([GOOGLE]), restrictions=[(2, 2, [(755, 755)])]),
            (1, 2),
            DENIED,
            id="publisher-wants-legitimate-interest",
        ),
        pytest.param(
            tc_string(purposes=ALL, vendors=vendor_field([GOOGLE]), restrictions=[(2, 1, [(755, 755)])]),
            (1, 2),
            GRANTED,
            id="publisher-wants-consent",
        ),
        pytest.param(
            tc_string(purposes=ALL, vendors=vendor_field([GOOGLE]), restrictions=[(3, 0, [(1, 700)])]),
            (1, 3),
            GRANTED,
            id="restriction-of-others",
        ),
        pytest.param(
            tc_string(purposes=ALL, vendors=vendor_field([GOOGLE]), disclosed=vendor_field([11])),
            (1,),
            DENIED,
            id="not-disclosed",
        ),
        pytest.param(
            tc_string(purposes=ALL, vendors=vendor_field([GOOGLE]), created=AFTER_THE_DEADLINE, policy=5),
            (1,),
            DENIED,
            id="nobody-disclosed-under-2.3",
        ),
        pytest.param(
            tc_string(purposes=ALL, vendors=vendor_field([GOOGLE]), service_specific=False),
            (1,),
            DENIED,
            id="invalid-string",
        ),
    ],
)
def test_a_vendor_needs_its_own_consent_as_well(string: str, needs_all: tuple[int, ...], expected: Permission) -> None:
    """Purpose bits, vendor bit, disclosure and publisher restrictions, all of them."""
    assert expected is tcf.vendor_permission(tcf.parse(string), GOOGLE, needs_all)


def test_of_two_strings_the_refusing_one_counts_for_a_vendor() -> None:
    """Two cookies of one name: a refusal in either refuses."""
    yes = tcf.read(tc_string(purposes=ALL, vendors=vendor_field([GOOGLE])))
    no = tcf.read(tc_string(purposes=ALL))
    assert GRANTED is tcf.vendor_permissions([yes], GOOGLE, (1,))
    assert DENIED is tcf.vendor_permissions([yes, no], GOOGLE, (1,))
    assert UNKNOWN is tcf.vendor_permissions([], GOOGLE, (1,))


def test_a_signal_carries_the_string_its_date_and_its_platform() -> None:
    """The CMP's id is the evidence, LastUpdated the time."""
    signal = tcf.read(tc_string(purposes=ALL))
    assert isinstance(signal, TcSignal)
    assert signal.tc is not None
    assert (signal.at, signal.evidence, signal.role) == (20400 * DAY, "cmp-300", Role.CHOICE)


def test_a_percent_encoded_string_is_read() -> None:
    """Dots arrive as %2E from some encoders."""
    assert Standing.DECIDED is tcf.read(tc_string(purposes=ALL).replace(".", "%2E")).standing


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(tc_string(purposes=ALL)[:-8], id="truncated"),
        pytest.param("C" * 8193, id="over-long"),
        pytest.param(tc_string(purposes=ALL, version=3), id="version-3"),
        pytest.param(tc_string(purposes=ALL) + "." + tc_string(purposes=ALL), id="second-core"),
        pytest.param(tc_string(purposes=ALL) + ".IAAA", id="segment-twice"),
        pytest.param(tc_string(purposes=ALL) + ".gAAA", id="segment-of-unknown-type"),
        pytest.param(tc_string(purposes=ALL, vendors=vendor_ranges([(9, 3)], 20)), id="range-backwards"),
        pytest.param(tc_string(purposes=ALL, vendors=vendor_ranges([(0, 3)])), id="vendor-0"),
        pytest.param(tc_string(purposes=ALL, vendors=vendor_ranges([(1, 30)], 20)), id="above-the-highest"),
        pytest.param(tc_string(purposes=ALL).lower(), id="lower-cased"),
        pytest.param("\udcff" + tc_string(purposes=ALL), id="invalid-utf-8"),
        pytest.param("%2525" + tc_string(purposes=ALL), id="encoded-thrice"),
    ],
)
def test_a_broken_string_is_malformed(value: str) -> None:
    """Never half a string, never an exception."""
    assert Standing.MALFORMED is tcf.read(value).standing


def test_ranges_are_never_expanded() -> None:
    """4,095 spans of 65,535 vendors each fit into 22 kB, 268 million ids in all; length is capped."""
    bomb = text_of(number(2, 6) + "0" * 207 + number(0xFFFF, 16) + "1" + ranges([(1, 0xFFFF)] * 1400))
    assert len(bomb) < 8192
    with pytest.raises(UnreadableError):
        tcf.parse(bomb)  # cut off behind the vendor section, which has been read in full by then


def test_every_field_of_the_layout_has_a_link() -> None:
    """The bit positions are data, and each says where it stands in the specification."""
    fields = [field for core in _CORES.values() for field in core.fields]
    assert all(field.link.startswith("https://github.com/") and "#L" in field.link for field in fields)


def test_the_consent_bits_start_where_the_specification_says() -> None:
    """PurposesConsent at bit 152, LITransparency at 176, the vendor section at 213."""
    at, places = 0, {}
    for field in _CORES[2].fields:
        places[field.name] = at
        at += field.bits
    assert (
        places["PurposesConsent"],
        places["PurposesLITransparency"],
        places["PublisherCC"] + 12,
    ) == (152, 176, 213)
