"""Behind PgBouncer in transaction mode: all works, and what does not is proven and said."""

import time

import pytest

from gatekeeper.model import Heard
from gatekeeper.model.reasons import WITHDRAWN
from gatekeeper.storage.postgres.checking import findings, hears
from gatekeeper.storage.postgres.store import PostgresStore
from gatekeeper.storage.protocols import Bounds, Place
from tests.storage.builders import NOW, Log, accept, arrival, books, claim, names, settle, wait
from tests.storage.pooler import Pooler
from tests.storage.server import DATABASES

pytestmark = pytest.mark.engine


@pytest.fixture
def database():
    """A database and its name."""
    url = DATABASES.fresh()
    yield url, url.partition("@/")[2].partition("?")[0]
    DATABASES.give_back(url)


@pytest.fixture
def pooler():
    """A pooler before the server."""
    one = Pooler(DATABASES.server()).start()
    yield one
    one.stop()


def test_a_pooler_that_drops_notifications_is_found_out(pooler, database, tmp_path):
    """LISTEN succeeds there, and nothing is ever heard; the server itself is heard."""
    direct, name = database
    pooled = Place(pooler.url(name), tmp_path, tmp_path)
    assert hears(Place(direct, tmp_path, tmp_path)) and not hears(pooled)
    assert hears(Place(pooler.url(name), tmp_path, tmp_path, listen_url=direct))
    assert not any("notifications" in one for one in findings(pooled)[1]), "errors come first"


@pytest.mark.parametrize("listens", [False, True], ids=["pooled", "direct"])
def test_a_gate_behind_a_pooler_keeps_every_promise(pooler, database, tmp_path, listens):
    """Accept, claim, settle, withdraw; also after the pooler was started again."""
    direct, name = database
    url = pooler.url(name)
    listen = direct if listens else None
    one, two = (
        PostgresStore(url, tmp_path / where, Bounds(("own",)), Log(), clock=lambda: NOW, listen_url=listen)
        for where in ("a", "b")
    )
    try:
        accept(one, arrival("a", subjects=["p_1"]), arrival("b"))
        assert two.barrier.now() is not None
        began = time.monotonic()
        assert two.barrier.withdraw(["p_1"], {"own": WITHDRAWN}).result(10).heard is Heard.HEARD
        assert time.monotonic() - began < 2.0
        books(one)
        pooler.stop()
        pooler.start()

        def works():
            one.books.try_again().exception(10)
            return one.books.failing() is None

        wait(works)
        (flight,) = claim(one)
        assert names([flight]) == ["b"] and settle(one, flight) is True
        assert (books(one).delivered, books(one).cancelled) == (1, 1)
    finally:
        one.close()
        two.close()
