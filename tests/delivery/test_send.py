"""The sender, on sockets, on both kinds of loop: what it keeps, what it ends, what it says where there is no answer."""

import asyncio
import contextlib
import datetime
import ipaddress
import socket
import ssl
import threading
from pathlib import Path

import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gatekeeper.delivery import connect, pool, resolve, send
from gatekeeper.delivery.connection import MAX_ANSWER
from gatekeeper.delivery.direct import DirectSender
from gatekeeper.delivery.send import Sender
from gatekeeper.errors import DeliveryError
from gatekeeper.model import Outgoing
from tests.delivery.vendor import OK, vendor

GO = b"HTTP/1.1 204 No Content\r\n"


class Calls(DirectSender):
    """Calls of one policy."""

    def __init__(self, *bounds):
        super().__init__()
        self.bounds = bounds

    async def send(self, destination, outgoing, **more):
        return await super().send(destination, outgoing, self.bounds, **more)


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request):
    """Runs a coroutine on a loop of its own."""
    with asyncio.Runner(loop_factory=request.param) as runner:
        yield runner.run


def post(url, body=b"{}", headers=()):
    return Outgoing("POST", url, tuple(headers), body)


async def code(sending):
    """Of the error it raises."""
    with pytest.raises(DeliveryError) as raised:
        await sending
    assert raised.value.__cause__ is None
    return str(raised.value)


async def until(what):
    async with asyncio.timeout(5):
        while not what():
            await asyncio.sleep(0.002)


def test_a_connection_carries_one_request_after_another(run):
    """And two at once need two."""

    async def main():
        async with vendor() as at, Sender(2.0) as sender:
            for n in range(5):
                answer = await sender.send(post(at.url + f"/{n}"))
                assert (answer.status, answer.headers, answer.body) == (200, (("content-length", "2"),), b"ok")
            assert len(at.links) == 1 and [raw.split()[1] for raw in at.requests] == [b"/%d" % n for n in range(5)]
            await asyncio.gather(*[sender.send(post(at.url)) for _ in range(3)])
            assert len(at.links) == 3
            await asyncio.gather(*[sender.send(post(at.url)) for _ in range(3)])
            assert len(at.links) == 3

    run(main())


@pytest.mark.parametrize(
    "raw", [GO + b"Connection: close\r\n\r\n", b"HTTP/1.0 204 No Content\r\n\r\n", GO + b"\r\n" + GO + b"\r\n"]
)
def test_some_answers_end_their_connection(run, raw):
    """The next request goes on another, and gets what is meant for it."""

    async def main():
        async with vendor() as at, Sender(2.0) as sender:
            at.answer(raw)
            assert (await sender.send(post(at.url))).status == 204
            at.answer(OK)
            assert (await sender.send(post(at.url))).body == b"ok"
            assert len(at.links) == 2
            await at.links[0].lost

    run(main())


def test_a_connection_that_the_vendor_ended_is_not_used(run):
    """Whether it said so with the answer, or while nobody asked."""

    async def main():
        async with vendor() as at, Sender(2.0) as sender:
            for n in range(1, 5):
                assert (await sender.send(post(at.url))).status == 200
                assert len(at.links) == n
                (at.links[-1].transport.close if n % 2 else at.links[-1].transport.abort)()
                await until(lambda: not sender.pool.stats().unused)

    run(main())


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_request_that_crosses_the_end_of_its_connection_is_not_repeated(run, method):
    """Nobody can tell whether it was counted."""

    async def main():
        async with vendor() as at, Sender(2.0) as sender:
            await sender.send(post(at.url))
            at.play = lambda link: link.transport.close()
            assert await code(sender.send(Outgoing(method, at.url, (), b""))) == "no_answer"
            assert len(at.links) == 1 and len(at.requests) == 2
            at.answer(OK)
            assert (await sender.send(post(at.url))).status == 200 and len(at.links) == 2

    run(main())


def test_connections_are_kept_for_a_short_time(run, monkeypatch):
    """Shorter than servers keep theirs."""
    monkeypatch.setattr(pool, "IDLE", 0.05)

    async def main():
        async with vendor() as at, Sender(2.0) as sender:
            await asyncio.gather(*[sender.send(post(at.url)) for _ in range(3)])
            await at.gone()
            await until(lambda: sender.pool.stats() == (0, (), False))
            await sender.send(post(at.url))
            assert len(at.links) == 4

    run(main())


def test_unused_connections_are_bounded(run, monkeypatch):
    """To one vendor, and in all."""
    monkeypatch.setattr(pool, "MOST", 2)
    monkeypatch.setattr(pool, "MOST_IN_ALL", 3)

    async def main():
        async with vendor() as one, vendor() as two, Sender(2.0) as sender:
            for at in (one, two):
                await asyncio.gather(*[sender.send(post(at.url)) for _ in range(5)])
            await until(lambda: sender.pool.stats().open == 3)
            assert sender.pool.stats().unused == (2, 1)

    run(main())


def test_closing_ends_everything(run):
    """What is in use, too; then a request gets no answer."""

    async def main():
        async with vendor() as at:
            sender = Sender(2.0)
            await sender.send(post(at.url))
            at.silence()
            going = [asyncio.create_task(sender.send(post(at.url))) for _ in range(3)]
            await until(lambda: len(at.requests) == 4)
            await sender.close()
            assert [await code(one) for one in going] == ["no_answer"] * 3
            await at.gone()
            await sender.close()

    run(main())


def test_a_request_that_is_given_up_takes_its_connection_along(run):
    """Its answer must not be the next one's."""

    async def main():
        async with vendor() as at, Sender(2.0) as sender:
            await sender.send(post(at.url))
            at.silence()
            going = asyncio.create_task(sender.send(post(at.url)))
            await until(lambda: len(at.requests) == 2)
            going.cancel()
            with pytest.raises(asyncio.CancelledError):
                await going
            await at.gone()
            assert not sender.pool.stats().open and not len(sender.deadlines)
            at.answer(OK)
            assert (await sender.send(post(at.url))).status == 200

    run(main())


def test_a_connection_that_is_given_up_while_it_is_made_leaves_nothing(run):
    """While its name is looked up, while it connects, while it proves who it is."""

    async def main():
        silent = socket.create_server(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        with silent:
            sender = Sender(2.0)
            before = sockets()
            for seconds in (0, 0.001, 0.05):
                for url in (f"https://127.0.0.1:{port}", f"https://localhost:{port}", f"http://localhost:{port}"):
                    going = asyncio.create_task(sender.send(post(url)))
                    await asyncio.sleep(seconds)
                    going.cancel()
                    with pytest.raises(asyncio.CancelledError):
                        await going
            await sender.close()
            await until(lambda: sockets() <= before)

    run(main())


def sockets():
    """How many this process has open."""
    found = 0
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # that of the look itself
            found += str(link.readlink()).startswith("socket:")
    return found


def test_too_late_is_a_timeout(run):
    """A vendor that is silent, and one that drips; the connection ends."""

    async def main():
        loop = asyncio.get_running_loop()
        async with vendor() as at, Sender(0.15) as sender:
            for first in (b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\na"):
                at.answer(first)
                began = loop.time()
                codes = await asyncio.gather(*[code(sender.send(post(at.url))) for _ in range(3)])
                assert codes == ["timeout"] * 3 and 0.14 <= loop.time() - began < 2.0
                await at.gone()
            at.answer(OK)
            assert (await sender.send(post(at.url))).status == 200
            assert await code(_late(sender, at)) == "timeout"

    async def _late(sender, at):
        at.silence()
        return await sender.send(post(at.url), asyncio.get_running_loop().time() + 0.05)

    run(main())


@pytest.mark.parametrize("raw", [b"", b"hello", GO, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\na"])
def test_what_breaks_off_is_no_answer(run, raw):
    """Ended in order, or reset."""

    async def main():
        async with vendor() as at, Sender(2.0) as sender:
            at.end(raw)
            assert await code(sender.send(post(at.url))) == "no_answer"

            def reset(link):
                link.write(raw)
                link.transport.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0"
                )
                link.transport.abort()

            at.play = reset
            assert await code(sender.send(post(at.url))) == "no_answer"

    run(main())


def test_a_body_may_end_with_its_connection(run):
    """As from servers of old."""

    async def main():
        async with vendor() as at, Sender(2.0) as sender:
            at.end(b"HTTP/1.1 200 OK\r\nX: y\r\n\r\nall of it")
            assert (await sender.send(post(at.url))).body == b"all of it"

    run(main())


def test_large_requests_and_answers(run):
    """Whole, and up to the bound."""

    async def main():
        async with vendor() as at, Sender(5.0) as sender:
            body = bytes(range(256)) * 8000
            at.answer(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            assert (await sender.send(post(at.url, body))).body == body
            assert at.requests[0].endswith(b"\r\n\r\n" + body)
            await sender.send(post(at.url, body))
            assert len(at.links) == 1
            much = b"x" * (MAX_ANSWER + 1)
            at.answer(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(much) + much)
            assert len((await sender.send(post(at.url))).body) == MAX_ANSWER
            await at.gone()

    run(main())


def test_what_cannot_be_sent_is_not(run):
    """No connection is opened for it."""

    async def main():
        async with vendor() as at, Sender(2.0) as sender:
            assert await code(sender.send(post(at.url + "/a\r\nX: b"))) == "internal_error"
            assert await code(sender.send(post(at.url, headers=[("X", "a\r\nb: c")]))) == "internal_error"
            assert at.links == []

    run(main())


def unused_port():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        return closed.getsockname()[1]


def test_where_nobody_listens_is_unreachable(run):
    """By address and by name, and where there is no such name."""

    async def main():
        async with Sender(2.0) as sender:
            port = unused_port()
            for host in ("127.0.0.1", "localhost", "[::1]", "a" * 64 + ".invalid", "no-such-host.invalid"):
                assert await code(sender.send(post(f"http://{host}:{port}/"))) == "unreachable"

    run(main())


def test_a_vendor_that_does_not_get_through_to_its_certificate_is_unreachable(run, monkeypatch):
    """Nothing of the request was sent; whole timeout or connect timeout."""
    monkeypatch.setattr(send, "CONNECT", 0.1)

    async def main():
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"https://127.0.0.1:{silent.getsockname()[1]}"
            async with Sender(5.0) as sender:
                assert await code(sender.send(post(url))) == "unreachable"
            async with Sender(0.05) as sender:
                assert await code(sender.send(post(url))) == "unreachable"

    run(main())


def test_every_address_of_a_name_is_tried(run, monkeypatch):
    """One that refuses, one that is silent, one that answers; the slow ones are not waited for."""
    hung = []

    async def to(address, real=connect.dial):
        if address[1] == "silent":
            hung.append(address)
            await asyncio.sleep(60)
        return await real(address)

    async def main():
        async with vendor() as at, Sender(5.0) as sender:
            found = [(socket.AF_INET, ("127.0.0.1", unused_port())), (socket.AF_INET, "silent")]
            found += [(socket.AF_INET6, "silent"), (socket.AF_INET, ("127.0.0.1", at.port))]
            monkeypatch.setattr(resolve, "look_up", lambda *_: found)
            monkeypatch.setattr(connect, "dial", to)
            monkeypatch.setattr(connect, "STAGGER", 0.02)
            assert (await sender.send(post("http://vendor.example/"))).status == 200
            assert [family for family, _ in hung] == [socket.AF_INET6, socket.AF_INET]  # the families take turns
            await asyncio.sleep(0.01)

    run(main())


def test_a_name_is_asked_for_once_at_a_time(run, monkeypatch):
    """However many want to know, and whoever of them gives up; a slow name server holds one thread."""
    asked, answer = [], threading.Event()

    def slow(host, port, flags=0, real=resolve.look_up):
        if flags:
            raise socket.gaierror
        asked.append(host)
        answer.wait(5)
        return real("127.0.0.1" if host == "vendor.example" else host, port)

    monkeypatch.setattr(resolve, "look_up", slow)

    async def main():
        async with vendor() as at, Sender(5.0) as sender:
            going = [asyncio.create_task(sender.send(post(f"http://vendor.example:{at.port}/"))) for _ in range(5)]
            await until(lambda: asked)
            going.pop(0).cancel()
            answer.set()
            assert {one.status for one in await asyncio.gather(*going)} == {200} and len(asked) == 1
            await sender.close()
            assert await code(sender.send(post(f"http://{'a' * 64}.invalid:{at.port}/"))) == "unreachable"
            assert len(asked) == 2

    run(main())


def test_two_addresses_that_answer_at_once_give_one_connection(run, monkeypatch):
    """The other one is closed."""

    async def main():
        async with vendor() as at, Sender(5.0) as sender:
            monkeypatch.setattr(resolve, "look_up", lambda *_: [(socket.AF_INET, ("127.0.0.1", at.port))] * 3)
            monkeypatch.setattr(connect, "STAGGER", 0.0)
            assert (await sender.send(post("http://vendor.example/"))).status == 200
            await until(lambda: sum(not link.lost.done() for link in at.links) == 1)
            assert len(at.requests) == 1

    run(main())


def authority(folder, *names):
    """A certificate file of an authority, and a server's context that it has signed for these names."""
    now = datetime.datetime.now(datetime.UTC)
    plain = serialization.NoEncryption()

    def made(subject, key, issuer, signer, *extensions):
        builder = x509.CertificateBuilder(
            issuer, subject, key.public_key(), x509.random_serial_number(),
            now - datetime.timedelta(days=1), now + datetime.timedelta(days=1),
        )  # fmt: skip
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests' authority")])
    sign = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    whose = x509.SubjectKeyIdentifier.from_public_key(root_key.public_key())
    (folder / "root.pem").write_bytes(
        made(root, root_key, root, root_key, (x509.BasicConstraints(True, None), True), (sign, True), (whose, False))
    )
    kinds = [x509.IPAddress(ipaddress.ip_address(name)) if name[0].isdigit() else x509.DNSName(name) for name in names]
    signed_by = x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "vendor")])
    leaf = made(subject, key, root, root_key, (x509.SubjectAlternativeName(kinds), False), (signed_by, False))
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    (folder / "vendor.pem").write_bytes(pem + leaf)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "vendor.pem")
    context.set_alpn_protocols(["h2", "http/1.1"])
    seen = []
    context.sni_callback = lambda link, name, _: seen.append(name)
    return folder / "root.pem", context, seen


def test_a_vendor_that_proves_who_it_is_gets_the_request(run, tmp_path, monkeypatch):
    """By an authority that SSL_CERT_FILE names, under its name and its address; over HTTP/1.1, kept, and closed."""
    root, context, seen = authority(tmp_path, "localhost", "127.0.0.1")
    monkeypatch.setenv("SSL_CERT_FILE", str(root))

    async def main():
        async with vendor(context) as at, Sender(5.0) as sender:
            for url in (at.url, at.url, f"https://localhost:{at.port}", f"https://localhost:{at.port}"):
                assert (await sender.send(post(url))).body == b"ok"
            assert len(at.links) == 2 and seen == [None, "localhost"]
            tls = at.links[0].transport.get_extra_info("ssl_object")
            assert tls.selected_alpn_protocol() == "http/1.1" and tls.version() in ("TLSv1.2", "TLSv1.3")
            at.end(b"HTTP/1.1 200 OK\r\n\r\nto the end")
            assert (await sender.send(post(at.url))).body == b"to the end"
            at.silence()
            going = asyncio.create_task(sender.send(post(at.url)))
            await until(lambda: len(at.requests) == 6)
            going.cancel()
            with pytest.raises(asyncio.CancelledError):
                await going
            at.answer(OK)
            await sender.send(post(at.url))

    run(main())


@pytest.mark.parametrize("known", [False, True], ids=["nobody-knows-the-authority", "another-name"])
def test_a_vendor_that_cannot_prove_who_it_is_gets_nothing(run, tmp_path, monkeypatch, known):
    """An authority that nobody trusts, or a certificate for somebody else."""
    root, context, _ = authority(tmp_path, *(("vendor.example",) if known else ("localhost", "127.0.0.1")))
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    if known:
        monkeypatch.setenv("SSL_CERT_FILE", str(root))
    else:
        monkeypatch.delenv("SSL_CERT_FILE", raising=False)

    async def main():
        async with vendor(context) as at, Sender(5.0) as sender:
            for host in ("127.0.0.1", "localhost"):
                assert await code(sender.send(post(f"https://{host}:{at.port}"))) == "unreachable"
            await at.gone()
            assert at.requests == []

    run(main())


def test_an_old_tls_is_not_spoken():
    """1.2 is the least, certificate and name are checked."""
    context = connect.verifying()
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.verify_mode is ssl.CERT_REQUIRED and context.check_hostname


def test_no_keys_of_connections_are_written_to_a_file(tmp_path, monkeypatch):
    """Whoever sets SSLKEYLOGFILE could read what vendors get."""
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    assert connect.verifying().keylog_filename is None


def test_a_bare_container_has_authorities(monkeypatch):
    """certifi's, unless the operator names others."""
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", lambda *_: None)
    assert connect.verifying().cert_store_stats()["x509_ca"] > 50
    monkeypatch.setenv("SSL_CERT_DIR", "/nowhere")
    assert connect.verifying().cert_store_stats()["x509_ca"] == 0


def test_a_plain_vendor_behind_https_is_unreachable(run):
    """It does not speak TLS: nothing was sent."""

    async def main():
        async with vendor() as at, Sender(5.0) as sender:
            assert await code(sender.send(post(at.url.replace("http:", "https:")))) == "unreachable"
            assert at.requests == []

    run(main())


def test_calls_wait_their_turn(run):
    """At most so many at once to one destination; the others do not notice."""

    async def main():
        async with vendor() as at:
            direct = Calls(5.0, 2)
            held = []
            at.play = held.append
            going = [asyncio.create_task(direct.send("a", post(at.url + f"/{n}"))) for n in range(5)]
            await until(lambda: len(held) == 2)
            other = asyncio.create_task(direct.send("b", post(at.url)))
            await until(lambda: len(held) == 3)
            going[2].cancel()  # it was the next one
            for n in range(3):
                held[n].write(OK)
            await until(lambda: len(held) == 5)
            for link in held[3:]:
                link.write(OK)
            answers = await asyncio.gather(*going, other, return_exceptions=True)
            assert [getattr(one, "status", None) for one in answers] == [200, 200, None, 200, 200, 200]
            assert direct.slots["a"].free == 2 and len(at.links) == 3
            await direct.close()

    run(main())


def test_a_call_whose_turn_does_not_come_is_told_so(run):
    """Nothing of it was sent; and a turn that comes late leaves it less time."""

    async def main():
        loop = asyncio.get_running_loop()
        async with vendor() as at:
            direct = Calls(0.9, 1)
            at.silence()
            began = loop.time()
            first = asyncio.create_task(code(direct.send("a", post(at.url))))
            await asyncio.sleep(0.45)
            second = asyncio.create_task(code(direct.send("a", post(at.url))))
            assert await first == "timeout" and await second == "timeout"
            assert 1.3 <= loop.time() - began < 1.8  # counted from its turn it would be 1.8
            hold = asyncio.create_task(code(direct.send("a", post(at.url))))
            await asyncio.sleep(0)
            direct.sender.timeout = 0.05
            assert await code(direct.send("a", post(at.url))) == "busy"
            assert await hold == "timeout" and len(at.requests) == 3
            assert direct.slots["a"].free == 1 and direct.slots["a"].room(ours=False)
            await direct.close()

    run(main())


def test_a_quarter_of_the_places_is_left_to_the_operators_own_calls(run):
    """Others fill theirs and wait; an own call goes at once, and an own one that waits goes first."""

    async def main():
        async with vendor() as at:
            direct = Calls(5.0, 4)
            held = []
            at.play = held.append
            others = [asyncio.create_task(direct.send("a", post(at.url), ours=False)) for n in range(7)]
            await until(lambda: len(held) == 3)
            assert not direct.room("a", direct.bounds, ours=False)
            own = [asyncio.create_task(direct.send("a", post(at.url, b"own"), ours=True)) for n in range(2)]
            await until(lambda: len(held) == 4)
            assert direct.room("a", direct.bounds, ours=True) and not direct.room("a", direct.bounds, ours=False)
            held[0].write(OK)
            await until(lambda: len(held) == 5)
            assert at.requests[-1].endswith(b"own")
            while not all(one.done() for one in (*others, *own)):
                for link in held:
                    link.write(OK)
                held.clear()
                await asyncio.sleep(0.002)
            assert direct.slots["a"].free == 4
            await direct.close()

    run(main())


def test_a_turn_that_comes_while_its_call_is_given_up_goes_to_the_next(run):
    """None is lost."""

    async def main():
        async with vendor() as at:
            direct = Calls(5.0, 1)
            held = []
            at.play = held.append
            going = [asyncio.create_task(direct.send("a", post(at.url))) for n in range(3)]
            await until(lambda: len(held) == 1)
            direct.slots["a"].end()  # the second one's turn, in the moment in which it is cancelled
            going[1].cancel()
            await until(lambda: len(held) == 2)
            for link in held:
                link.write(OK)
            await asyncio.gather(*going, return_exceptions=True)
            assert going[1].cancelled() and direct.slots["a"].free == 2
            await direct.close()

    run(main())


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * MAX_ANSWER, "answer_too_large"),
        (b"HTTP/1.1 600 What\r\nContent-Length: 0\r\n\r\n", "no_answer"),
        (b"HTTP/1.1 101 Switching\r\n\r\n", "no_answer"),
    ],
)
def test_answers_that_no_caller_gets(run, raw, why):
    """Too large, or of no known class."""

    async def main():
        async with vendor() as at:
            direct = Calls(5.0, 1)
            at.end(raw)
            assert await code(direct.send("a", post(at.url))) == why
            await direct.close()

    run(main())


def test_other_bounds_count_from_the_next_call_on(run):
    """What is under way ends by the old ones, and nothing of the old pool stays."""

    async def main():
        async with vendor() as at:
            direct = Calls(5.0, 1)
            held = []
            at.play = held.append
            old = asyncio.create_task(direct.send("a", post(at.url)))
            await until(lambda: len(held) == 1)
            direct.bounds = (0.05, 2)
            assert await code(direct.send("a", post(at.url))) == "timeout"
            held[0].write(OK)
            assert (await old).status == 200
            await at.gone()
            at.answer(OK)
            await direct.send("a", post(at.url))
            await direct.send("a", post(at.url))
            assert len(at.links) == 3
            await direct.close()
            at.answer(OK)
            assert (await direct.send("a", post(at.url))).status == 200
            await direct.close()

    run(main())


def test_another_loop_has_a_pool_of_its_own():
    """Tests and reloads come with one; the old one may be closed by then."""
    direct = Calls(5.0, 1)

    async def main():
        async with vendor() as at:
            at.answer(GO + b"Connection: close\r\n\r\n")
            assert (await direct.send("a", post(at.url))).status == 204

    for factory in (asyncio.new_event_loop, uvloop.new_event_loop, asyncio.new_event_loop):
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(main())
