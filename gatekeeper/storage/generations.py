"""Withdrawals by number, in the embedded store. Inside a commit.

Every commit that changes what the ledger says, or takes something back, has a number of its own, the generation. What
was taken back is known for an hour: by that `intake` and each sender find what was decided before it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from typing import Final

import apsw
import orjson

from gatekeeper.model.reasons import WITHDRAWN
from gatekeeper.storage.commits import Commit
from gatekeeper.storage.database import run
from gatekeeper.storage.page import Page

KEPT: Final = 3_600.0  # seconds that a withdrawal is known; what was decided before the oldest one is not sent


def generation_of(commit: Commit, page: Page) -> int:
    """The commit's number: larger than that of every commit before, and than what a page knows of a lost database."""
    if commit.generation is None:
        ((n,),) = run(commit.db, "UPDATE generation SET n = max(n, ?) + 1 RETURNING n", (page.generation,))
        commit.generation = int(n)
    return commit.generation


def publish(commit: Commit, page: Page) -> int:
    """Have senders know of this commit, from the moment that it is one."""
    generation = generation_of(commit, page)
    if not commit.publishes:
        commit.publishes = True
        commit.committed.append(partial(page.publish, generation))
    return generation


def withdraw(commit: Commit, page: Page, names: Collection[str], reasons: Mapping[str, str], now: float) -> None:
    """Write down that names took back what destinations need, by destination with the reason."""
    db = commit.db
    run(
        db,
        "INSERT INTO withdrawn SELECT ?, value, ?, ? FROM json_each(?) WHERE true "
        "ON CONFLICT DO UPDATE SET reasons = json_patch(reasons, excluded.reasons)",
        (publish(commit, page), orjson.dumps(dict(reasons)).decode(), now, orjson.dumps(list(names)).decode()),
    )
    forget_old(db, now)


def forget_old(db: apsw.Connection, now: float) -> None:
    """Forget who took something back more than KEPT seconds ago, also where no later withdrawal comes."""
    ((oldest,),) = run(db, "SELECT max(generation) FROM withdrawn WHERE at < ?", (now - KEPT,))
    if oldest is not None:
        run(db, "DELETE FROM withdrawn WHERE at < ?", (now - KEPT,))
        run(db, "UPDATE generation SET oldest = max(oldest, ?)", (oldest,))


def withdrawn_since(db: apsw.Connection, names: Collection[str], since: int) -> Mapping[str, str]:
    """What names took back after a generation, by destination with the reason.

    Everything, if that is so long ago that it is not known any more.
    """
    ((oldest,),) = run(db, "SELECT oldest FROM generation")
    if since < oldest:
        return {name: WITHDRAWN for (name,) in run(db, "SELECT name FROM destination")}
    found: dict[str, str] = {}
    for (reasons,) in run(
        db,
        "SELECT reasons FROM withdrawn WHERE pseudonym IN (SELECT value FROM json_each(?)) AND generation > ?",
        (orjson.dumps(list(names)).decode(), since),
    ):
        found |= orjson.loads(reasons)
    return found


def newest(db: apsw.Connection) -> int:
    """The number of the last withdrawal, also of one that was forgotten since."""
    ((n,),) = run(db, "SELECT max(oldest, (SELECT coalesce(max(generation), 0) FROM withdrawn)) FROM generation")
    return int(n)
