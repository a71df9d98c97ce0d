"""The one loop of what is done now and then: it begins once, survives any error, and ends."""

import os
import threading

from gatekeeper.installation.looking import Looking

PATIENCE = 10.0


def test_an_error_that_is_not_expected_ends_no_loop(caplog):
    """It is logged by its kind alone, and the next look comes."""
    looks, again = [], threading.Event()

    def look():
        looks.append(threading.current_thread())
        if len(looks) == 1:
            raise KeyError("jane@example.com")
        again.set()

    looking = Looking("gatekeeper-test", look, 0.001)
    looking.start()
    looking.start()
    assert again.wait(PATIENCE) and looking.running
    looking.close()
    assert len({*looks}) == 1 and looks[0].name == "gatekeeper-test" and not looks[0].is_alive()
    assert caplog.messages == ["gatekeeper-test: KeyError; it is tried again"]
    assert looking.stopped() and not looking.running


def test_a_child_has_none_before_it_begins_one():
    """The thread is its parent's, and stays so."""
    seen = threading.Event()
    looking = Looking("gatekeeper-test", seen.set, 0.001)
    looking.start()
    child = os.fork()
    if child == 0:
        os._exit(looking.running or looking.stopped())
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert seen.wait(PATIENCE)
    looking.close()
