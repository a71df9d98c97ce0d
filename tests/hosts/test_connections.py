"""Many visitors on one kept connection, as behind a proxy: the context of one reaches neither the next nor the outside.

With real servers. A large upload, a large answer and pipelined requests are what made them mix
(github.com/Kludex/uvicorn/issues/2167, github.com/python/cpython/issues/140947).
"""

import importlib.util
import json
import socket
import time

import pytest

import gatekeeper
from tests.hosts.test_prefork import POLICY
from tests.running import free_port, process

UVICORN = ["uvicorn", "tests.hosts.outer:app", "--host", "127.0.0.1", "--port", "{port}", "--log-level", "warning"]
SERVERS = {
    "uvicorn-asyncio-h11": [*UVICORN, "--loop", "asyncio", "--http", "h11"],
    "uvicorn-asyncio-httptools": [*UVICORN, "--loop", "asyncio", "--http", "httptools"],
    "uvicorn-uvloop-httptools": [*UVICORN, "--loop", "uvloop", "--http", "httptools"],
    "hypercorn": ["hypercorn", "tests.hosts.outer:app", "--bind", "127.0.0.1:{port}", "--log-level", "warning"],
    "granian": ["granian", "tests.hosts.outer:app", "--interface", "asgi", "--host", "127.0.0.1", "--port", "{port}"],
    "daphne": ["daphne", "tests.hosts.outer:app", "--bind", "127.0.0.1", "--port", "{port}", "--verbosity", "0"],
}


@pytest.fixture(params=SERVERS)
def shop(request, tmp_path):
    """A server of its own process; its folder and port."""
    module, *options = SERVERS[request.param]
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed")
    (tmp_path / "gatekeeper.toml").write_text(POLICY.format(endpoint="http://127.0.0.1:9"))
    port = free_port()
    words = ["-W", "ignore", "-m", module, *[word.format(port=port) for word in options]]
    with process(words, tmp_path, env={"SHOP_POLICY": str(tmp_path / "gatekeeper.toml")}):
        yield tmp_path, port


def connected(folder, port):
    """A connection, as soon as the server takes one."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=20)
        except OSError:
            assert time.monotonic() < deadline, (folder / "stderr").read_text()[-2000:]
            time.sleep(0.05)


def ask(path, cookie=None, body=b"", method=None):
    """One request."""
    lines = [f"{method or ('POST' if body else 'GET')} {path} HTTP/1.1", "Host: shop.example"]
    lines += [f"Cookie: {cookie}"] if cookie else []
    lines += [f"Content-Length: {len(body)}"] if body else []
    return "\r\n".join([*lines, "", ""]).encode() + body


def heard(stream):
    """The body of the next answer."""
    status = stream.readline()
    assert b" 200 " in status, status
    length = 0
    while (line := stream.readline()) not in (b"\r\n", b""):
        name, _, value = line.partition(b":")
        length = int(value) if name.lower() == b"content-length" else length
    return stream.read(length).strip().decode()


def test_the_context_of_a_request_stays_in_the_app(shop):
    """Inside each request speaks for its own visitor; around the gate, before, during and after, for no visitor."""
    folder, port = shop
    with connected(folder, port) as wire, wire.makefile("rb") as stream:
        config = folder / "gatekeeper.toml"
        anna, bert = (
            gatekeeper.issue_consent(config=config, analytics=granted, subject=name).partition(";")[0]
            for name, granted in (("anna", True), ("bert", False))
        )
        said = []
        for one in (
            ask("/upload", anna, b"x" * 2_000_000),
            ask("/nobody"),
            ask("/large", anna),
            ask("/bert", bert),
            ask("/upload", bert, b"x" * 2_000_000),
            ask("/nobody"),
        ):
            wire.sendall(one)
            said.append(heard(stream))
        assert said == ["anna", "nobody", "anna", "bert", "bert", "nobody"]
        wire.sendall(ask("/pipelined", anna) + ask("/pipelined", bert) + ask("/pipelined"))
        assert [heard(stream) for _ in range(3)] == ["anna", "bert", "nobody"]
        wire.sendall(ask("/seen"))
        assert json.loads(heard(stream)) == ["clean"]
    log = (folder / "stderr").read_text()
    assert "gatekeeper.context.keep()" not in log and "Traceback" not in log
