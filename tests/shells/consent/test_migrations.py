"""A site that comes from another consent platform: what its visitors' old answers are worth. As docs/from-*.md say."""

import json
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.builders import NOW
from tests.shells.consent.direct import Browser, Site

DAY = 86_400
GIVEN = NOW - 30 * DAY


def cookiebot(allowed):
    word = "true" if allowed else "false"
    value = f"{{stamp:'a==',necessary:true,preferences:true,statistics:{word},marketing:{word},method:'explicit',"
    return "CookieConsent=" + quote(value + f"ver:1,utc:{int(GIVEN) * 1000},region:'de'}}")


def onetrust(allowed):
    groups = quote(f"C0001:1,C0002:{allowed:d},C0004:{allowed:d}")
    closed = datetime.fromtimestamp(GIVEN, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return f"OptanonConsent=isGpcEnabled=0&version=202405.1.0&groups={groups}; OptanonAlertBoxClosed={closed}"


def klaro(allowed):
    return "klaro=" + quote(json.dumps({"matomo": allowed, "facebook": allowed}))


OLD = {"cookiebot": cookiebot, "onetrust": onetrust, "klaro": klaro}
MAPPED = {"klaro": {"matomo": "analytics", "facebook": "marketing"}}


@pytest.fixture
def site():
    """A site that maps Klaro's services."""
    return Site(consent=MAPPED)


async def known(site, cookie):
    """Why a visitor with these cookies is asked, and what holds of both purposes."""
    answer = await site.ask(cookie=cookie, sec_fetch_site="same-origin")
    return answer.json["why"], {one["effective"] for one in answer.json["purposes"]}


@pytest.mark.parametrize("allowed", [True, False], ids=["granted", "refused"])
@pytest.mark.parametrize("platform", OLD)
async def test_an_old_answer_counts_and_is_not_asked_for(site, platform, allowed):
    """Until it is as old as an answer to our own banner may be; Klaro's tells no date."""
    assert await known(site, OLD[platform](allowed)) == (None, {allowed})
    site.now += 170 * DAY
    why = None if platform == "klaro" else "expired" if allowed else "refusal_old"
    assert await known(site, OLD[platform](allowed)) == (why, {allowed})


@pytest.mark.parametrize("platform", OLD)
async def test_a_platform_that_is_not_read_has_everybody_asked(platform):
    """`[consent] cookies = []`: those who refused, too."""
    site = Site(consent={"cookies": [], **MAPPED})
    assert await known(site, OLD[platform](False)) == ("never_asked", {False})
    assert await known(site, OLD[platform](True)) == ("never_asked", {False})


@pytest.mark.parametrize(("old", "new"), [(True, False), (False, True)], ids=["refused-now", "granted-now"])
@pytest.mark.parametrize("platform", OLD)
async def test_the_stricter_of_two_answers_holds_until_the_old_cookie_is_gone(site, platform, old, new):
    """Why the pages have a snippet that removes it."""
    browser, cookie = Browser(site), OLD[platform](old)
    state = await browser.state(cookie=cookie)
    taken = await browser.choose(state, analytics=new, marketing=new, headers={"cookie": cookie})
    assert taken.status == 201
    own = "; ".join(f"{name}={value}" for name, value in browser.jar.items())
    assert await known(site, f"{cookie}; {own}") == (None, {False})
    assert await known(site, own) == (None, {new})


async def test_a_service_that_is_not_mapped_says_nothing():
    """Klaro's names are the site's own."""
    assert await known(Site(), klaro(True)) == ("never_asked", {False})


async def test_the_cookie_of_the_page_says_what_the_page_says():
    """The example of docs/from-cookiebot.md."""
    page = (Path(__file__).parents[3] / "docs" / "from-cookiebot.md").read_text("utf-8")
    cookie = page.partition('--cookie "')[2].partition('"')[0]
    answer = await Site().ask(cookie=cookie, sec_fetch_site="same-origin")
    assert [one["choice"] for one in answer.json["purposes"]] == ["granted", "refused"]
