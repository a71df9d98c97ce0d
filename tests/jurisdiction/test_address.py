"""The client's address behind proxies: the cases of facts/geoip.md (d), and what people send."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatekeeper.errors import ConfigError
from gatekeeper.jurisdiction.address import client_of, edge_place, parse_trust

PROXIES = ["10.0.0.0/8", "2001:db8:ffff::/48"]
TRUST = parse_trust(PROXIES)
FORWARDED = parse_trust(PROXIES, header="Forwarded")
CDN = parse_trust(PROXIES, header="CF-Connecting-IP", country="CF-IPCountry", region="CF-Region-Code")
SOCKET = parse_trust(["unix"])
ALICE, BOB = "203.0.113.9", "198.51.100.7"


def client_address(peer, headers, trust):
    """The address alone."""
    return client_of(peer, headers, trust).address


def xff(*values: str) -> list[tuple[bytes, bytes]]:
    """`X-Forwarded-For` lines."""
    return [(b"x-forwarded-for", value.encode("latin-1")) for value in values]


def forwarded(*values: str) -> list[tuple[bytes, bytes]]:
    """`Forwarded` lines."""
    return [(b"forwarded", value.encode("latin-1")) for value in values]


@pytest.mark.parametrize(
    ("peer", "headers", "expected"),
    [
        pytest.param(ALICE, [], ALICE, id="no-proxy"),
        pytest.param(ALICE, xff(BOB), None, id="a-peer-that-passes-on-is-no-visitor"),
        pytest.param(ALICE, forwarded(f"for={BOB}"), None, id="nor-one-that-says-so-otherwise"),
        pytest.param("10.0.0.1", xff(ALICE), ALICE, id="one-proxy"),
        pytest.param("10.0.0.1", xff(f"{BOB}, {ALICE}"), None, id="the-answer-passes-on-itself"),
        pytest.param("10.0.0.1", xff(f"{ALICE}, 10.0.0.2, 10.0.0.3"), ALICE, id="trusted-hops-skipped"),
        pytest.param("10.0.0.1", xff(ALICE, "10.0.0.3, 10.0.0.2"), ALICE, id="several-lines-joined-in-order"),
        pytest.param("10.0.0.1", xff("10.0.0.2, 10.0.0.3"), None, id="all-hops-trusted"),
        pytest.param("10.0.0.1", [], None, id="trusted-peer-without-header"),
        pytest.param("10.0.0.1", xff(""), None, id="empty-header"),
        pytest.param("10.0.0.1", xff(f"{ALICE},"), None, id="trailing-comma"),
        pytest.param("10.0.0.1", xff(f"{ALICE}, , 10.0.0.2"), None, id="empty-entry"),
        pytest.param("10.0.0.1", xff(f"{ALICE}, unknown"), None, id="unknown-is-not-try-next"),
        pytest.param("10.0.0.1", xff(f"{ALICE}, _hidden"), None, id="obfuscated"),
        pytest.param("10.0.0.1", xff(f"garbage, {ALICE}"), None, id="garbage-to-the-left"),
        pytest.param("10.0.0.1", xff(f"{ALICE}:5555"), ALICE, id="port"),
        pytest.param("10.0.0.1", xff(f"{ALICE}:99999"), None, id="bad-port"),
        pytest.param("10.0.0.1", xff(f"{ALICE}:http"), None, id="port-name"),
        pytest.param("10.0.0.1", xff("[2a02:d180::1]:443"), "2a02:d180::1", id="brackets-and-port"),
        pytest.param("10.0.0.1", xff("[2a02:d180::1]"), "2a02:d180::1", id="brackets"),
        pytest.param("10.0.0.1", xff("2a02:d180::1"), "2a02:d180::1", id="bare-ipv6"),
        pytest.param("10.0.0.1", xff("[2a02:d180::1"), None, id="half-a-bracket"),
        pytest.param("10.0.0.1", xff(f"[{ALICE}]"), None, id="ipv4-in-brackets"),
        pytest.param("10.0.0.1", xff("[fe80::1%25eth0]:80"), "fe80::1", id="zone-id"),
        pytest.param("10.0.0.1", xff(f"::ffff:{ALICE}"), ALICE, id="mapped-entry"),
        pytest.param("10.0.0.1", xff(f"64:ff9b::{ALICE}"), ALICE, id="nat64-entry"),
        pytest.param("::ffff:10.0.0.1", xff(ALICE), ALICE, id="mapped-peer-is-trusted"),
        pytest.param(f"::ffff:{ALICE}", xff(ALICE), ALICE, id="mapped-peer-is-unwrapped"),
        pytest.param("2001:db8:ffff::1", xff(ALICE), ALICE, id="ipv6-proxy"),
        pytest.param("fe80::1%eth0", [], "fe80::1", id="peer-with-zone"),
        pytest.param("testclient", xff(ALICE), None, id="peer-without-address"),
        pytest.param("10.0.0.1", forwarded(f"for={ALICE}"), None, id="the-other-header-is-not-read"),
        pytest.param("10.0.0.1", xff("\x00\xff, ' OR 1=1"), None, id="bytes"),
        pytest.param(None, xff(ALICE), None, id="unix-socket-not-trusted"),
        pytest.param("", xff(ALICE), None, id="unix-socket-as-empty-text"),
    ],
)
def test_x_forwarded_for(peer: str | None, headers: list[tuple[bytes, bytes]], expected: str | None) -> None:
    """Right to left past trusted proxies; the first other entry is the client, or nobody is."""
    assert expected == client_address(peer, headers, TRUST)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param(forwarded(f"for={ALICE}"), ALICE, id="token"),
        pytest.param(forwarded(f"FOR={ALICE};Proto=https;By=10.0.0.1"), ALICE, id="case-and-parameters"),
        pytest.param(forwarded('for="[2a02:d180::1]:4711"'), "2a02:d180::1", id="quoted-ipv6-with-port"),
        pytest.param(forwarded(f'for={BOB}, for="{ALICE}:80";proto=https'), None, id="the-rightmost-passes-on"),
        pytest.param(forwarded(f"for={ALICE}", "for=10.0.0.3, for=10.0.0.2"), ALICE, id="several-lines"),
        pytest.param(forwarded(f'for={ALICE};ext="a,b;c=\\"d"'), ALICE, id="quoted-comma-and-quote"),
        pytest.param(forwarded(f'for={ALICE};secret="a", for=10.0.0.2'), ALICE, id="quoted-value-before-comma"),
        pytest.param(forwarded(f"for={ALICE} , for=10.0.0.2\t"), ALICE, id="white-space"),
        pytest.param(forwarded(f'for="{ALICE}:_port"'), ALICE, id="obfuscated-port"),
        pytest.param(forwarded("for=unknown"), None, id="unknown"),
        pytest.param(forwarded("for=_gazonk"), None, id="obfuscated"),
        pytest.param(forwarded(f"for={ALICE}, for=unknown"), None, id="unknown-is-not-try-next"),
        pytest.param(forwarded(f"for={ALICE}, proto=https"), None, id="element-without-for"),
        pytest.param(forwarded(f"for={ALICE};for={BOB}"), None, id="for-twice-in-one-element"),
        pytest.param(forwarded(f'for={BOB};a=", for={ALICE}'), None, id="open-quote-from-the-client"),
        pytest.param(forwarded("for=[2a02:d180::1]"), None, id="ipv6-needs-quotes"),
        pytest.param(forwarded(f"for={ALICE},"), None, id="trailing-comma"),
        pytest.param(forwarded(f"for={ALICE};"), None, id="trailing-semicolon"),
        pytest.param(forwarded(f"for = {ALICE}"), None, id="spaces-around-equals"),
        pytest.param(forwarded("for=10.0.0.2"), None, id="all-trusted"),
        pytest.param(forwarded(""), None, id="empty"),
        pytest.param([], None, id="absent"),
        pytest.param(xff(ALICE), None, id="the-other-header-is-not-read"),
    ],
)
def test_forwarded(headers: list[tuple[bytes, bytes]], expected: str | None) -> None:
    """RFC 7239, the same walk; what is not well formed says nothing."""
    assert expected == client_address("10.0.0.1", headers, FORWARDED)


@pytest.mark.parametrize(
    ("peer", "headers", "expected"),
    [
        pytest.param("10.0.0.1", [(b"cf-connecting-ip", ALICE.encode())], ALICE, id="from-the-edge"),
        pytest.param(BOB, [(b"cf-connecting-ip", ALICE.encode())], None, id="from-anybody"),
        pytest.param(
            "10.0.0.1",
            [(b"cf-connecting-ip", ALICE.encode()), (b"cf-connecting-ip", BOB.encode())],
            None,
            id="twice",
        ),
        pytest.param("10.0.0.1", [(b"cf-connecting-ip", f"{ALICE}, {BOB}".encode())], None, id="a-list"),
        pytest.param("10.0.0.1", [(b"cf-connecting-ip", b"10.0.0.9")], None, id="a-proxys-own-address"),
        pytest.param("10.0.0.1", xff(ALICE), None, id="only-x-forwarded-for"),
    ],
)
def test_single_value_headers(peer: str, headers: list[tuple[bytes, bytes]], expected: str | None) -> None:
    """An edge's own header counts once, and only from the edge."""
    assert expected == client_address(peer, headers, CDN)


def test_a_unix_socket_can_be_trusted() -> None:
    """Behind `unix` there is a proxy on this machine; it has no address of its own."""
    assert client_address(None, xff(ALICE), SOCKET) == ALICE
    assert None is client_address(None, [], SOCKET)
    assert client_address(BOB, xff(ALICE), SOCKET) is None


@pytest.mark.parametrize(
    ("peer", "headers", "expected"),
    [
        pytest.param("10.0.0.1", [(b"cf-ipcountry", b"DE")], ("DE", None), id="country"),
        pytest.param(
            "10.0.0.1",
            [(b"cf-ipcountry", b"US"), (b"cf-region-code", b"TX")],
            ("US", "TX"),
            id="country-and-region",
        ),
        pytest.param("10.0.0.1", [(b"cf-ipcountry", b"T1")], ("T1", None), id="codes-come-as-they-are"),
        pytest.param("10.0.0.1", [], None, id="absent"),
        pytest.param(ALICE, [(b"cf-ipcountry", b"DE")], None, id="from-anybody"),
        pytest.param(None, [(b"cf-ipcountry", b"DE")], None, id="unix-socket-not-trusted"),
        pytest.param(
            "10.0.0.1",
            [(b"cf-ipcountry", b"US"), (b"cf-ipcountry", b"DE")],
            ("US,DE", None),
            id="contradiction",
        ),
    ],
)
def test_an_edges_place(
    peer: str | None, headers: list[tuple[bytes, bytes]], expected: tuple[str | None, str | None] | None
) -> None:
    """Country headers are believed from trusted proxies only."""
    assert expected == edge_place(peer, headers, CDN)


def test_no_country_header_is_read_unless_configured() -> None:
    """Presence proves nothing."""
    assert None is edge_place("10.0.0.1", [(b"cf-ipcountry", b"DE")], TRUST)


@pytest.mark.parametrize(
    ("proxies", "options", "expected"),
    [
        pytest.param(["10.0.0/8"], {}, '"10.0.0/8" is not a network', id="no-network"),
        pytest.param(["*"], {}, 'server.trusted_proxies: "*" trusts everybody', id="star"),
        pytest.param(["0.0.0.0/0"], {}, '"0.0.0.0/0" trusts everybody', id="everything"),
        pytest.param(
            [],
            {"header": "X Forwarded For"},
            'client_header: "X Forwarded For" is not a header name',
            id="header",
        ),
        pytest.param([], {"country": ""}, 'country_header: "" is not a header name', id="empty-header"),
        pytest.param([], {"region": "X-Region"}, 'region_header: "X-Region" needs a country_header', id="region-alone"),
    ],
)
def test_a_faulty_trust_names_key_value_and_remedy(proxies: list[str], options: dict[str, str], expected: str) -> None:
    """A policy that would trust nonsense does not load."""
    with pytest.raises(ConfigError) as caught:
        parse_trust(proxies, **options)

    assert expected in str(caught.value)


@given(
    st.lists(st.binary(max_size=60), max_size=4),
    st.sampled_from([TRUST, FORWARDED, CDN]),
    st.text(max_size=40),
)
def test_no_header_is_an_error(values: list[bytes], trust: object, peer: str) -> None:
    """Garbage in every header gives an address or nothing."""
    assert trust in (TRUST, FORWARDED, CDN)
    for each in (TRUST, FORWARDED, CDN):
        headers = [(each.header, value) for value in values] + [(b"cf-ipcountry", value) for value in values]
        client_address("10.0.0.1", headers, each)
        client_address(peer, headers, each)
        edge_place("10.0.0.1", headers, each)


@given(st.text("0123456789.,:;=[]\"' fornuk_%abcdef", max_size=200))
def test_what_the_client_wrote_never_moves_what_the_proxy_added(claim: str) -> None:
    """The proxy appends what it saw; the client's claim to the left can at most make it unknown."""
    assert client_address("10.0.0.1", xff(claim, ALICE), TRUST) in (ALICE, None)
    assert client_address("10.0.0.1", forwarded(claim, f"for={ALICE}"), FORWARDED) in (ALICE, None)
    assert client_address("10.0.0.1", forwarded(f'{claim}, for="{ALICE}:1"'), FORWARDED) in (ALICE, None)


EDGES = (
    "X-Forwarded-For", "X-Real-IP", "CF-Connecting-IP", "True-Client-IP", "Fastly-Client-IP", "X-Client-IP",
    "X-Azure-ClientIP", "Fly-Client-IP", "X-Cluster-Client-IP", "X-Appengine-User-IP", "X-Envoy-External-Address",
)  # fmt: skip
NOBODYS = parse_trust([])
WORDS = ("Via", "CDN-Loop", "CF-Ray", "X-Amz-Cf-Id", "X-Forwarded-Proto", "X-Forwarded-Host", "CF-IPCountry")


@pytest.mark.parametrize("trust", [NOBODYS, TRUST, FORWARDED, CDN], ids=["none", "xff", "forwarded", "cdn"])
@pytest.mark.parametrize("name", [*EDGES, *WORDS, "Forwarded"])
def test_any_header_of_a_proxy_from_anybody_else_makes_the_place_unknown(name: str, trust: object) -> None:
    """The peer is that proxy, and its own country is not the visitor's."""
    value = {"Forwarded": f"for={BOB}"}.get(name, BOB)
    found = client_of(ALICE, [(name.lower().encode(), value.encode())], trust)
    assert (found.address, found.undeclared) == (None, True)


@pytest.mark.parametrize("name", [name for name in EDGES if name != "X-Forwarded-For"])
@pytest.mark.parametrize(
    ("value", "known"),
    [(ALICE, True), ("10.0.0.7", True), (BOB, False), ("unknown", False), (f"{BOB}, {ALICE}", False), ("", True)],
)
def test_another_header_may_name_the_answer_and_declared_proxies_alone(name: str, value: str, known: bool) -> None:
    """A third address is the client of the one that the walk found, which is a proxy then."""
    found = client_of("10.0.0.1", [*xff(ALICE), (name.lower().encode(), value.encode())], TRUST)
    assert (found.address, found.undeclared) == ((ALICE, False) if known else (None, True))


@pytest.mark.parametrize(
    ("headers", "trust", "expected"),
    [
        pytest.param(xff(ALICE), NOBODYS, ALICE, id="placed-by-the-server"),
        pytest.param(xff(f"{ALICE}, 10.0.0.2"), TRUST, ALICE, id="through-two"),
        pytest.param(xff(f"{ALICE}, 10.0.0.2"), NOBODYS, None, id="through-one-that-is-not-declared"),
        pytest.param(xff(f"{BOB}, {ALICE}"), TRUST, None, id="an-undeclared-edge-before-the-declared-proxy"),
        pytest.param([*xff(ALICE), (b"x-forwarded-proto", b"https")], NOBODYS, ALICE, id="with-its-scheme"),
        pytest.param([*xff(ALICE), (b"via", b"1.1 edge")], NOBODYS, None, id="via-one-that-nobody-declared"),
        pytest.param([*xff(ALICE), (b"via", b"1.1 ours")], TRUST, ALICE, id="via-a-declared-one"),
        pytest.param([*xff(ALICE), (b"cf-connecting-ip", BOB.encode())], TRUST, None, id="an-edge-names-another"),
        pytest.param(forwarded(f"for={ALICE}"), TRUST, None, id="not-the-configured-header"),
        pytest.param(forwarded(f"for={ALICE}"), FORWARDED, ALICE, id="forwarded"),
    ],
)
def test_a_server_that_put_the_answer_into_the_peers_place_is_understood(headers, trust, expected) -> None:
    """uvicorn's proxy_headers replaces the peer and leaves the header: the same walk must end at the same address."""
    assert client_address(ALICE, headers, trust) == expected


HOPS = st.sampled_from([ALICE, BOB, "10.0.0.1", "10.0.0.2", "unknown", "", "2a02:d180::1", "192.168.1.4"])


@given(
    st.sampled_from([ALICE, BOB, "10.0.0.1", None, "testclient"]),
    st.lists(
        st.tuples(st.sampled_from([*EDGES, *WORDS, "Forwarded"]), st.lists(HOPS, min_size=1, max_size=3)), max_size=4
    ),
    st.sampled_from([NOBODYS, TRUST, FORWARDED, CDN, SOCKET]),
)
def test_an_address_that_is_believed_is_the_only_one_that_is_no_declared_proxy(peer, lines, trust) -> None:
    """Of all that headers and socket name; and what the configured header does not say is said by the socket."""
    headers = []
    named = set()
    for name, hops in lines:
        value = ", ".join(f'for="[{hop}]"' if ":" in hop else f"for={hop or '_'}" for hop in hops)
        headers.append((name.lower().encode(), (value if name == "Forwarded" else ", ".join(hops)).encode()))
        if name not in WORDS:
            named.update(hops)
    found = client_of(peer, headers, trust)
    if found.address is not None:
        assert not found.undeclared
        others = {one for one in {*named, peer} - {None, "", found.address} if one not in trust.proxies}
        assert others == set() or (others == {peer} and trust.covers(peer))
