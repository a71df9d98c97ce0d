"""Addresses and sets of networks."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.errors import ConfigError
from gatekeeper.jurisdiction.networks import Kind, Ranges, kind, parse_address, parse_list, parse_networks


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("203.0.113.9", "203.0.113.9", id="ipv4"),
        pytest.param("2001:DB8::0001", "2001:db8::1", id="ipv6-canonical"),
        pytest.param("::ffff:203.0.113.9", "203.0.113.9", id="mapped"),
        pytest.param("::ffff:cb00:7109", "203.0.113.9", id="mapped-in-hex"),
        pytest.param("64:ff9b::203.0.113.9", "203.0.113.9", id="nat64"),
        pytest.param("64:ff9b:1::1", "64:ff9b:1::1", id="local-nat64-is-not-unwrapped"),
        pytest.param("fe80::1%eth0", "fe80::1", id="zone"),
        pytest.param("::ffff:203.0.113.9%eth0", "203.0.113.9", id="mapped-with-zone"),
        pytest.param("203.0.113.09", None, id="leading-zero"),
        pytest.param("203.0.113", None, id="three-parts"),
        pytest.param("203.0.113.256", None, id="too-large"),
        pytest.param("3405803785", None, id="number"),
        pytest.param("0xcb007109", None, id="hex"),
        pytest.param("٢٠٣.0.113.9", None, id="other-digits"),
        pytest.param("203.0.113.9 ", None, id="space"),
        pytest.param("203.0.113.9/32", None, id="network"),
        pytest.param("[2001:db8::1]", None, id="brackets-belong-to-headers"),
        pytest.param("testclient", None, id="name"),
        pytest.param("", None, id="empty"),
        pytest.param(None, None, id="none"),
        pytest.param("1" * 10_000, None, id="long"),
    ],
)
def test_an_address_is_normalised_or_nothing(text: str | None, expected: str | None) -> None:
    """One spelling for one address; what is none is `None`."""
    address = parse_address(text)

    assert expected == (None if address is None else str(address))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("8.8.4.4", Kind.NOWHERE),
        ("1.1.1.1", Kind.NOWHERE),
        ("2606:4700:4700::1111", Kind.NOWHERE),
        ("127.0.0.1", Kind.LOCAL),
        ("::1", Kind.LOCAL),
        ("10.1.2.3", Kind.LOCAL),
        ("172.31.255.255", Kind.LOCAL),
        ("172.32.0.0", Kind.PUBLIC),
        ("192.168.1.1", Kind.LOCAL),
        ("fd00::1", Kind.LOCAL),
        ("fe80::1", Kind.LOCAL),
        ("100.64.0.1", Kind.NOWHERE),
        ("0.0.0.0", Kind.NOWHERE),
        ("192.0.2.1", Kind.NOWHERE),
        ("203.0.113.9", Kind.NOWHERE),
        ("224.0.0.1", Kind.NOWHERE),
        ("255.255.255.255", Kind.NOWHERE),
        ("::", Kind.NOWHERE),
        ("2001:db8::1", Kind.NOWHERE),
        ("2002:c000:201::1", Kind.NOWHERE),
        ("2001:0:4136:e378::1", Kind.NOWHERE),
        ("ff02::1", Kind.NOWHERE),
        ("3fff::1", Kind.NOWHERE),
        ("89.160.20.112", Kind.PUBLIC),
        ("2a02:d180::1", Kind.PUBLIC),
    ],
)
def test_what_an_address_can_tell(text: str, expected: Kind) -> None:
    """Local, reserved and anycast addresses say nothing of a place."""
    address = parse_address(text)

    assert address is not None
    assert expected == kind(address)


@given(
    st.lists(st.ip_addresses(v=4, network="10.0.0.0/28"), max_size=12),
    st.ip_addresses(v=4, network="10.0.0.0/27"),
    st.integers(27, 32),
)
def test_ranges_hold_exactly_their_networks(members: list[IPv4Address], probe: IPv4Address, bits: int) -> None:
    """The fast set answers as a naive search does."""
    networks = [ip_network(f"{member}/{bits}", strict=False) for member in members]

    assert any(probe in network for network in networks) == (probe in Ranges(networks))


def test_the_families_do_not_mix() -> None:
    """0.0.0.1 is not ::1, but an IPv4 network in IPv6 wrapping is an IPv4 network."""
    ranges = parse_networks("x", ["::1/128", "::ffff:10.0.0.0/104"])

    assert IPv6Address("::1") in ranges
    assert IPv4Address("0.0.0.1") not in ranges
    assert "10.1.2.3" in ranges
    assert "::ffff:10.1.2.3" in ranges


def test_what_is_no_address_is_in_no_range() -> None:
    """Membership of garbage is false, not an error."""
    everything = parse_networks("x", ["0.0.0.0/1", "128.0.0.0/1"])

    assert "unknown" not in everything
    assert None not in everything
    assert 7 not in everything


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("10.0.0/8", '"10.0.0/8" is not a network; write it as "10.0.0.0/8"'),
        ("10.0.0.1/8", '"10.0.0.1/8" is not a network; it has host bits set, write "10.0.0.0/8"'),
        ("proxy.internal", '"proxy.internal" is not a network'),
        ("", '"" is not a network'),
    ],
)
def test_a_bad_network_names_key_value_and_remedy(name: str, expected: str) -> None:
    """The policy's author learns what to write."""
    with pytest.raises(ConfigError, match=r"server\.trusted_proxies: ") as caught:
        parse_networks("server.trusted_proxies", ["192.168.0.0/16", name])

    assert expected in str(caught.value)


def test_published_lists_are_read() -> None:
    """Apple's CSV and Tor's plain lines both begin with an address or network."""
    relays = parse_list(
        "jurisdiction.relays",
        "# relays\n172.224.226.0/27,US,US-CA,Cupertino,\n\n2a02:26f7::/64,DE,,,\r\n185.220.101.1\n",
    )

    assert len(relays) == 3
    assert "172.224.226.31" in relays
    assert "2a02:26f7::9" in relays
    assert "185.220.101.2" not in relays


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("192.0.2.1\n<html>\n", "jurisdiction.relays: line 2 is not a network", id="a-web-page"),
        pytest.param("", "the list names no network", id="empty"),
        pytest.param("# nothing\n\n", "the list names no network", id="comments-only"),
    ],
)
def test_a_list_that_is_none_does_not_load(text: str, expected: str) -> None:
    """A list of nothing would quietly suspect nobody."""
    with pytest.raises(ConfigError, match=expected):
        parse_list("jurisdiction.relays", text)
