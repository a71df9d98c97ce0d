"""Consent strings in a request's query: they narrow, macros are as if absent, `gdpr=0` loosens nothing."""

from __future__ import annotations

import pytest

from gatekeeper.model import Permission, Purpose, Role, Standing
from gatekeeper.signals import dnt, parameters
from tests.signals.encoders import gpp_string, tc_string
from tests.signals.reading import opted_out

YES, NO = tc_string(purposes=range(1, 12)), tc_string()


def test_a_tc_string_in_the_query_is_a_flag() -> None:
    """Whoever sends the request writes it, so it cannot grant."""
    (signal,) = parameters.read({"gdpr": ["1"], "gdpr_consent": [YES]})
    assert (signal.role, signal.says[Purpose.MARKETING]) == (Role.FLAG, Permission.GRANTED)


def test_a_caller_that_is_believed_can_ask_for_another_role() -> None:
    """An authenticated server may speak for its visitors."""
    (signal,) = parameters.read({"gdpr_consent": [YES]}, role=Role.CHOICE)
    assert Role.CHOICE is signal.role


@pytest.mark.parametrize("gdpr", [["0"], ["1"], ["0", "1"], ["x"], []])
def test_gdpr_does_not_change_what_a_string_says(gdpr: list[str]) -> None:
    """Which law applies is not for the sender to say."""
    expected = parameters.read({"gdpr_consent": [NO]})
    assert expected == parameters.read({"gdpr": gdpr, "gdpr_consent": [NO]})


def test_gdpr_without_a_string_is_no_choice() -> None:
    """In the trail, and as if absent."""
    assert [signal.standing for signal in parameters.read({"gdpr": ["1"]})] == [Standing.UNDECIDED]


@pytest.mark.parametrize(
    "query",
    [
        pytest.param({"gdpr": ["${GDPR}"], "gdpr_consent": ["${GDPR_CONSENT_755}"]}, id="tcf"),
        pytest.param({"gpp": ["${GPP_STRING_755}"], "gpp_sid": ["${GPP_SID}"]}, id="gpp"),
        pytest.param({"us_privacy": ["${US_PRIVACY}"]}, id="us-privacy"),
        pytest.param({"gdpr_consent": [""]}, id="empty"),
        pytest.param({}, id="none"),
    ],
)
def test_a_macro_that_nobody_filled_in_is_as_if_absent(query: dict[str, list[str]]) -> None:
    """Templates arrive unfilled."""
    assert parameters.read(query) == ()


@pytest.mark.parametrize(
    ("sid", "roles"),
    [
        pytest.param(["2"], {Role.OPT_OUT, Role.FLAG}, id="eu"),
        pytest.param(["7,8"], {Role.OPT_OUT}, id="us"),
        pytest.param(["-1"], {Role.OPT_OUT}, id="none"),
        pytest.param(["x"], {Role.OPT_OUT, Role.FLAG}, id="unreadable"),
        pytest.param(["²"], {Role.OPT_OUT, Role.FLAG}, id="digit-that-is-no-number"),
        pytest.param([], {Role.OPT_OUT, Role.FLAG}, id="absent"),
    ],
)
def test_gpp_sid_selects_the_tcf_sections_only(sid: list[str], roles: set[Role]) -> None:
    """The opt-out beside them counts in any case, and a list that cannot be read selects nothing away."""
    string = gpp_string({2: NO, 7: "BVQVAAAAAgA.QA"})
    signals = parameters.read({"gpp": [string], "gpp_sid": sid})
    assert roles == {signal.role for signal in signals}
    assert opted_out(signals)


def test_broken_strings_are_malformed() -> None:
    """Each by itself."""
    signals = parameters.read({"gdpr_consent": ["CPX"], "gpp": ["DBAB"], "us_privacy": ["1YY"]})
    assert [signal.standing for signal in signals] == [Standing.MALFORMED] * 3


def test_a_parameter_a_hundred_times_is_malformed() -> None:
    """Eight different ones are read, and the rest is a fault."""
    signals = parameters.read({"us_privacy": [f"1YN{at}" for at in range(100)]})
    assert len(signals) == 8 + 1


@pytest.mark.parametrize(
    ("lines", "count"),
    [([b"1"], 1), ([b"0"], 0), ([b"1", b"0"], 1), ([b"11"], 0), ([], 0), (["1"], 1)],
)
def test_dnt_is_reported_and_not_acted_on(lines: list[bytes], count: int) -> None:
    """Retired in 2019: in the trail, and nothing denied."""
    signals = dnt.read(lines)
    assert count == len(signals)
    assert all(signal.says == {} for signal in signals)


def test_dnt_denies_what_the_policy_says() -> None:
    """A site that wants to honour it may."""
    (signal,) = dnt.read([b"1"], denies=[Purpose.MARKETING])
    assert (signal.role, signal.says) == (Role.OPT_OUT, {Purpose.MARKETING: Permission.DENIED})
