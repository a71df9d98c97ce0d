"""Time stamps are fetched from an authority and kept, one small file for each, which never changes.

<time>-<hash of the line>.json    in `[audit.anchors] path`; the time is the authority's

Of all processes that share a log one fetches, and only when the newest stamp is old enough. Nothing waits for it: the
log's chores call it, and a failure is logged, shown as a metric, and tried again with the next checkpoint.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gatekeeper.audit import stamp
from gatekeeper.audit.chain import split
from gatekeeper.audit.facts import TOLERANCE, seconds
from gatekeeper.audit.segments import write_whole
from gatekeeper.audit.stamp import Stamp
from gatekeeper.errors import AuditError, ConfigError
from gatekeeper.installation.locks import Lock

if TYPE_CHECKING:
    from gatekeeper.policy import Policy

_NAME: Final = re.compile(r"(\d{8}T\d{6}Z)-[0-9a-f]{16}\.json")
_FORM: Final = "%Y%m%dT%H%M%SZ"
_LOCK: Final = ".lock"
_PATIENCE: Final = 10.0  # seconds for the authority
_log = logging.getLogger("gatekeeper")


class Authority:
    """Where stamps come from, whom they must go back to, and where they are kept."""

    def __init__(
        self, url: str, pem: Path, folder: Path, *, every: float, clock: Callable[[], float] = time.time
    ) -> None:
        self.url = url
        self.pem = pem
        self.folder = folder
        self._every = every
        self._clock = clock

    def put(self, line: bytes, tell: Callable[[bool], None]) -> None:
        """Have a checkpoint's line stamped if it is time, and say whether all is well. Raises nothing."""
        try:
            self.take(line)
        except (AuditError, ConfigError, OSError) as error:
            _log.error("the log gets no time stamp: %s", error)
            tell(False)
        else:
            tell(True)

    def take(self, line: bytes, *, now: bool = False) -> Path | None:
        """Have a line stamped, and keep the stamp; `None` if the newest is young enough, unless it is wanted `now`.

        Raises AuditError, ConfigError, OSError.
        """
        if not now and self._young():
            return None
        lock = Lock(self.folder / _LOCK)
        if not lock.take():
            return None  # another process is doing it
        try:
            return None if not now and self._young() else self._fetched(line.rstrip(b"\n"))
        finally:
            lock.release()

    def newest(self) -> float | None:
        """The time of the newest stamp, Unix seconds."""
        found = [match[1] for path in files(self.folder) if (match := _NAME.fullmatch(path.name))]
        return datetime.strptime(max(found), _FORM).replace(tzinfo=UTC).timestamp() if found else None

    def _young(self) -> bool:
        newest = self.newest()
        return newest is not None and abs(self._clock() - newest) < self._every

    def _fetched(self, line: bytes) -> Path:
        asked, nonce = stamp.request(line)
        made = Stamp(line, _ask(self.url, asked))
        at = stamp.time_of(made, stamp.roots(self.pem.read_bytes()), nonce=nonce)
        ahead = claimed(line) - at.timestamp()
        if ahead > TOLERANCE:
            raise AuditError(f"the clock of this machine is {ahead:.0f} seconds ahead of the authority's; set it")
        path = self.folder / f"{at:{_FORM}}-{made.name}.json"
        write_whole(path, made.written())
        return path


def of_policy(policy: Policy) -> Authority | None:
    """The authority that a policy names."""
    table = policy.file.audit.anchors
    if table.authority is None or table.roots is None:
        return None
    return Authority(table.authority, policy.folder / table.roots, policy.folder / table.path, every=table.every)


def files(folder: Path) -> list[Path]:
    """The stamps in a folder, the oldest first; none if there is no such folder."""
    return sorted(path for path in folder.glob("*.json") if _NAME.fullmatch(path.name))


def claimed(line: bytes) -> float:
    """The time that a signed line says it is of, Unix seconds. Raises ValueError."""
    sealed = split(line + b"\n")
    if sealed is None:
        raise ValueError("is not a line of a log")
    return float(seconds(str(sealed.record["timestamp"]).encode()))


def _ask(url: str, asked: bytes) -> bytes:
    """The authority's answer, which is not read beyond what one can have. Raises AuditError."""
    import httpx  # a gate without an authority starts without it

    headers = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
    found, end = b"", time.monotonic() + _PATIENCE
    try:
        with httpx.stream("POST", url, content=asked, headers=headers, timeout=_PATIENCE, trust_env=False) as answer:
            answer.raise_for_status()
            for piece in answer.iter_bytes():
                found += piece
                if time.monotonic() > end:
                    raise AuditError(f"the authority took more than {_PATIENCE:.0f} seconds")
                if len(found) > stamp.MOST:
                    raise AuditError(f"the authority answered with more than {stamp.MOST} bytes")
    except httpx.HTTPStatusError as error:
        raise AuditError(f"the authority answered {error.response.status_code}") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise AuditError(f"the authority cannot be reached ({type(error).__name__})") from None
    return found
