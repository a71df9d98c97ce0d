"""This machine's part in a log over several: what is done every few seconds, and what one machine does for all.

round     one process of the machine: persons are forgotten here as others wished, closed segments go to the archive
forget    the machine that carries out a request for erasure: every log, wherever it is
expire    once a day: references that are too old, of machines that are gone
others    for questions and proofs
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

from gatekeeper.audit import redact
from gatekeeper.audit.lines import timestamp
from gatekeeper.audit.shared import cutting
from gatekeeper.audit.shared.mirror import USING, Fetched, Mirror, Other
from gatekeeper.audit.shared.objects import Archive
from gatekeeper.audit.shared.sending import Shipper
from gatekeeper.audit.shared.trail import Trail, Wish
from gatekeeper.audit.writer import AuditWriter
from gatekeeper.counting import counted
from gatekeeper.errors import AuditError, StorageError
from gatekeeper.installation import forks
from gatekeeper.installation.locks import Lock

PATIENCE: Final = 20.0  # seconds for the other machines
LOOK: Final = 0.1  # seconds between two looks at what they have done
Cut = Callable[[Wish], int]
"""What forgets persons in this machine's own log; in how many lines they were."""


class Machine:
    """`here` is a folder of this machine, `folder` its log, `keys` gives its audit keys, `keep` is in seconds."""

    def __init__(
        self,
        here: Path,
        folder: Path,
        trail: Trail,
        archive: Archive | None,
        *,
        keep: float,
        keys: Callable[[], Sequence[str]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._here, self._trail, self._archive, self._keys = here, trail, archive, keys
        self._mirror = Mirror(here / "others", archive, trail)
        self._shipper = None if archive is None else Shipper(folder, archive, trail, keep=keep, clock=clock)
        self._introduced = False
        self._lock = Lock(here / "archive.lock")
        self._round = threading.Lock()
        forks.register(self)

    def forked(self) -> None:
        """In a child: the round that was under way is its parent's."""
        self._round = threading.Lock()

    @property
    def behind(self) -> float:
        """Seconds that the oldest closed segment has waited for the archive, as far as this process knows."""
        return 0.0 if self._shipper is None else self._shipper.behind

    def faults(self) -> list[str]:
        """What is wrong with the archive, one sentence each. Asks it."""
        told = []
        if self._archive is not None:
            for key, bucket, locked in (
                ("audit.archive", self._archive.heads, True),
                ("audit.archive_references", self._archive.references, False),
            ):
                try:
                    bucket.check(locked=locked)
                except AuditError as error:
                    told.append(f"{key}: {error}")
        return told

    def fetched(self, patience: float = USING) -> AbstractContextManager[Fetched]:
        """The other machines' logs as they are now, for as long as the block. Raises AuditError, StorageError.

        `patience` are the seconds for other processes that use them.
        """
        return self._mirror.fetched(patience)

    @contextmanager
    def others(self) -> Iterator[Sequence[Other]]:
        """The same, by machine. Raises AuditError, StorageError."""
        with self._mirror.fetched() as found:
            yield found.others

    @contextmanager
    def folders(self) -> Iterator[Sequence[Path]]:
        """The same, as folders that questions are asked of."""
        with self._mirror.fetched() as found:
            yield found.folders

    def round(self, cut: Cut) -> bool:
        """Do what is due; `False` if another process of this machine does it. Raises AuditError, StorageError.

        The process that began does it until it leaves: it knows what is in the archive. Of its threads one at a time:
        another one would put references there as they were before they were cut.
        """
        with self._round:
            return self._take_turn(cut)

    def _take_turn(self, cut: Cut) -> bool:
        if not self._lock.take():
            return False
        self._introduce()
        done = {wish.id: cut(wish) if wish.names else 0 for wish in self._trail.wishes()}
        if done:
            self._mirror.drop()
        if self._shipper is not None:  # before it is said that it is done: what is in the archive is cut, too
            self._shipper.ship()
        for wish, lines in done.items():
            self._trail.done(wish, lines)
        return True

    def last(self) -> None:
        """Put what the log's end left into the archive, unless another process does it. Raises as `round`."""
        with self._round:
            if self._shipper is not None and self._lock.take():
                try:
                    self._introduce()
                    self._shipper.ship()
                finally:
                    self.leave()

    def leave(self) -> None:
        """Let another process of this machine do it."""
        self._lock.release()

    def ask(self, names: frozenset[str], *, erasure: str, at: float) -> int:
        """Ask every machine to forget persons: of several requests all are asked for before one is waited for.

        Without names only its copies of the other machines' logs are asked for.
        """
        return self._trail.wish(names, erasure, at)

    def forget(
        self, names: frozenset[str], *, erasure: str, at: float, writer: AuditWriter, cut: Cut,
        patience: float = PATIENCE,
    ) -> dict[str, int]:  # fmt: skip
        """Have persons forgotten in every other log: in how many lines they were, and how many machines are silent.

        The disk of a machine without a lease cannot be reached: it does it when it comes back. Raises StorageError
        where one that lives has not done it in time, AuditError where the archive cannot be reached.
        """
        deadline = time.monotonic() + patience
        wish = self.ask(names, erasure=erasure, at=at)
        lines = self._trail.cut(cutting.of_persons(names))
        silent, elsewhere = self._answers(wish, cut, deadline)
        if self._archive is not None:
            lines += cutting.cut(
                self._archive, self._gone(self._archive), redact.about(names), writer, reason="erasure", at=at,
                erasure=erasure,
            )  # fmt: skip
        # A machine that had done its part may have fetched copies before the last of this was cut: they go once more.
        self._answers(self.ask(frozenset(), erasure=erasure, at=at), cut, deadline)
        self._mirror.drop()
        self._trail.tidy()
        return {"other_machines": lines + elsewhere, "machines_not_reached": silent}

    def _answers(self, wish: int, cut: Cut, deadline: float) -> tuple[int, int]:
        """Wait for every machine that lives: how many are silent, and in how many lines the others had something."""
        while True:
            self.round(cut)
            waiting, elsewhere = self._trail.waits_for(wish)
            late = [one for one in waiting if one.lives or one.log == self._trail.log]
            if not late:
                return len(waiting), elsewhere
            if time.monotonic() > deadline:
                machines = counted(len(late), "machine")
                raise StorageError(f"{machines} of the same log did not delete it in time; it is done again")
            time.sleep(LOOK)

    def expire(self, before: float, writer: AuditWriter, *, at: float) -> int:
        """Cut references that are too old where no machine does it; in how many lines. Raises as `forget`."""
        lines = self._trail.cut(cutting.older(timestamp(before)))
        if self._archive is not None:
            wanted = redact.older_than(before)
            lines += cutting.cut(
                self._archive, self._gone(self._archive), wanted, writer, reason="retention", at=at,
                before=timestamp(before),
            )  # fmt: skip
        self._mirror.drop()
        self._trail.tidy()
        return lines

    def _introduce(self) -> None:
        """Say with which keys this log begins, once: by them the others know what this machine signed."""
        if not self._introduced:
            self._trail.introduce(self._keys())
            self._introduced = True

    def _gone(self, archive: Archive) -> list[str]:
        """Logs in the archive whose machines do not live, or are not known any more."""
        living = {one.log for one in self._trail.peers() if one.lives} | {self._trail.log}
        return sorted({key.partition("/")[0] for key in archive.references.list()} - living)
