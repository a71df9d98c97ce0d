"""Copies time stamps and closed segments of an audit log to a bucket whose objects cannot be deleted before a date.

    python3 archive.py --bucket my-audit --keep-days 1095 [--prefix shop/] [--anchors var/anchors] var/audit

An example for S3 and what speaks like it (`AWS_ENDPOINT_URL_S3`), by boto3, whose own settings say who you are. The
bucket was made with Object Lock. Each object is written once, in compliance mode. A segment goes there only when no
reference to a person stands in it any more: what is locked cannot be forgotten, and retention and erasure must reach
everything that names somebody. Until then its time stamps prove what it holds.

Exit code 0: all that may go is there; 1: something could not be put. Run it daily, as the gate's user.
"""

from __future__ import annotations

import argparse
import gzip
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

PERSONAL = b',"salt":"'  # stands in a line as long as subjects and names do; inside a string its quotes are escaped


def forgettable(segment: Path) -> bool:
    """Whether something in a segment may still have to be forgotten."""
    with gzip.open(segment) as lines:
        return any(PERSONAL in line for line in lines)


def wanted(audit: Path, anchors: Path | None) -> Iterator[tuple[str, Path]]:
    """The key and the file of everything that is final, stamps first."""
    for path in sorted(anchors.glob("*.json")) if anchors else ():
        yield f"anchors/{path.name}", path
    for path in sorted(audit.glob("*.jsonl.gz")):
        yield path.name, path


def there(bucket: Any, key: str) -> bool:
    """Whether an object is in the bucket."""
    try:
        bucket.Object(key).load()
    except ClientError as error:
        if error.response["Error"]["Code"] in ("404", "NoSuchKey"):
            return False
        raise
    return True


def archive(bucket: Any, audit: Path, anchors: Path | None, prefix: str, until: datetime) -> tuple[int, int]:
    """Put what is final and not there yet; how many objects that were, and how many segments wait."""
    put = waiting = 0
    for name, path in wanted(audit, anchors):
        key = prefix + name
        if there(bucket, key):
            continue
        if path.suffix == ".gz" and forgettable(path):
            waiting += 1
            continue
        bucket.put_object(
            Key=key,
            Body=path.read_bytes(),
            ObjectLockMode="COMPLIANCE",
            ObjectLockRetainUntilDate=until,
            ChecksumAlgorithm="SHA256",
        )
        put += 1
    return put, waiting


def main(words: list[str]) -> int:
    """What the command does."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("audit", type=Path, help="the log's folder, [audit] path")
    parser.add_argument("--anchors", type=Path, help="the folder of the time stamps, [audit.anchors] path")
    parser.add_argument("--bucket", required=True)
    parser.add_argument("--prefix", default="", help="what the keys of objects begin with")
    parser.add_argument("--keep-days", type=int, required=True, help="for so many days nothing can be deleted")
    said = parser.parse_args(words)
    if said.keep_days < 1 or not said.audit.is_dir():
        parser.error("--keep-days is at least 1, and the log's folder must be there")
    until = datetime.now(UTC) + timedelta(days=said.keep_days)
    bucket = boto3.resource("s3").Bucket(said.bucket)
    try:
        put, waiting = archive(bucket, said.audit, said.anchors, said.prefix, until)
    except (ClientError, BotoCoreError, OSError) as error:
        print(f"archive: {error}", file=sys.stderr)
        return 1
    print(f"{put} objects put, locked until {until:%Y-%m-%d}; {waiting} segments wait until no person is named in them")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
