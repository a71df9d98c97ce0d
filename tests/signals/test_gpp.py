"""What a GPP string denies, what it leaves alone, and what it puts into the trail."""

from __future__ import annotations

import tomllib
from importlib.resources import files

import pytest

from gatekeeper.model import Permission, Purpose, Role, Standing
from gatekeeper.signals import gpp
from gatekeeper.signals.gpp import UsSection
from tests.signals.encoders import fibonacci, gpp_string, number, tc_string, text_of, vendor_field
from tests.signals.reading import opted_out

DENIED = Permission.DENIED
ALL_OUT, NOT_OUT, OUT_WITH_GPC = "DBABLA~BVQVAAAAAgA.QA", "DBABLA~BVQqAAAACgA.QA", "DBABLA~BVQVAAAAAAGA.YA"


def test_an_opt_out_of_sale_denies_marketing_and_nothing_else() -> None:
    """The opt-out role, the reason code, no word on analytics."""
    (signal,) = gpp.read(ALL_OUT)
    assert (
        signal.role,
        signal.denies_as,
        signal.says,
    ) == (Role.OPT_OUT, "sale_opt_out", {Purpose.MARKETING: DENIED})


def test_not_opted_out_says_nothing() -> None:
    """Not having opted out is no consent."""
    (signal,) = gpp.read(NOT_OUT)
    assert (signal.standing, signal.says) == (Standing.DECIDED, {})


def test_gpc_in_the_string_denies_as_gpc() -> None:
    """The CMP recorded the browser's signal: a second signal with the more exact reason."""
    assert [signal.denies_as for signal in gpp.read(OUT_WITH_GPC)] == ["sale_opt_out", "gpc_opt_out"]


def test_gpc_alone_denies() -> None:
    """No opt-out field set, but the GPC part says yes."""
    assert [signal.denies_as for signal in gpp.read("DBABLA~BVQqAAAACgA.YA") if signal.says] == ["gpc_opt_out"]


@pytest.mark.parametrize("value", [1, 3], ids=["opted-out", "invalid-value"])
@pytest.mark.parametrize("offset", [12, 14], ids=["sale", "targeted"])
def test_the_undefined_value_3_counts_as_opted_out(value: int, offset: int) -> None:
    """No specification gives 3 a meaning; it is read as the stricter one."""
    bits = number(1, 6) + "0" * (offset - 6) + number(value, 2)
    assert opted_out(gpp.read(gpp_string({9: text_of(bits.ljust(40, "0"))})))


def test_one_broken_section_counts_as_an_opt_out_and_leaves_the_others_readable() -> None:
    """A US section that cannot be read could hold an opt-out."""
    string = gpp_string({2: tc_string(purposes=range(1, 12)), 8: "BUU"})
    opt_out, choice = gpp.read(string)
    assert ("sale_opt_out", Purpose.MARKETING in opt_out.says) == (opt_out.denies_as, True)
    assert "usca" in opt_out.note
    assert Permission.GRANTED is choice.says[Purpose.ANALYTICS]


def test_a_broken_tcf_section_is_malformed() -> None:
    """Ours to read, but broken: it denies everything optional."""
    signals = gpp.read(gpp_string({2: "CPX", 9: "BEUAABA"}))
    assert Standing.MALFORMED in [signal.standing for signal in signals if signal.role is Role.CHOICE]


def test_a_string_of_which_nothing_can_be_read_is_malformed() -> None:
    """The whole string, not an opt-out."""
    assert [signal.standing for signal in gpp.read("DBABLA~BVQ*AAAAAgA.QA")] == [Standing.MALFORMED]


def test_sections_in_force_select_the_tcf_sections() -> None:
    """gpp_sid=7 says that the EU section is not in force; the opt-out beside it still is."""
    string = gpp_string({2: tc_string(), 7: "BVQVAAAAAgA.QA"})
    assert [signal.role for signal in gpp.read(string, in_force=[7])] == [Role.OPT_OUT]
    assert [signal.role for signal in gpp.read(string, in_force=[2])] == [Role.OPT_OUT, Role.CHOICE]
    assert [signal.role for signal in gpp.read(string)] == [Role.OPT_OUT, Role.CHOICE]


def test_an_opt_out_counts_in_whatever_section_is_in_force() -> None:
    """Who opted out has opted out."""
    assert opted_out(gpp.read(ALL_OUT, in_force=[-1]))


def test_a_bare_tc_string_under_a_gpp_name_is_read() -> None:
    """It starts with C, a GPP string with DB."""
    (signal,) = gpp.read(tc_string(purposes=range(1, 12)))
    assert Permission.GRANTED is signal.says[Purpose.MARKETING]


def canada(express: list[int], implied: list[int]) -> str:
    """A Canadian TC string."""
    bits = number(1, 6) + number(17_000_000_000, 36) * 2 + number(50, 12) + number(1, 12) + number(0, 6)
    bits += number(4, 6) + number(13, 6) + number(54, 12) + number(2, 6) + "0" + "0" * 12
    for chosen in (express, implied):
        bits += "".join("1" if at in chosen else "0" for at in range(1, 25))
    return text_of(bits + vendor_field([1]) + vendor_field([]))


@pytest.mark.parametrize(
    ("express", "implied", "expected"),
    [
        pytest.param(
            [1, 8, 9, 10],
            [],
            {Purpose.ANALYTICS: Permission.GRANTED, Purpose.MARKETING: DENIED},
            id="express",
        ),
        pytest.param([], [1, 2, 3, 4, 7, 8, 9, 10], {}, id="implied-is-no-choice"),
        pytest.param([1], [8, 9, 10], {Purpose.MARKETING: DENIED}, id="mixed"),
    ],
)
def test_the_canadian_section_grants_on_express_consent_only(
    express: list[int], implied: list[int], expected: dict[Purpose, Permission]
) -> None:
    """Implied consent neither grants nor refuses; neither kind of consent refuses."""
    (signal,) = gpp.read(gpp_string({5: canada(express, implied)}))
    assert expected == signal.says


def test_known_children_and_sensitive_data_are_in_the_trail() -> None:
    """They are told, and do not deny by themselves."""
    bits = number(1, 6) + "0" * 10 + "01" + "00" * 8 + "01" + "00" + "00" * 4
    string = gpp.parse(gpp_string({8: text_of(bits)}))
    section = string.sections[0][1]
    assert isinstance(section, UsSection)
    assert (section.sensitive, section.known_child) == ((1, 0, 0, 0, 0, 0, 0, 0, 0), (1, 0))
    (signal,) = gpp.read(gpp_string({8: text_of(bits)}))
    assert signal.says == {}
    assert "usca: known child, no consent" in signal.note
    assert "usca: no consent to some sensitive data" in signal.note


def test_lists_of_an_unknown_version_are_not_guessed() -> None:
    """The opt-outs stand at fixed places in every version; the lists behind them do not."""
    section = gpp.parse("DBABJg~bSFgmJQ.YA").sections[0][1]
    assert isinstance(section, UsSection)
    assert (section.version, section.targeted, section.sensitive, section.known_child) == (27, 1, None, None)


def test_a_header_that_lists_thousands_of_sections_is_refused_at_once() -> None:
    """A range of 60,000 ids in a few bits."""
    bits = number(3, 6) + number(1, 6) + number(1, 12) + "1" + fibonacci(1) + fibonacci(60_000)
    assert [signal.standing for signal in gpp.read(text_of(bits) + "~BVQVAAAAAgA")] == [Standing.MALFORMED]


OFFSETS = {
    "usnat": (18, 20, 22),
    "usca": (12, 14, None),
    **dict.fromkeys(
        (
            "usva",
            "usco",
            "usct",
            "usfl",
            "usmt",
            "usor",
            "ustx",
            "usde",
            "usne",
            "usnh",
            "usnj",
            "ustn",
            "usmn",
        ),
        (12, None, 14),
    ),
    **dict.fromkeys(("usut", "usia"), (14, None, 16)),
    **dict.fromkeys(("usmd", "usin", "usky", "usri"), (16, None, 18)),
}


def test_the_layouts_put_the_opt_outs_where_the_official_decoder_reads_them() -> None:
    """Offsets that were checked against @iabgpp/cmpapi 3.2.0, against those of the data file."""
    table = tomllib.loads((files("gatekeeper.signals.gpp") / "sections.toml").read_text("utf-8"))
    for section in table["section"]:
        at, places = 0, {}
        for field in section["core"]:
            places[field["name"]] = at
            at += field["bits"] * field.get("count", 1)
        names = ("SaleOptOut", "SharingOptOut", "TargetedAdvertisingOptOut")
        assert OFFSETS[section["name"]] == tuple(places.get(name) for name in names)
        assert section["source"].startswith("https://github.com/")
        assert all(field["line"] > 0 for field in section["core"])
    assert set(OFFSETS) == {section["name"] for section in table["section"]}
