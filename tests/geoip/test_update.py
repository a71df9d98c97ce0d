"""Fetching databases, against a server that only exists in the test."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from gatekeeper.errors import ConfigError, GatekeeperError
from gatekeeper.geoip.info import info
from gatekeeper.geoip.update import update
from gatekeeper.model import Answer, Call
from tests.answering import answering
from tests.geoip.builders import JUNE, NOW, write_mmdb

KEY = "licence-key-nobody-may-see"
DENMARK = {"89.160.20.0/24": {"country": {"iso_code": "DK"}}}


def archive(content: bytes, name: str = "GeoLite2-City_20261120/GeoLite2-City.mmdb") -> bytes:
    """A tar.gz as MaxMind sends it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for member, raw in (("GeoLite2-City_20261120/LICENSE.txt", b"text"), (name, content)):
            entry = tarfile.TarInfo(member)
            entry.size = len(raw)
            tar.addfile(entry, io.BytesIO(raw))
    return buffer.getvalue()


@dataclass(frozen=True)
class Reply:
    """What the server says to one path."""

    status: int = 200
    content: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def maxmind(content: bytes, *, checksum: str | None = None) -> dict[str, Reply]:
    """MaxMind's two answers for one edition."""
    digest = hashlib.sha256(content).hexdigest() if checksum is None else checksum
    path = "/geoip/databases/GeoLite2-City/download"
    return {
        f"{path}?suffix=tar.gz.sha256": Reply(content=f"{digest}  GeoLite2-City.tar.gz\n".encode()),
        f"{path}?suffix=tar.gz": Reply(content=content),
    }


class Server:
    """Answers by path; remembers what was asked."""

    def __init__(self, answers: dict[str, Reply]) -> None:
        self.answers = answers
        self.asked: list[httpx.Request] = []
        self.client = httpx.Client(transport=httpx.MockTransport(self.answer), follow_redirects=True)

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        reply = self.answers.get(request.url.raw_path.decode(), Reply(404))
        headers = {"content-length": str(len(reply.content)), **reply.headers}
        return httpx.Response(reply.status, headers=headers, stream=httpx.ByteStream(reply.content))

    @property
    def paths(self) -> list[str]:
        return [request.url.raw_path.decode() for request in self.asked]


def fresh(tmp_path: Path) -> bytes:
    """The bytes of a good database."""
    return write_mmdb(tmp_path / "fresh.mmdb", DENMARK, kind="DBIP-City-Lite", epoch=JUNE + 1).read_bytes()


def dbip(month: str) -> str:
    return f"/free/dbip-city-lite-{month}.mmdb.gz"


def test_db_ip_is_fetched_by_its_monthly_url(tmp_path: Path) -> None:
    """This month's file, unpacked, probed and in place; progress is told in bytes."""
    packed = gzip.compress(fresh(tmp_path))
    server = Server({dbip("2026-11"): Reply(content=packed)})
    steps: list[tuple[int, int | None]] = []
    target = tmp_path / "geoip.mmdb"

    about = update(target, now=NOW, client=server.client, progress=lambda done, total: steps.append((done, total)))

    assert server.paths == [dbip("2026-11")]
    assert about == info(target, now=NOW)
    assert (about.source, about.built) == ("DB-IP", "2026-06-01")
    assert steps[-1] == (len(packed), len(packed))


def test_last_months_file_is_the_fallback(tmp_path: Path) -> None:
    """On the first of a month the new file may not be out; January falls back to December."""
    server = Server({dbip("2026-12"): Reply(content=gzip.compress(fresh(tmp_path)))})
    january = NOW + 45 * 86_400

    update(tmp_path / "geoip.mmdb", now=january, client=server.client)

    assert server.paths == [dbip("2027-01"), dbip("2026-12")]


def test_maxmind_is_fetched_with_the_users_key_and_checked(tmp_path: Path) -> None:
    """Account and key go as basic authentication, never in a URL."""
    server = Server(maxmind(archive(fresh(tmp_path))))
    target = tmp_path / "geoip.mmdb"

    update(target, now=NOW, edition="GeoLite2-City", account="12345", key=KEY, client=server.client)

    assert info(target, now=NOW).problem is None
    expected = "Basic " + base64.b64encode(f"12345:{KEY}".encode()).decode()
    assert {request.headers["authorization"] for request in server.asked} == {expected}
    assert not any(KEY in str(request.url) for request in server.asked)


def test_the_key_is_not_sent_to_where_a_redirect_leads(tmp_path: Path) -> None:
    """MaxMind redirects to its storage; that is another host."""
    content = archive(fresh(tmp_path))
    answers = maxmind(content)
    answers["/geoip/databases/GeoLite2-City/download?suffix=tar.gz"] = Reply(
        302, headers={"location": "https://storage.example/signed"}
    )
    answers["/signed"] = Reply(content=content)
    server = Server(answers)

    update(tmp_path / "geoip.mmdb", now=NOW, edition="GeoLite2-City", account="1", key=KEY, client=server.client)

    assert "authorization" not in server.asked[-1].headers


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(Reply(503), "answered 503; try again later", id="server-error"),
        pytest.param(Reply(content=b"<html>"), "not a whole gzip file", id="a-web-page"),
        pytest.param(
            Reply(content=gzip.compress(b"x" * 50_000)[:-20]),
            "not a whole gzip file",
            id="cut-short",
        ),
        pytest.param(
            Reply(content=gzip.compress(b"<html>")),
            "not a sound MaxMind DB file",
            id="no-database",
        ),
        pytest.param(
            Reply(content=b"abc", headers={"content-length": "5"}),
            "sent 3 of 5 bytes",
            id="length",
        ),
    ],
)
def test_a_bad_download_leaves_everything_as_it_was(tmp_path: Path, answer: Reply, expected: str) -> None:
    """The old file stays, and no part of the new one is left behind."""
    folder = tmp_path / "var"
    folder.mkdir()
    target = write_mmdb(folder / "geoip.mmdb")
    before = target.read_bytes()

    with pytest.raises(GatekeeperError) as caught:
        update(target, now=NOW, client=Server({dbip("2026-11"): answer}).client)

    assert expected in str(caught.value)
    assert target.read_bytes() == before
    assert [path.name for path in folder.iterdir()] == ["geoip.mmdb"]


def test_an_unreachable_server_is_one_sentence(tmp_path: Path) -> None:
    """No traceback of the client library."""

    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no route", request=request)

    client = httpx.Client(transport=httpx.MockTransport(refuse))
    with pytest.raises(GatekeeperError, match=r"could not be fetched \(ConnectError\); try again later"):
        update(tmp_path / "geoip.mmdb", now=NOW, client=client)


def test_nothing_for_two_months_is_one_sentence(tmp_path: Path) -> None:
    """DB-IP has no "latest" URL."""
    with pytest.raises(GatekeeperError, match="neither for this month nor for the last"):
        update(tmp_path / "geoip.mmdb", now=NOW, client=Server({}).client)


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        pytest.param({}, "MaxMind has no GeoLite2-City for this account", id="unknown-edition"),
        pytest.param(maxmind(archive(b""), checksum="0" * 64), "does not match its published SHA-256", id="checksum"),
        pytest.param(maxmind(archive(b""), checksum=""), "does not match its published SHA-256", id="no-checksum"),
        pytest.param(maxmind(b"<html>"), "not a whole tar.gz archive", id="no-archive"),
        pytest.param(maxmind(archive(b"", name="README")), "holds no .mmdb file", id="no-database-in-it"),
        pytest.param(maxmind(archive(b"<html>")), "not a sound MaxMind DB file", id="no-database"),
        pytest.param(
            {path: Reply(401) for path in maxmind(b"")},
            "check account id and licence key",
            id="bad-key",
        ),
    ],
)
def test_a_bad_answer_of_maxmind(tmp_path: Path, answers: dict[str, Reply], expected: str) -> None:
    """Every fault has its sentence, and none shows the key."""
    with pytest.raises(GatekeeperError) as caught:
        update(
            tmp_path / "geoip.mmdb",
            now=NOW,
            edition="GeoLite2-City",
            account="12345",
            key=KEY,
            client=Server(answers).client,
        )

    assert expected in str(caught.value)
    assert KEY not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("epoch", "expected"),
    [
        pytest.param(JUNE - 1, "older than the database in use", id="older"),
        pytest.param(int(NOW) + 3 * 86_400, "built in the future", id="future"),
    ],
)
def test_the_download_must_be_newer_and_of_this_world(tmp_path: Path, epoch: int, expected: str) -> None:
    """An old file would undo corrections, one from the future would block every later one."""
    target = write_mmdb(tmp_path / "geoip.mmdb")
    content = gzip.compress(write_mmdb(tmp_path / "fresh.mmdb", DENMARK, epoch=epoch).read_bytes())

    with pytest.raises(GatekeeperError, match=expected):
        update(target, now=NOW, client=Server({dbip("2026-11"): Reply(content=content)}).client)

    assert info(target, now=NOW).type == "GeoLite2-City"


def test_a_broken_file_in_use_can_always_be_replaced(tmp_path: Path) -> None:
    """Anything good is better."""
    target = tmp_path / "geoip.mmdb"
    target.write_bytes(b"broken")
    server = Server({dbip("2026-11"): Reply(content=gzip.compress(fresh(tmp_path)))})

    assert update(target, now=NOW, client=server.client).problem is None


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param({"edition": "latest"}, 'edition: "latest" is not known; use dbip-city-lite', id="edition"),
        pytest.param({"edition": "../GeoLite2-City"}, "is not known", id="edition-as-path"),
        pytest.param({"edition": "GeoLite2-City"}, "needs a MaxMind account id and licence key", id="no-key"),
        pytest.param({"target": Path("/nowhere/at/all/x.mmdb")}, "is not a folder; create it first", id="folder"),
    ],
)
def test_what_the_caller_has_to_mend(tmp_path: Path, options: dict[str, object], expected: str) -> None:
    """Before anything is fetched."""
    server = Server({})
    with pytest.raises(ConfigError, match=expected):
        update(**{"target": tmp_path / "geoip.mmdb", "now": NOW, "client": server.client, **options})

    assert server.asked == []


def test_over_a_real_socket(tmp_path: Path) -> None:
    """The client that `update` makes by itself, against a server on loopback."""
    content = gzip.compress(fresh(tmp_path))

    def mirror(call: Call) -> Answer:
        return Answer(200 if call.path == dbip("2026-11") else 404, (), content)

    with answering(mirror) as base:
        about = update(tmp_path / "geoip.mmdb", now=NOW, base=base)

    assert about.problem is None
