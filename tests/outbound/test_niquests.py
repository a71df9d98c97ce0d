"""niquests and urllib3.future, in an environment of their own: caught like the others, whichever is imported first."""

import json
import subprocess

import pytest

from tests.outbound.niquests_env import ROOT, NotThereError, interpreter

pytestmark = pytest.mark.environment
WAYS = ("sync", "streamed", "multiplexed", "asynchronous", "async_streamed", "pool", "async_pool")


@pytest.fixture(scope="module", params=["before", "after"])
def seen(request):
    """What each way was answered and what arrived, with niquests imported before or after `install()`."""
    try:
        python = interpreter()
    except NotThereError as reason:
        pytest.skip(str(reason))
    command = [str(python), "-m", "tests.outbound.with_niquests", request.param]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found.pop("decisions") == 2 * len(WAYS)
    return found


@pytest.mark.parametrize("way", WAYS)
def test_without_consent_nothing_leaves(seen, way):
    """The answer is the vendor's, of the class that this way gives."""
    (status, body, kind), raw = seen[f"{way} refused"].values()
    assert (status, body, raw) == (204, "", [])
    assert kind == seen[f"{way} other"]["answered"][2]


@pytest.mark.parametrize("way", WAYS)
def test_with_consent_what_was_judged_leaves_and_no_more(seen, way):
    """Neither the app's field, nor what a propagator put on the connection's request."""
    (status, body, _), (raw,) = seen[f"{way} granted"].values()
    assert (status, body) == (204, "") and "purchase" in raw
    assert not [word for word in ("zoe", "baggage", "trace=") if word in raw]


@pytest.mark.parametrize("way", WAYS)
def test_other_requests_are_what_they_are(seen, way):
    """A host in no table."""
    (status, _, _), raw = seen[f"{way} other"].values()
    assert (status, raw) == (200, ['{"email":"zoe"}'])


def test_install_names_them_where_they_are():
    """So that a start's log says what is caught."""
    try:
        python = interpreter()
    except NotThereError as reason:
        pytest.skip(str(reason))
    script = "import gatekeeper.outbound as o; print(o.install())"
    done = subprocess.run(
        [str(python), "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert "'urllib3_future', 'niquests'" in done.stdout, done.stderr[-2000:]
