"""The shared GPP vectors: section ids, opt-outs per section and over all, GPC, TCF sections."""

from __future__ import annotations

from typing import Any

import pytest

from gatekeeper.signals import gpp, tcf
from gatekeeper.signals.encoding import UnreadableError
from gatekeeper.signals.gpp import US_SECTIONS, CanadaString, UsSection
from gatekeeper.signals.tcf import TcString
from gatekeeper.signals.usprivacy import UsPrivacy
from tests.signals.reading import vectors
from tests.signals.test_tcf_vectors import listed, spans

ALL = [*vectors("gpp"), *vectors("gpp_generated")]
READABLE = [vector for vector in ALL if vector["expect"]["ok"]]
MALFORMED = [vector for vector in ALL if not vector["expect"]["ok"]]
NAMES = {2: "tcfeuv2", 5: "tcfcav1", 6: "uspv1", **US_SECTIONS}
LETTERS = {True: "Y", False: "N", None: "-"}


def as_vector(section: object, expected: dict[str, Any]) -> dict[str, Any]:
    """A section in the words of the vectors, as far as they speak of it."""
    match section:
        case UsSection():
            return {
                "sale_opt_out": section.sale,
                "sharing_opt_out": section.sharing,
                "targeted_advertising_opt_out": section.targeted,
                "version": section.version,
                "gpc": section.gpc,
                "section_header": section.has_header,
            }
        case UsPrivacy():
            answers = (section.notice, section.opt_out_sale, section.lspa)
            return {"value": "1" + "".join(LETTERS[answer] for answer in answers)}
        case TcString():
            return expected | {
                "cmp_id": section.cmp_id,
                "purpose_consents": listed(section.purpose_consents),
                "vendor_consents": spans(section.vendor_consents),
            }
        case CanadaString() if "cmp_id" in expected:
            return expected | {
                "cmp_id": section.cmp_id,
                "vendor_list_version": section.vendor_list_version,
                "purposes_express_consent": listed(section.purposes_express_consent),
                "purposes_implied_consent": listed(section.purposes_implied_consent),
                "vendor_express_consent": spans(section.vendor_express_consent),
                "vendor_implied_consent": spans(section.vendor_implied_consent),
            }
        case CanadaString():
            return expected
    raise AssertionError(f"not read: {type(section).__name__}")


@pytest.mark.parametrize("vector", READABLE, ids=[vector["name"] for vector in READABLE])
def test_a_string_of_the_vectors_is_decoded_section_by_section(vector: dict[str, Any]) -> None:
    """Ids in order, every section readable, opt-outs as the official decoders see them."""
    expect, string = vector["expect"], gpp.parse(vector["input"])
    assert expect["section_ids"] == [number for number, _section in string.sections]
    for number, section in string.sections:
        expected = expect["sections"][NAMES[number]]
        assert expected == as_vector(section, expected)
    assert expect["opt_out"] == {
        "sale_opt_out": gpp.opted_out(string, "sale"),
        "sharing_opt_out": gpp.opted_out(string, "sharing"),
        "targeted_advertising_opt_out": gpp.opted_out(string, "targeted"),
        "gpc": gpp.gpc(string),
    }


@pytest.mark.parametrize("vector", READABLE, ids=[vector["name"] for vector in READABLE])
def test_a_tcf_section_is_the_same_as_the_string_by_itself(vector: dict[str, Any]) -> None:
    """Section 2 holds a TC string, whole."""
    texts = vector["input"].split("~")[1:]
    for (number, section), text in zip(gpp.parse(vector["input"]).sections, texts, strict=True):
        if number == 2:
            assert tcf.parse(text) == section


@pytest.mark.parametrize("vector", MALFORMED, ids=[vector["name"] for vector in MALFORMED])
def test_a_malformed_string_of_the_vectors_is_refused(vector: dict[str, Any]) -> None:
    """Sections missing, too many or empty; no header; foreign characters."""
    with pytest.raises(UnreadableError):
        gpp.parse(vector["input"])
