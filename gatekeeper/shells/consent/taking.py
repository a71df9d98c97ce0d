"""What is done with a choice: which of it is taken, what is recorded, which cookies are set.

A refusal is always taken: no token, no limit and no notice stands in its way. A grant is taken with the token of the
notice that was shown, its words as they were shown, and within the limits. Where the grant of a choice is not taken,
the refusal in it is taken all the same.

    the token is missing, not ours, too old, or another visitor's     409 token_expired, choice_conflict
    the notice has changed while it was shown                         409 notice_changed
    other words were shown                                            409 text_mismatch
    a newer choice than the notice that this one answers              409 choice_conflict
    more grants than [limits] permits, or a day's rows are used up    429
    the ledger or its log cannot be written                           503: a grant leaves everything as it was
    a withdrawal that has not reached every process                   503: recorded, new events have stopped
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from gatekeeper.consent import token
from gatekeeper.consent.notice import Wording
from gatekeeper.errors import AuditError, StorageError
from gatekeeper.gate import Gate
from gatekeeper.gate.choosing import planned
from gatekeeper.installation import ids
from gatekeeper.model import Caller, Choice, Heard, Permission, Purpose, Recorded
from gatekeeper.model.choice import Kind, Method, Outcome, Scope, Subject
from gatekeeper.shells.asgi.issue import new_subject
from gatekeeper.shells.consent.bodies import Choosing, Code
from gatekeeper.shells.consent.state import Visit, conflicts
from gatekeeper.signals import own

Over = Callable[[Caller, int], int | None]
"""After how many seconds a caller may grant again, `None`: now. The number is the size of the request in bytes."""
DAILY: Final = 3_600  # seconds after which a visitor whose rows of the day are used up may try again
RETRY: Final = 1  # seconds after which a ledger that could not be written is worth another try


@dataclass(frozen=True, slots=True)
class Cookie:
    """Our cookie as it is to be set: its signed value, what it says, and the hash of the notice."""

    signed: str
    said: own.Said
    notice_hash: str


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a choice: the status of the answer, what of it was taken (`says`), and the cookie to set, if any.

    `code`, `title` and `retry` (seconds) are those of an answer that is no success.
    """

    status: int
    says: Mapping[Purpose, bool]
    cookie: Cookie | None
    recorded: Recorded | None = None
    at: float = 0.0
    code: Code | None = None
    title: str = ""
    retry: int | None = None
    conflicts: Mapping[Purpose, str] = field(default_factory=dict)


class Wrong(NamedTuple):
    """Why a grant is not taken: the status of the answer, its code and title, and when another try is worth it."""

    status: int
    code: Code | None
    title: str
    retry: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A visitor's answer: who, what they sent, the purposes in it, and what its token says (`None`: no good token)."""

    visited: Visit
    asked: Choosing
    says: Mapping[Purpose, bool]
    claims: token.Claims | None

    @property
    def refusals(self) -> Answer:
        """The same without its grants."""
        return replace(self, says={purpose: word for purpose, word in self.says.items() if not word})


class Taking:
    """One policy's gate at work on choices. `over` says when a caller grants too often."""

    def __init__(self, gate: Gate, over: Over) -> None:
        if gate.choosing is None:
            raise StorageError("a gate that serves needs a ledger")
        self._gate = gate
        self._choosing = gate.choosing
        self._over = over

    async def take(self, visited: Visit, asked: Choosing, says: Mapping[Purpose, bool], size: int) -> Result:
        """Take a choice, as far as it can be taken. `size` is the request's, in bytes."""
        trusted = visited.caller.trusted
        claims = None
        if asked.token is not None and not trusted:
            claims = token.read(asked.token, at=visited.at, verify=self._gate.keys.verify)
        answer = Answer(visited, asked, says, claims)
        if any(says.values()) and not trusted:
            wrong = self._against(answer)
            if wrong is None and (wait := self._over(visited.caller, size)) is not None:
                wrong = Wrong(429, None, "too many choices from this network", wait)
            if wrong is not None:
                return await self._without_grants(answer, wrong)
        return await self._record(answer)

    def _against(self, answer: Answer) -> Wrong | None:
        """What stands against a grant; `None` if nothing does."""
        claims, visited = answer.claims, answer.visited
        if claims is None:
            return Wrong(409, "token_expired", "the token of the notice is missing, too old or not one of this site")
        wording = self._gate.policy.notices.languages.get(claims.language)
        if wording is None or claims.notice != wording.notice.hash:
            return Wrong(409, "notice_changed", "the notice has changed since it was shown")
        if answer.asked.rendered != claims.notice:
            return Wrong(409, "text_mismatch", "other words were shown than those of the notice")
        if any(word and purpose.value not in claims.purposes for purpose, word in answer.says.items()):
            return Wrong(409, "notice_changed", "the notice that was shown does not ask for this purpose")
        if claims.visitor == token.NOBODY:
            # A cookie that is older than the showing: the visitor who saw the notice had none, so this is another one.
            newest = max([at for _, at in visited.said.values()], default=claims.issued)
            mine = newest >= claims.issued
        else:
            mine = claims.visitor == token.visitor(visited.subject)
        return None if mine else Wrong(409, "choice_conflict", "the notice was shown to another visitor")

    async def _without_grants(self, answer: Answer, wrong: Wrong) -> Result:
        """Take the refusals of a choice whose grants are not taken."""
        rest = answer.refusals
        if not rest.says:
            return Result(wrong.status, {}, None, code=wrong.code, title=wrong.title, retry=wrong.retry)
        done = await self._record(rest)
        if done.status >= 500:
            return done
        return replace(done, status=wrong.status, code=wrong.code, title=wrong.title, retry=wrong.retry)

    async def _record(self, answer: Answer) -> Result:
        choice, subject = self._choice(answer)
        try:
            if choice.notice is not None:
                await asyncio.wrap_future(self._choosing.keep(self._shown(answer).notice))
            recorded = await self._choosing.take(choice)
        except (StorageError, AuditError):
            rest = answer.refusals.says
            cookie = self._cookie(answer, rest, answer.visited.at, subject) if rest else None
            title = "the choice could not be recorded" + ("; its refusals hold in this browser" if rest else "")
            return Result(503, rest, cookie, title=title, retry=RETRY)
        if recorded.outcome is Outcome.CONFLICT:
            wrong = Wrong(409, "choice_conflict", "there is a newer choice than the notice that this one answers")
            return await self._without_grants(answer, wrong)
        if recorded.outcome is Outcome.CAPPED and choice.grants:
            return await self._without_grants(answer, Wrong(429, None, "too many choices of this visitor today", DAILY))
        at = choice.at if recorded.at is None else recorded.at
        result = Result(
            200 if recorded.outcome is Outcome.REPLAYED else 201,
            answer.says,
            self._cookie(answer, answer.says, at, subject),
            recorded,
            at=at,
            conflicts=choice.conflicts,
        )
        if recorded.heard is Heard.NOT_YET:
            title = "recorded, and new events have stopped; requests that had begun may still be sent"
            return replace(result, status=503, title=title, retry=RETRY)
        return result

    def _shown(self, answer: Answer) -> Wording:
        """The notice that the visitor saw, as far as it is known."""
        notices = self._gate.policy.notices
        return notices.usual if answer.claims is None else notices.languages.get(answer.claims.language, notices.usual)

    def _choice(self, answer: Answer) -> tuple[Choice, str]:
        """The row, and the name of the visitor that the cookie holds."""
        gate, visited, asked, claims = self._gate, answer.visited, answer.asked, answer.claims
        trusted = visited.caller.trusted
        subject = asked.subject if trusted else visited.subject
        if subject is None:
            nobody = claims is not None and claims.visitor == token.NOBODY
            subject = token.name_for(claims, gate.keys.sign) if nobody and claims else new_subject()
        shown = self._shown(answer).notice.hash
        choice = planned(
            answer.says,
            _subjects(self._choosing.subject(Kind.DEVICE, subject), visited.caller),
            visited.place,
            receipt=ids.receipt_id(visited.at),
            at=asked.at if trusted and asked.at is not None else visited.at,
            now=visited.at,
            method=Method.API if trusted and asked.method is Method.SAVE else asked.method,
            surface=asked.surface,
            policy=gate.policy.hash,
            scope=Scope(gate.policy.file.consent.notice.scope),
            trusted=trusted,
            # Of a refusal without a good token it is not known what was shown.
            notice=shown if trusted or (claims is not None and claims.notice == shown) else None,
            display=None if claims is None else claims.display,
            issued=None if claims is None else claims.issued,
            translated=asked.translated,
            gpc=visited.consent.gpc_detected,
            conflicts=conflicts(visited.consent, [purpose for purpose, word in answer.says.items() if word]),
            evidence=asked.evidence,
            hints=self._choosing.hints(client_id=asked.client_id, session_id=asked.session_id),
        )
        return choice, subject

    def _cookie(self, answer: Answer, says: Mapping[Purpose, bool], at: float, subject: str) -> Cookie:
        """What the cookies say after this choice: a purpose that was left out keeps its word and its time."""
        words = {purpose: (Permission.GRANTED if word else Permission.DENIED, at) for purpose, word in says.items()}
        said = {**answer.visited.said, **words}
        # Of a grant that is kept, the notice that it was given under is kept, too.
        kept = any(word is Permission.GRANTED and purpose not in says for purpose, (word, _) in said.items())
        shown = self._shown(answer)
        notice = answer.visited.notice if kept else shown.notice.version
        return Cookie(own.write(said, notice=notice, subject=subject, sign=self._gate.keys.sign), said, shown.hash)


def _subjects(device: Subject, caller: Caller) -> tuple[Subject, ...]:
    """The device, and the account that is logged in."""
    return (device, Subject(Kind.ACCOUNT, caller.account)) if caller.account else (device,)
