"""A ledger in memory, which can be told to fail as a full disk does."""

from concurrent.futures import Future

from gatekeeper.errors import StorageError
from gatekeeper.model import Heard, Recorded, Voice, Word
from gatekeeper.model.choice import Outcome, Row
from gatekeeper.storage.protocols import Look


class MemoryLedger:
    """See `protocols.Ledger`."""

    def __init__(self):
        self.rows, self.notices = [], {}
        self.broken = False
        self.heard = Heard.HEARD

    def _of(self, subjects):
        names = {name for subject in subjects for name in subject.names}
        return [row for row in self.rows if names & {n for s in row.choice.subjects for n in s.names}]

    def _done(self, value):
        done = Future()
        if self.broken:
            done.set_exception(StorageError("the ledger cannot be written"))
        else:
            done.set_result(value() if callable(value) else value)
        return done

    def choices(self, subjects):
        return Look(tuple(self._voice(self._of([one])) for one in subjects), None)

    def _voice(self, rows):
        words, gpc = {}, None
        for row in rows:
            choice = row.choice
            for purpose, says in choice.says.items():
                words[purpose] = Word(says, choice.at, choice.receipt, choice.notice, choice.scope, choice.method)
            gpc = choice.at if choice.gpc_binds else None if choice.grants and not choice.gpc else gpc
        return Voice(words, gpc)

    def still(self, seen):
        return False

    def record(self, choice, reasons):
        return self._done(lambda: self._record(choice))

    def _record(self, choice):
        rows = self._of(choice.subjects)
        newest = rows[-1].choice if rows else None
        if newest and choice.display and (newest.display, newest.says) == (choice.display, choice.says):
            return Recorded(Outcome.REPLAYED, newest.receipt, rows[-1].digest, newest.at)
        if newest and choice.grants and choice.issued is not None and choice.issued < newest.at:
            return Recorded(Outcome.CONFLICT)
        self.rows.append(Row(len(self.rows) + 1, f"{len(self.rows):064}", choice))
        heard = self.heard if choice.denies and newest else Heard.NOTHING
        return Recorded(Outcome.RECORDED, choice.receipt, self.rows[-1].digest, choice.at, 0, heard)

    def keep(self, notice):
        return self._done(lambda: self.notices.update({notice.hash: notice}))

    def notice(self, digest):
        return self.notices.get(digest)

    def history(self, subjects):
        return self._of(subjects)

    def find(self, receipt):
        return next((row for row in self.rows if row.choice.receipt == receipt), None)

    def forget(self, subjects):
        return self._done(0)
