"""The way out through a forward proxy: named by the policy or the command, and never by the environment."""

import asyncio
import base64

import pytest

from gatekeeper.delivery.direct import DirectSender
from gatekeeper.delivery.request import origin
from gatekeeper.delivery.send import UNREACHABLE, Sender
from gatekeeper.delivery.tunnel import through
from gatekeeper.errors import ConfigError, DeliveryError
from gatekeeper.model import Outgoing
from gatekeeper.model.egress import Egress
from gatekeeper.policy.egress import parse
from gatekeeper.policy.load import parse_policy
from gatekeeper.runtime.wiring import orders, reread
from tests.builders import make_policy, policy_data
from tests.delivery.test_send import authority
from tests.delivery.vendor import vendor

ENV = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


class Proxy:
    """Tunnels to one port of this machine, whatever it is asked for; `asked` are the heads."""

    def __init__(self, port, answer=b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n"):
        self.port, self.answer, self.asked = port, answer, []

    async def __aenter__(self):
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.address = f"http://user:p%40ss@127.0.0.1:{self.server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *error):
        self.server.close()

    async def _serve(self, reader, writer):
        self.asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(self.answer)
        if b" 200 " not in self.answer[:15]:
            writer.close()
            return
        there, back = await asyncio.open_connection("127.0.0.1", self.port)
        await asyncio.gather(_pour(reader, back), _pour(there, writer), return_exceptions=True)


async def _pour(reader, writer):
    while data := await reader.read(65_536):
        writer.write(data)
    writer.close()


def post(url):
    return Outgoing("POST", url, (), b"{}")


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_a_request_goes_through_the_proxy_that_learns_host_and_port_alone(tls, tmp_path, monkeypatch):
    """CONNECT with its own authorization; the vendor's request, and its certificate, are from end to end."""

    root, context, _ = authority(tmp_path, "vendor.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(root))

    async def main():
        async with vendor(context if tls else None) as at, Proxy(at.port) as proxy:
            async with Sender(5.0, parse(proxy.address)) as sender:
                url = f"{'https' if tls else 'http'}://vendor.example/events?secret=1"
                assert (await sender.send(post(url))).status == 200
                assert (await sender.send(post(url))).status == 200
            (head,) = proxy.asked
            where = b"vendor.example:443" if tls else b"vendor.example:80"
            assert head.startswith(b"CONNECT " + where + b" HTTP/1.1\r\n") and b"secret" not in head
            assert b"Proxy-Authorization: Basic " + base64.b64encode(b"user:p@ss") in head
            assert b"Proxy" not in b"".join(at.requests) and len(at.requests) == 2

    asyncio.run(main())


@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 407 Who?\r\n\r\n", b"HTTP/1.1 502 No\r\n\r\n", b"hello\r\n\r\n", b"", b"HTTP/1.1 2"],
    ids=["407", "502", "garbage", "nothing", "half"],
)
def test_a_proxy_that_gives_no_way_is_unreachable_and_nothing_is_sent_beside_it(answer):
    """The vendor cannot have it, and it is not tried without the proxy."""

    async def main():
        async with vendor() as at, Proxy(at.port, answer) as proxy, Sender(5.0, parse(proxy.address)) as sender:
            with pytest.raises(DeliveryError, match=UNREACHABLE):
                await sender.send(post("http://vendor.example/"))
            assert at.requests == []

    asyncio.run(main())


def test_a_call_goes_through_the_proxy_and_another_one_after_a_reload():
    """Calls have no other way out."""

    async def main():
        async with vendor() as at, Proxy(at.port) as one, Proxy(at.port) as other:
            direct = DirectSender()
            for proxy in (one, other):
                await direct.send("a", post("http://vendor.example/"), (5.0, 4), egress=parse(proxy.address))
            assert (len(one.asked), len(other.asked)) == (1, 1)
            await direct.close()

    asyncio.run(main())


def test_the_environment_s_proxy_is_used_by_nothing(monkeypatch):
    """Neither for deliveries nor for calls: a proxy is named, or there is none."""

    async def main():
        async with vendor() as at, Proxy(at.port) as trap:
            for name in ENV:
                monkeypatch.setenv(name, trap.address)
            async with Sender(5.0) as sender:
                assert (await sender.send(post(at.url))).status == 200
            direct = DirectSender()
            assert (await direct.send("a", post(at.url), (5.0, 4))).status == 200
            await direct.close()
            assert trap.asked == []
        assert make_policy().egress is None and orders(make_policy()).egress is None

    asyncio.run(main())


def test_no_client_of_ours_trusts_the_environment():
    """Every httpx client and call of the package says so."""
    import ast
    from pathlib import Path

    import gatekeeper

    found = []
    for path in Path(gatekeeper.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                of = node.func.value
                if isinstance(of, ast.Name) and of.id == "httpx" and node.func.attr in CLIENTS:
                    found.append(any(one.arg == "trust_env" and _is_false(one.value) for one in node.keywords))
    assert len(found) >= 3 and all(found)


CLIENTS = {"Client", "AsyncClient", "get", "post", "put", "request", "stream"}


def _is_false(node):
    return getattr(node, "value", None) is False


@pytest.mark.parametrize(
    ("host", "used"),
    [("vendor.example", True), ("localhost", False), ("127.0.0.9", False), ("[::1]", False), ("matomo.internal", False),
     ("a.corp", False), ("corp", False), ("xcorp", True), ("x.matomo.internal", True)],
)  # fmt: skip
def test_loopback_and_named_hosts_are_reached_without_it(host, used):
    """A leading dot names all below."""
    egress = Egress("proxy", 3128, direct=("matomo.internal", ".corp"))
    assert (through(egress, origin(f"http://{host}:8000")) is egress) is used


@pytest.mark.parametrize(
    "address",
    ["proxy:3128", "https://proxy:3128", "socks5://proxy:1080", "http://proxy", "http://:3128", "http://proxy:3128/x",
     "http://proxy:port", "http://s3cret@proxy"],
)  # fmt: skip
def test_an_address_that_is_no_proxy_is_a_config_error_without_it(address):
    """It may hold a password."""
    with pytest.raises(ConfigError) as raised:
        parse_policy(policy_data(delivery={"proxy": address}), environ={})
    assert "delivery.proxy: is not the address of a proxy" in str(raised.value) and "s3cret" not in str(raised.value)


def test_the_policy_s_proxy_may_stand_in_the_environment_by_name(tmp_path):
    """As other secrets do; it shows in no repr."""
    policy = parse_policy(
        policy_data(delivery={"proxy": {"env": "EGRESS"}, "no_proxy": [".internal"]}),
        environ={"EGRESS": "http://u:s3cret@proxy.corp:3128"},
    )
    assert policy.egress.host == "proxy.corp" and policy.egress.direct == (".internal",)
    assert "s3cret" not in repr(policy) and "s3cret" not in repr(policy.egress)


def test_a_proxy_that_the_command_named_survives_a_reload(tmp_path):
    """`--upstream-proxy` holds until the process ends."""
    from dataclasses import replace

    from gatekeeper.policy import load_policy

    path = tmp_path / "gatekeeper.toml"
    path.write_text(
        '[policy]\nversion = "1"\ncontroller = "Example"\n[destinations.own]\nkind = "first_party"\n'
        'endpoint = "http://127.0.0.1:9/"\n'
    )
    policy = load_policy(path)
    assert reread(policy).egress is None
    given = replace(policy, egress=parse("http://proxy:3128", given=True))
    assert reread(given).egress == given.egress


def test_a_proxy_s_password_is_in_no_archive_and_in_no_hash():
    """And `check` warns where it stands in the file."""
    from gatekeeper.policy.archive import written
    from gatekeeper.policy.check import warnings

    policy = make_policy(delivery={"proxy": "http://u:s3cret@proxy:3128"})
    assert b"s3cret" not in written(policy) and policy.hash == make_policy().hash
    assert any(line.startswith("delivery.proxy: a password is written in clear") for line in warnings(policy))
