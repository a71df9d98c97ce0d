"""The archive's objects by S3's own protocol, against moto's server and against peers that fail as S3 does."""

import socket
import time
from contextlib import closing

import pytest

from gatekeeper.audit.shared import s3
from gatekeeper.audit.shared.s3 import S3
from gatekeeper.errors import AuditError
from gatekeeper.model import Answer
from tests.answering import Port, answering
from tests.storage.buckets import CREDENTIALS, store

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def server():
    """moto's."""
    with store() as one:
        yield one


@pytest.fixture(autouse=True)
def credentials(monkeypatch):
    """Who we are, as boto3 finds it."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def buckets(server):
    """A locked one and one that is not, with a prefix."""
    locked, plain = server.fresh()
    return S3(f"s3://{locked}/gk", server.url), S3(f"s3://{plain}/gk/", server.url), locked


def test_an_object_is_put_once_and_can_be_read(buckets):
    """The second one is told that it came late."""
    locked, _, _ = buckets
    until = time.time() + 3_600
    assert locked.put_once("a/1.heads.gz", b"one", until) is True
    assert locked.put_once("a/1.heads.gz", b"two", until) is False
    (key,) = locked.list("a/")
    assert key == "a/1.heads.gz" and locked.get(key, locked.list()[key].version) == b"one"
    assert locked.list("b/") == {}


def test_what_is_locked_cannot_be_deleted_and_a_later_version_is_not_the_first(buckets, server):
    """An insider who may put objects changes nothing of what is read."""
    locked, _, name = buckets
    locked.put_once("a/1", b"one", time.time() + 3_600)
    bucket, key = name, "gk/a/1"
    first = locked.list()["a/1"]
    server.client.put_object(Bucket=bucket, Key=key, Body=b"forged", ChecksumAlgorithm="SHA256")
    assert locked.list()["a/1"] == first and locked.get("a/1", first.version) == b"one"
    with pytest.raises(server.client.exceptions.ClientError, match="AccessDenied"):
        server.client.delete_object(Bucket=bucket, Key=key, VersionId=first.version)
    server.client.delete_object(Bucket=bucket, Key=key)  # a marker, which hides it from who does not look
    assert locked.list()["a/1"] == first


def test_references_are_put_in_each_others_place(buckets):
    """Nothing is left of the older ones."""
    _, plain, _ = buckets
    plain.put("a/1.refs.gz", b"one")
    before = plain.list()["a/1.refs.gz"]
    plain.put("a/1.refs.gz", b"two")
    after = plain.list()["a/1.refs.gz"]
    assert plain.get("a/1.refs.gz") == b"two" and before.tag != after.tag and after.version is None


def test_a_bucket_without_object_lock_is_refused(buckets):
    """What can be deleted there is no proof."""
    _, plain, _ = buckets
    with pytest.raises(AuditError, match="made with Object Lock"):
        plain.put_once("a/1", b"one", time.time() + 3_600)


def test_the_buckets_are_looked_at(buckets, server):
    """One with Object Lock for what stays, one that keeps no versions for what must be deletable."""
    locked, plain, _ = buckets
    locked.check(locked=True)
    plain.check(locked=False)
    with pytest.raises(AuditError, match="without Object Lock"):
        plain.check(locked=True)
    with pytest.raises(AuditError, match="keeps versions"):
        locked.check(locked=False)
    with pytest.raises(AuditError, match="no such bucket"):
        S3("s3://nowhere", server.url).check(locked=True)


def test_a_bucket_that_is_not_there_is_named(server):
    """With what is wrong."""
    with pytest.raises(AuditError, match="the archive nowhere: there is no such bucket"):
        S3("s3://nowhere", server.url).list()


def refusing(code, status):
    """What S3 answers."""
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>m</Message></Error>".encode()
    return Answer(status, (("content-type", "application/xml"),), body)


@pytest.mark.parametrize(
    "code, status, told",
    [
        ("AccessDenied", 403, "access is denied"),
        ("InvalidAccessKeyId", 403, "AWS_ACCESS_KEY_ID"),
        ("SignatureDoesNotMatch", 403, "the secret key is wrong"),
        ("ExpiredToken", 400, "have expired"),
        ("AuthorizationHeaderMalformed", 400, "another region"),
        ("PermanentRedirect", 301, "another region"),
        ("SlowDown", 503, "too many requests"),
        ("NoSuchBucket", 404, "no such bucket"),
        ("Odd", 418, "the answer is Odd"),
    ],
)
def test_what_the_store_refuses_is_said_in_words_with_a_remedy(code, status, told, monkeypatch):
    """For each question; nothing that was sent stands in it."""
    monkeypatch.setattr(time, "sleep", lambda seconds: None)  # between two attempts
    with answering(lambda call: refusing(code, status)) as url:
        for ask in (lambda one: one.list(), lambda one: one.put("k", b"what-was-sent"), lambda one: one.get("k")):
            with pytest.raises(AuditError, match=told) as raised:
                ask(S3("s3://bucket/gk", url))
            assert "what-was-sent" not in str(raised.value) and str(raised.value).startswith("the archive bucket: ")


def test_a_store_that_does_not_answer_is_not_waited_for(monkeypatch):
    """Nor one that accepts and says nothing, that hangs up in the middle of what is sent, or that is not there."""
    monkeypatch.setattr(s3, "READ", 0.2)
    monkeypatch.setattr(s3, "CONNECT", 0.2)

    def silent(link):
        link.settimeout(2.0)
        while link.recv(65_536):
            continue

    def hangs_up(link):
        link.recv(1_000)

    for peer in (silent, hangs_up):
        with closing(Port(peer)) as port:
            began = time.monotonic()
            with pytest.raises(AuditError, match="does not answer"):
                S3("s3://bucket", port.url).put("k", bytes(2**20))
            assert time.monotonic() - began < 5.0
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with pytest.raises(AuditError, match="does not answer"):
            S3("s3://bucket", f"http://127.0.0.1:{closed.getsockname()[1]}").list()


def test_who_we_are_has_to_be_known(monkeypatch, server):
    """Without credentials nothing is asked."""
    for name in CREDENTIALS:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    with pytest.raises(AuditError, match="NoCredentialsError"):
        S3("s3://bucket", server.url).list()
