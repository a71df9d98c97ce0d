"""Fetching a location database. An edition and the day in; the file swapped and its `GeoInfo` out.

    dbip-city-lite, dbip-country-lite    DB-IP Lite, CC BY 4.0, no key; one file a month, no "latest" URL
    GeoLite2-City, GeoIP2-City, …        MaxMind, with the user's own account id and licence key

The download goes to a new file beside the target, is checked (MaxMind publishes a SHA-256), opened and
probed, and only then renamed over it, so that a reader sees the old file or the new one and never a part.
Sources: https://db-ip.com/db/lite.php and https://dev.maxmind.com/geoip/updating-databases
"""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from gatekeeper.errors import ConfigError, GatekeeperError
from gatekeeper.geoip.database import Database, DatabaseError
from gatekeeper.geoip.info import GeoInfo, info

DBIP = "https://download.db-ip.com"
MAXMIND = "https://download.maxmind.com"
DBIP_EDITIONS = ("dbip-city-lite", "dbip-country-lite")

_MAXMIND_EDITION = re.compile(r"(GeoLite2|GeoIP2|GeoIP)-[A-Za-z0-9-]+")
_LARGEST = 2 << 30  # bytes, unpacked; the largest edition is about a tenth of it

Progress = Callable[[int, int | None], None]


def update(
    target: Path,
    *,
    now: float,
    edition: str = "dbip-city-lite",
    account: str | None = None,
    key: str | None = None,
    client: httpx.Client | None = None,
    base: str | None = None,
    progress: Progress = lambda done, total: None,
    proxy: str | None = None,
) -> GeoInfo:
    """Fetch an edition and swap it in at `target`; describe what is there now.

    `now` is Unix seconds. `account` and `key` are MaxMind's. `base` replaces the vendor's scheme and host.
    `proxy` is the address of a forward proxy. `progress` is called with the bytes that have come and their total
    (`None` if the server does not say).
    Raises ConfigError for what the caller has to mend and GatekeeperError if the download failed or is no
    better than what is there; either way the old file is untouched.
    """
    if edition not in DBIP_EDITIONS and not _MAXMIND_EDITION.fullmatch(edition):
        raise ConfigError(
            f'edition: "{edition}" is not known; use {", ".join(DBIP_EDITIONS)}, '
            "or one of MaxMind's such as GeoLite2-City"
        )
    if edition not in DBIP_EDITIONS and not (account and key):
        raise ConfigError(
            f"edition: {edition} needs a MaxMind account id and licence key; pass both, or use {DBIP_EDITIONS[0]}"
        )
    if not target.parent.is_dir():
        raise ConfigError(f'path: "{target.parent}" is not a folder; create it first')
    with _part(target) as packed, _part(target) as unpacked, _client(client, proxy) as http:
        if edition in DBIP_EDITIONS:
            _fetch_dbip(http, base or DBIP, edition, now, packed, progress)
            _gunzip(packed, unpacked)
        else:
            _fetch_maxmind(http, base or MAXMIND, edition, (account or "", key or ""), packed, progress)
            _untar(packed, unpacked)
        _check(unpacked, target, now)
        _swap(unpacked, target)
    return info(target, now=now)


def _fetch_dbip(http: httpx.Client, base: str, edition: str, now: float, to: Path, progress: Progress) -> None:
    today = datetime.fromtimestamp(now, UTC).date()
    for month in (today, today.replace(day=1) - timedelta(days=1)):
        if _download(http, f"{base}/free/{edition}-{month:%Y-%m}.mmdb.gz", None, to, progress):
            return
    raise GatekeeperError(f"{edition} was found neither for this month nor for the last; try again later")


def _fetch_maxmind(
    http: httpx.Client, base: str, edition: str, auth: tuple[str, str], to: Path, progress: Progress
) -> None:
    url = f"{base}/geoip/databases/{edition}/download"
    with _part(to) as published:
        found = _download(http, f"{url}?suffix=tar.gz.sha256", auth, published, lambda done, total: None)
        expected = published.read_text("ascii", "replace").split()[:1] if found else []
    if not _download(http, f"{url}?suffix=tar.gz", auth, to, progress):
        raise ConfigError(f"edition: MaxMind has no {edition} for this account; check the name and the subscription")
    with to.open("rb") as file:
        actual = hashlib.file_digest(file, "sha256").hexdigest()
    if expected != [actual]:
        raise GatekeeperError(f"the download of {edition} does not match its published SHA-256; try again")


def _download(http: httpx.Client, url: str, auth: tuple[str, str] | None, to: Path, progress: Progress) -> bool:
    """Fetch to a file; false on 404. The URL never holds the key, so it may stand in a message."""
    try:
        with http.stream("GET", url, auth=auth) as answer, to.open("wb") as file:
            if answer.status_code == 404:
                return False
            if auth is not None and answer.status_code in (401, 403):
                raise ConfigError(f"key: {url} refused it ({answer.status_code}); check account id and licence key")
            if answer.status_code != 200:
                raise GatekeeperError(f"{url} answered {answer.status_code}; try again later")
            length = answer.headers.get("content-length", "")
            total = int(length) if length.isascii() and length.isdigit() else None
            done = 0
            for chunk in answer.iter_raw(1 << 16):
                done += len(chunk)
                if done > _LARGEST:
                    raise GatekeeperError(f"{url} sends more than {_LARGEST} bytes; it is not a location database")
                file.write(chunk)
                progress(done, total)
            if total is not None and done != total:
                raise GatekeeperError(f"{url} sent {done} of {total} bytes; try again")
    except (httpx.HTTPError, httpx.InvalidURL) as fault:
        raise GatekeeperError(f"{url} could not be fetched ({type(fault).__name__}); try again later") from None
    return True


def _gunzip(packed: Path, unpacked: Path) -> None:
    size = 0
    try:
        with gzip.open(packed) as source, unpacked.open("wb") as target:
            while plain := source.read(1 << 20):
                size += len(plain)
                if size > _LARGEST:
                    raise GatekeeperError(f"the download unpacks to more than {_LARGEST} bytes")
                target.write(plain)
    except (OSError, EOFError, zlib.error):
        raise GatekeeperError("the download is not a whole gzip file; try again") from None


def _untar(packed: Path, unpacked: Path) -> None:
    try:
        with tarfile.open(packed, "r:gz") as archive:
            for member in archive:
                if member.isfile() and member.name.endswith(".mmdb") and member.size <= _LARGEST:
                    source = archive.extractfile(member)
                    if source is not None:
                        with unpacked.open("wb") as target:
                            shutil.copyfileobj(source, target)
                        return
    except (tarfile.TarError, OSError, EOFError, zlib.error):
        raise GatekeeperError("the download is not a whole tar.gz archive; try again") from None
    raise GatekeeperError("the download holds no .mmdb file")


def _check(fresh: Path, target: Path, now: float) -> None:
    try:
        epoch = Database(fresh).epoch
    except DatabaseError as fault:
        raise GatekeeperError(f"the download cannot be used: {fault}") from None
    if epoch > now + 2 * 86_400:
        raise GatekeeperError("the download cannot be used: it claims to be built in the future")
    try:
        current = Database(target).epoch
    except DatabaseError:
        return  # nothing there, or nothing usable: anything good is better
    if epoch < current:
        raise GatekeeperError("the download is older than the database in use, which stays")


def _swap(fresh: Path, target: Path) -> None:
    with fresh.open("rb") as file:
        os.fsync(file.fileno())
    fresh.chmod(0o644)
    fresh.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def _part(beside: Path) -> Iterator[Path]:
    """A new empty file in the same folder, gone afterwards unless it was renamed."""
    descriptor, name = tempfile.mkstemp(prefix=f".{beside.name}.", suffix=".part", dir=beside.parent)
    os.close(descriptor)
    part = Path(name)
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _client(given: httpx.Client | None, proxy: str | None) -> Iterator[httpx.Client]:
    if given is not None:
        yield given
    else:
        with httpx.Client(timeout=30.0, follow_redirects=True, trust_env=False, proxy=proxy) as own:
            yield own
