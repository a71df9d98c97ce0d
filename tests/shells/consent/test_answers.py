"""Choices, tokens and refusals at `/gk/consent`: section by section of the contract in docs/consent.md."""

import json

import pytest

from gatekeeper.model import Heard, Permission, Purpose
from gatekeeper.signals import own, split_cookies
from tests.builders import NOW, RING, make_policy
from tests.shells.consent.direct import Browser, Site
from tests.shells.consent.visitors import rendered
from tests.signals.test_own import first_format

DAY = 86_400.0
FORM = {"content_type": "application/x-www-form-urlencoded"}


@pytest.fixture
def site():
    """A site under the GDPR."""
    return Site()


@pytest.fixture
def browser(site):
    """A visitor who has said nothing."""
    return Browser(site)


def cookie_of(browser):
    """What our own cookie says: purpose → (word, time)."""
    header = f"{own.COOKIE}={browser.jar[own.COOKIE]}".encode()
    signals = own.read(split_cookies([header]), RING.verify)
    return {purpose.value: (word.value, signal.at) for signal in signals for purpose, word in signal.says.items()}


async def test_a_visitor_who_said_nothing_is_asked_and_nothing_is_stored(browser, site):
    """No cookie, no row: reading writes nothing."""
    state = await browser.state()
    assert (state["ask"], state["why"], state["decided"]) == ("opt_in", "never_asked", False)
    assert [(one["id"], one["choice"], one["effective"]) for one in state["purposes"]] == [
        ("analytics", None, False), ("marketing", None, False),
    ]  # fmt: skip
    assert (browser.jar, site.ledger.rows, site.ledger.notices) == ({}, [], {})


async def test_a_choice_is_recorded_with_what_was_shown(browser, site):
    """Cookie, row and the answer say the same, and the words are kept under their hash."""
    state = await browser.state()
    answer = await browser.choose(
        state, analytics=True, marketing=False, method="save", surface="banner", translated=True
    )
    assert answer.status == 201
    assert answer.json["choices"] == {"analytics": "granted", "marketing": "refused"}
    assert answer.json["effective"] == {"analytics": True, "marketing": False}
    assert answer.json["valid_until"] == "2027-05-23T00:00:00Z"
    assert cookie_of(browser) == {"analytics": ("granted", NOW), "marketing": ("denied", NOW)}
    (row,) = site.ledger.rows
    choice = row.choice
    assert (choice.receipt, choice.method, choice.surface, choice.translated) == (
        answer.json["receipt"], "save", "banner", True,
    )  # fmt: skip
    assert choice.notice == state["notice"]["hash"] == rendered(state)
    assert state["purposes"][0]["text"] in json.loads(site.ledger.notices[choice.notice].text)
    assert browser.jar["gatekeeper_choice"] == f"2.a+.m-.{int(NOW)}.{state['notice']['hash'][7:15]}"


async def test_the_state_after_a_choice_is_what_the_gate_decides(browser, site):
    """The page and the gate cannot disagree."""
    await browser.choose(await browser.state(), analytics=True, marketing=False)
    state = await browser.state()
    assert (state["decided"], state["why"]) == (True, None)
    assert [(one["choice"], one["effective"], one["reason"]) for one in state["purposes"]] == [
        ("granted", True, None), ("refused", False, "no_marketing_consent"),
    ]  # fmt: skip


async def test_a_purpose_that_is_left_out_stays_as_it_was(browser, site):
    """With its own time: changing one does not renew the other, nor the notice it was given under."""
    await browser.choose(await browser.state(), analytics=True)
    site.now += 100
    await browser.choose(marketing=False)
    assert cookie_of(browser) == {"analytics": ("granted", NOW), "marketing": ("denied", NOW + 100)}


GRANT = {"analytics": True, "marketing": True}


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        pytest.param(lambda body: body.pop("token"), "token_expired", id="no-token"),
        pytest.param(lambda body: body.update(token=body["token"][:-3] + "AAA"), "token_expired", id="forged"),
        pytest.param(lambda body: body.update(token="1.é.x.y"), "token_expired", id="not-ascii"),
        pytest.param(lambda body: body.update(token="x" * 2_000), "token_expired", id="long"),
        pytest.param(lambda body: body.pop("rendered"), "text_mismatch", id="words-not-told"),
        pytest.param(lambda body: body.update(rendered="sha256-x"), "text_mismatch", id="other-words"),
    ],
)
async def test_a_grant_wants_the_token_and_the_words_of_the_notice(browser, site, spoil, code):
    """Else nothing is set or recorded, and the answer holds the state to begin again with."""
    state = await browser.state()
    body = {"choices": dict(GRANT), "token": state["token"], "rendered": rendered(state)}
    spoil(body)
    answer = await browser.post(body)
    assert (answer.status, answer.json["code"]) == (409, code)
    assert (browser.jar, site.ledger.rows) == ({}, [])
    fresh = answer.json["state"]
    assert (await browser.choose(fresh, **GRANT)).status == 201


@pytest.mark.parametrize(("later", "status"), [(DAY - 1, 201), (DAY + 1, 409)])
async def test_a_token_lives_a_day(browser, site, later, status):
    """An older one grants nothing."""
    state = await browser.state()
    site.now += later
    assert (await browser.choose(state, **GRANT)).status == status


async def test_a_notice_that_changed_while_it_was_shown_grants_nothing(browser, site):
    """The visitor agreed to other words, or to fewer recipients."""
    state = await browser.state()
    site.use(make_policy(jurisdiction={"default": "gdpr"}, consent={"notice": {"version": "2"}}))
    answer = await browser.choose(state, **GRANT)
    assert (answer.status, answer.json["code"]) == (409, "notice_changed")
    assert answer.json["state"]["notice"]["version"] == "2"


async def test_another_visitor_s_token_grants_nothing(site):
    """Neither one that was shown to somebody we know, nor one of nobody's to somebody we knew before."""
    known, stranger = Browser(site), Browser(site)
    await known.choose(await known.state(), analytics=True)
    site.now += 60
    theirs = await known.state()
    assert (await stranger.choose(theirs, **GRANT)).json["code"] == "choice_conflict"
    assert (await known.choose(await stranger.state(), **GRANT)).json["code"] == "choice_conflict"


async def test_the_same_choice_again_is_answered_with_the_first_receipt(browser, site):
    """A repetition over a bad line, whether or not the first answer arrived."""
    state = await browser.state()
    first = await browser.choose(state, **GRANT)
    lost = Browser(site)
    for again in (browser, lost):
        answer = await again.choose(state, **GRANT)
        assert (answer.status, answer.json["receipt"]) == (200, first.json["receipt"])
    assert len(site.ledger.rows) == 1 and cookie_of(lost) == cookie_of(browser)


async def test_a_replayed_grant_does_not_undo_a_withdrawal(browser, site):
    """The newest word stays the newest."""
    state = await browser.state()
    await browser.choose(state, **GRANT)
    site.now += 1
    assert (await browser.withdraw()).status == 200
    answer = await browser.choose(state, **GRANT)
    assert (answer.status, answer.json["code"]) == (409, "choice_conflict")
    assert {word for word, _ in cookie_of(browser).values()} == {"denied"}


async def test_of_two_tabs_the_later_grant_is_asked_again(browser, site):
    """The second tab shows a state that is no more."""
    one, two = await browser.state(), await browser.state()
    site.now += 5
    await browser.choose(one, analytics=True, marketing=False)
    answer = await browser.choose(two, **GRANT)
    assert (answer.status, answer.json["code"]) == (409, "choice_conflict")
    assert answer.json["state"]["purposes"][0]["choice"] == "granted"


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda site, body: None, id="no-token"),
        pytest.param(lambda site, body: body.update(token="nonsense", rendered="nonsense"), id="bad-token"),
        pytest.param(lambda site, body: setattr(site, "wait", 30), id="over-the-limit"),
        pytest.param(lambda site, body: body.update(method="close", surface="banner"), id="the-x"),
    ],
)
async def test_a_refusal_cannot_fail(browser, site, spoil):
    """No token, no limit, no notice stands in its way."""
    await browser.choose(await browser.state(), **GRANT)
    site.now += 1
    body = {"choices": {"analytics": False, "marketing": False}}
    spoil(site, body)
    answer = await browser.post(body)
    assert answer.status == 201
    assert {word for word, _ in cookie_of(browser).values()} == {"denied"}
    assert answer.json["effective"] == {"analytics": False, "marketing": False}


async def test_limits_are_for_grants(browser, site):
    """A grant too many is 429 with Retry-After; refusals and withdrawals are not even counted."""
    state = await browser.state()
    site.wait = 30
    answer = await browser.choose(state, **GRANT)
    assert (answer.status, answer.header("retry-after"), browser.jar) == (429, "30", {})
    asked = site.asked
    assert (await browser.choose(marketing=False)).status == 201
    assert (await browser.withdraw()).status == 200
    assert site.asked == asked


@pytest.mark.parametrize("why", ["token", "limit"])
async def test_the_refusal_in_a_choice_is_taken_where_its_grant_is_not(browser, site, why):
    """A visitor who narrows a consent on a page that is too old has narrowed it."""
    await browser.choose(await browser.state(), **GRANT)
    site.now += 1
    state = await browser.state()
    site.wait = 30 if why == "limit" else None
    answer = await browser.choose(
        state, analytics=True, marketing=False, **({"token": "old"} if why == "token" else {})
    )
    assert answer.status == {"token": 409, "limit": 429}[why]
    assert answer.json["refused"] == ["marketing"]
    assert cookie_of(browser) == {"analytics": ("granted", NOW), "marketing": ("denied", NOW + 1)}


async def test_a_ledger_that_cannot_be_written_leaves_a_grant_unmade(browser, site):
    """503, no cookie, nothing changed."""
    state = await browser.state()
    site.ledger.broken = True
    answer = await browser.choose(state, **GRANT)
    assert (answer.status, answer.header("retry-after"), answer.set_cookie) == (503, "1", [])


@pytest.mark.parametrize("way", ["post", "delete"])
async def test_a_refusal_holds_in_the_browser_where_the_ledger_cannot_be_written(browser, site, way):
    """503, and the cookie refuses all the same; of a mixed choice, the grant is not in it."""
    await browser.choose(await browser.state(), analytics=True)
    site.now += 1
    state = await browser.state()
    site.ledger.broken = True
    if way == "post":
        answer = await browser.choose(state, analytics=True, marketing=False)
        left = {"analytics": ("granted", NOW), "marketing": ("denied", NOW + 1)}
    else:
        answer = await browser.withdraw()
        left = {"analytics": ("denied", NOW + 1), "marketing": ("denied", NOW + 1)}
    assert answer.status == 503
    assert cookie_of(browser) == left


async def test_a_withdrawal_that_was_not_heard_says_so(browser, site):
    """503 with Retry-After: recorded, and the cookie refuses."""
    await browser.choose(await browser.state(), **GRANT)
    site.now += 1
    site.ledger.heard = Heard.NOT_YET
    answer = await browser.withdraw()
    assert (answer.status, answer.header("retry-after")) == (503, "1")
    assert len(site.ledger.rows) == 2 and {word for word, _ in cookie_of(browser).values()} == {"denied"}


@pytest.mark.parametrize(
    ("query", "withdrawn"),
    [("", ["analytics", "marketing"]), ("purpose=marketing", ["marketing"]),
     ("purpose=marketing&purpose=analytics", ["analytics", "marketing"])],
)  # fmt: skip
async def test_a_withdrawal_names_what_it_took_back(browser, site, query, withdrawn):
    """One purpose, or all."""
    await browser.choose(await browser.state(), **GRANT)
    site.now += 1
    answer = await browser.withdraw(query)
    assert (answer.status, answer.json["withdrawn"]) == (200, withdrawn)
    assert answer.json["receipt"].startswith("con_")
    denied = [name for name, (word, _) in cookie_of(browser).items() if word == "denied"]
    assert denied == withdrawn


async def test_a_cookie_of_format_1_becomes_one_of_format_2(browser, site):
    """With the word and the time it had for the purpose that was left out."""
    browser.jar[own.COOKIE] = first_format("am", NOW - 500)
    site.now += 1
    answer = await browser.choose(marketing=False)
    assert answer.status == 201 and browser.jar[own.COOKIE].startswith("2.")
    assert cookie_of(browser) == {"analytics": ("granted", NOW - 500), "marketing": ("denied", NOW + 1)}
    assert site.ledger.rows[-1].choice.subjects == site.gate.choosing.subjects(device="v_1")


async def test_two_scopes_are_one_after_a_write(browser, site):
    """An old refusal of one host beside a grant of the domain: the refusal rules until the visitor chooses again."""
    both = f"{own.COOKIE}={first_format('-', NOW - 30 * DAY)}; {own.COOKIE}={first_format('am', NOW - 60)}"
    state = await browser.state(cookie=both)
    assert [one["choice"] for one in state["purposes"]] == ["refused", "refused"]
    answer = await browser.choose(state, **GRANT, headers={"cookie": both})
    assert answer.json["effective"] == {"analytics": True, "marketing": True}
    gone = [line for line in answer.set_cookie if line.startswith(f"{own.COOKIE}=;")]
    assert {line.split("Domain=")[1].partition(";")[0] for line in gone} == {"www.shop.example", "shop.example"}


@pytest.mark.parametrize(
    ("choice", "days", "why"),
    [
        ({"analytics": False, "marketing": False}, 179, None),
        ({"analytics": False, "marketing": False}, 181, "refusal_old"),
        (GRANT, 179, None),
        (GRANT, 181, "expired"),
    ],
    ids=["refused-179", "refused-181", "granted-179", "granted-181"],
)
async def test_nobody_is_asked_again_within_six_months(browser, site, choice, days, why):
    """CNIL and Garante: neither who refused nor who granted."""
    await browser.choose(await browser.state(), **choice)
    site.now += days * DAY
    assert (await browser.state())["why"] == why


@pytest.mark.parametrize(
    ("choice", "why"),
    [(GRANT, "notice_changed"), ({"analytics": False, "marketing": False}, None)],
    ids=["granted", "refused"],
)
async def test_a_new_notice_asks_those_who_granted(browser, site, choice, why):
    """Who refused is left alone."""
    await browser.choose(await browser.state(), **choice)
    site.now += 1
    site.use(make_policy(jurisdiction={"default": "gdpr"}, consent={"notice": {"version": "2"}}))
    assert (await browser.state())["why"] == why


async def test_a_refusal_under_a_new_notice_does_not_renew_the_grant_beside_it(browser, site):
    """The purpose that was left out was granted under the old words, and is asked for again."""
    await browser.choose(await browser.state(), **GRANT)
    site.now += 1
    site.use(make_policy(jurisdiction={"default": "gdpr"}, consent={"notice": {"version": "2"}}))
    await browser.choose(marketing=False)
    assert (await browser.state())["why"] == "notice_changed"


async def test_only_trusted_callers_speak_for_others(site):
    """With a key: whose choice, when, by what evidence; no cookies are set."""
    key = "server-to-server-key-5f0c3a9d71e24b68"
    site.use(make_policy(server={"api_keys": [key]}, jurisdiction={"default": "gdpr"}))
    clerk = Browser(site, authorization=f"Bearer {key}")
    body = {"choices": {"marketing": True}, "subject": "v_9", "at": NOW - 50, "evidence": "form 12", "surface": "paper"}
    answer = await clerk.post(body, origin=None, sec_fetch_site=None)
    assert (answer.status, answer.set_cookie, answer.json["at"]) == (201, [], "2026-11-23T23:59:10Z")
    choice = site.ledger.rows[0].choice
    assert (choice.trusted, choice.method, choice.at, choice.evidence) == (True, "api", NOW - 50, "form 12")
    assert choice.says == {Purpose.MARKETING: Permission.GRANTED}
    assert (await clerk.post({**body, "subject": None}, origin=None)).status == 422
    for name in ("subject", "at", "evidence"):
        answer = await Browser(site).post({"choices": {"marketing": False}, name: body[name]})
        assert (answer.status, answer.json["field"]) == (422, name)
    wrong = await Browser(site, authorization="Bearer wrong").choose(marketing=False)
    assert wrong.status == 401


async def test_the_visitor_s_clock_says_nothing(browser, site):
    """A choice was made when it arrived."""
    answer = await browser.post({"choices": {"marketing": False}, "at": 9e9})
    assert (answer.status, answer.json["field"]) == (422, "at")


@pytest.mark.parametrize(
    ("body", "more", "status", "field"),
    [
        pytest.param(b"{", {}, 400, None, id="not-json"),
        pytest.param(b"[]", {}, 422, None, id="no-object"),
        pytest.param(b"{}", {}, 422, None, id="no-choices"),
        pytest.param(b'{"choices":{}}', {}, 422, "choices", id="nothing-answered"),
        pytest.param(b'{"choices":{"sales":false}}', {}, 422, "choices.sales", id="unknown-purpose"),
        pytest.param(b'{"choices":{"analytics":"no"}}', {}, 422, "choices.analytics", id="not-boolean"),
        pytest.param(b'{"choices":{"analytics":false},"x":1}', {}, 422, "x", id="unknown-field"),
        pytest.param(b'{"choices":{"analytics":false},"a@b":1}', {}, 422, "(unprintable key)", id="personal-field"),
        pytest.param(b'{"choices":{"analytics":false},"method":"magic"}', {}, 422, "method", id="method"),
        pytest.param(b'{"choices":{"analytics":false},"surface":"moon"}', {}, 422, "surface", id="surface"),
        pytest.param(b'{"choices":{"analytics":false,"analytics":true}}', {}, 422, "analytics", id="twice"),
        pytest.param(b'{"choices":{"analytics":false},"token":"' + b"x" * 8_192 + b'"}', {}, 413, None, id="too-large"),
        pytest.param(b"", {"content_length": "9999999"}, 413, None, id="too-large-by-its-header"),
        pytest.param(b"choices", {"content_type": "text/plain"}, 415, None, id="text"),
        pytest.param(b"", FORM, 422, "choices", id="empty-form"),
        pytest.param(b"analytics=maybe", FORM, 422, "analytics", id="form-word"),
        pytest.param(b"analytics=true&analytics=false", FORM, 422, "analytics", id="form-twice"),
        pytest.param(b"%FF=1", FORM, 400, None, id="form-bytes"),
        pytest.param(b"{}", {"content_encoding": "gzip"}, 415, None, id="encoded"),
    ],
)  # fmt: skip
async def test_bad_input_is_answered_with_its_place(browser, site, body, more, status, field):
    """Never with what was sent; nothing is recorded."""
    answer = await browser.post(body, **more)
    assert (answer.status, answer.json.get("field")) == (status, field)
    assert b"a@b" not in answer.raw and b"magic" not in answer.raw and b"moon" not in answer.raw
    assert (browser.jar, site.ledger.rows) == ({}, [])


@pytest.mark.parametrize("query", ["purpose=necessary", "purpose=x&purpose=marketing", "who=me"])
async def test_a_withdrawal_of_something_else_is_refused(browser, query):
    """A misspelt purpose must not look like success."""
    assert (await browser.withdraw(query)).status == 422


async def test_every_answer_is_for_this_request_alone(browser, site):
    """No cache keeps one, and what it depends on is named; failures too."""
    state = await browser.state()
    answers = [
        await browser.ask(), await browser.ask("HEAD"), await browser.post(b"{"), await browser.ask("PUT"),
        await browser.choose(state, **GRANT), await browser.withdraw(), await browser.choose(**GRANT),
    ]  # fmt: skip
    assert [answer.status for answer in answers] == [200, 200, 400, 405, 201, 200, 409]
    for answer in answers:
        assert answer.header("cache-control") == "no-store"
        assert {"Cookie", "Origin", "Sec-GPC", "Accept-Language"} <= set(answer.header("vary").split(", "))
