"""deploy/archive/archive.py: what it puts is locked, and nothing that names a person is."""

import importlib.util
import shutil
from datetime import UTC, datetime
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from gatekeeper.audit import authority, redact, stamp
from gatekeeper.audit.signing import Signer
from gatekeeper.audit.stamp import Stamp
from gatekeeper.audit.verify import verify
from gatekeeper.audit.writer import AuditWriter
from tests.audit import logs
from tests.audit.tsa import Tsa

SOURCE = Path(__file__).parents[2] / "deploy" / "archive" / "archive.py"
WORDS = ("--bucket", "log", "--keep-days", "30", "--prefix", "shop/")


@pytest.fixture(scope="module")
def example():
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("archive_example", SOURCE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def bucket(monkeypatch):
    """A bucket with Object Lock, in this process."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        made = boto3.resource("s3").Bucket("log")
        made.create(ObjectLockEnabledForBucket=True)
        yield made


@pytest.fixture
def kept(tmp_path):
    """A log of which some segments still name people, with a time stamp; and the authority's certificate."""
    line = logs.make(tmp_path).rstrip(b"\n")
    tsa = Tsa(key="ec")
    tsa.at = datetime.fromtimestamp(authority.claimed(line), UTC)
    anchors = tmp_path / "anchors"
    anchors.mkdir()
    made = Stamp(line, tsa.of(line))
    (anchors / f"{tsa.at:%Y%m%dT%H%M%SZ}-{made.name}.json").write_bytes(made.written())
    return tmp_path / "audit", anchors, tsa


def run(example, audit, anchors):
    """The command; its exit code."""
    return example.main([*WORDS, "--anchors", str(anchors), str(audit)])


def named(bucket):
    """The objects' keys."""
    return {one.key.removeprefix("shop/") for one in bucket.objects.all()}


def test_segments_without_references_go_there_and_others_wait(example, bucket, kept):
    """Stamps at once; a segment once its references are gone; nothing twice."""
    audit, anchors, _ = kept
    bare = {path.name for path in audit.glob("*.gz") if not example.forgettable(path)}
    assert run(example, audit, anchors) == 0
    stamps = {f"anchors/{path.name}" for path in anchors.glob("*.json")}
    assert named(bucket) == bare | stamps and bare and bare < {path.name for path in audit.glob("*.gz")}
    before = {one.key: one.last_modified for one in bucket.object_versions.all()}
    assert run(example, audit, anchors) == 0
    assert {one.key: one.last_modified for one in bucket.object_versions.all()} == before
    later = 10**10
    writer = AuditWriter(audit, signer=Signer(audit.parent / "keys"))
    redact.remove(audit, redact.older_than(later), writer, reason="retention", at=later)
    writer.close()
    assert run(example, audit, anchors) == 0
    assert {path.name for path in audit.glob("*.gz")} <= named(bucket)


def test_what_is_there_cannot_be_deleted(example, bucket, kept):
    """The lock is in compliance mode, for as long as was said."""
    run(example, *kept[:2])
    for one in bucket.object_versions.all():
        with pytest.raises(ClientError, match="AccessDenied"):
            one.delete()
        head = one.head()
        assert head["ObjectLockMode"] == "COMPLIANCE"
        assert (head["ObjectLockRetainUntilDate"] - datetime.now(UTC)).days in (29, 30)


def test_a_log_that_was_changed_does_not_fit_what_is_locked(example, bucket, kept):
    """The bucket's segments over the machine's: the log as it was is sound, and another one is not."""
    audit, anchors, tsa = kept
    run(example, audit, anchors)
    found = [bucket.Object(f"shop/anchors/{path.name}").get()["Body"].read() for path in anchors.glob("*.json")]
    roots = stamp.roots(tsa.pem())

    def over(log):
        for one in named(bucket):
            if one.endswith(".gz"):
                bucket.download_file(f"shop/{one}", str(log / one))
        return verify(log, anchors=found, roots=roots)

    assert over(Path(shutil.copytree(audit, audit.parent / "copy"))).problems == []
    logs.make(audit.parent / "other")
    assert over(audit.parent / "other" / "audit").problems != []


def test_a_bucket_that_refuses_is_said(example, bucket, kept, capsys):
    """The exit code is what cron mails."""
    audit, anchors, _ = kept
    assert example.main(["--bucket", "none", "--keep-days", "30", "--anchors", str(anchors), str(audit)]) == 1
    assert "archive: " in capsys.readouterr().err
    with pytest.raises(SystemExit):
        example.main(["--bucket", "log", "--keep-days", "0", str(audit)])
