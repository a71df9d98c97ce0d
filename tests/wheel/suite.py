"""What the installed wheel must do on a Python: with the standard library and the wheel alone."""

import contextvars
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import threading
import unittest
import urllib.request
from pathlib import Path

import gatekeeper
import gatekeeper.outbound
from gatekeeper import context
from gatekeeper.audit.read import records
from gatekeeper.shells.asgi.caller import here
from gatekeeper.testing import Simulators

POLICY = """
[policy]
version = "1"
controller = "Example Shop GmbH"
[audit]
path = "audit"
[keys]
path = "keys"
[storage]
url = "sqlite:///gatekeeper.db"
[destinations.own]
kind = "first_party"
purpose = "analytics"
endpoint = "{endpoint}/events"
"""


def visit(runtime):
    """Make the visitor of this context one who permits analytics."""
    cookie = gatekeeper.issue_consent(config=runtime.policy, analytics=True).partition(";")[0].encode()
    context.current.set(here(runtime.gate, {"type": "http", "headers": [(b"cookie", cookie)]}))


def job(policy):
    """One event of a child of multiprocessing, by the start method that this Python has by default."""
    runtime = gatekeeper.start(policy)
    visit(runtime)
    if gatekeeper.track("page_view", session_id="default") is None:
        raise SystemExit(4)


class Wheel(unittest.TestCase):
    """One gate for all of it."""

    @classmethod
    def setUpClass(cls):
        """A policy, a vendor, a gate."""
        cls.sims = cls.enterClassContext(Simulators())
        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.policy = cls.folder / "gatekeeper.toml"
        cls.policy.write_text(POLICY.format(endpoint=cls.sims.first_party.url))
        cls.runtime = gatekeeper.start(cls.policy)

    @classmethod
    def tearDownClass(cls):
        """Close the gate before its folder goes."""
        cls.runtime.close()

    def track(self, name):
        """One event of a visitor who permits it, in a context of its own."""

        def run():
            visit(self.runtime)
            return gatekeeper.track("page_view", session_id=name)

        return contextvars.copy_context().run(run)

    def arrived(self):
        """Session ids that the vendor has, once the gate is closed."""
        self.assertTrue(gatekeeper.flush(20.0))
        self.runtime.close()
        bodies = [json.loads(one.body) for one in self.sims.first_party.received]
        return [event["data"]["session_id"] for body in bodies for event in body["events"]]

    def test_an_event_arrives_and_has_its_line(self):
        """By the installed package alone."""
        request_id = self.track("event")
        self.assertIn("event", self.arrived())
        self.assertIn(request_id, [line.get("request_id") for line in records(self.folder / "audit")])

    def test_a_fork_delivers_in_both(self):
        """Also while this process delivers."""
        self.track("parent")
        child = os.fork()
        if child == 0:
            self.track("child")
            os._exit(0)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        self.runtime.start()
        self.assertLessEqual({"parent", "child"}, set(self.arrived()))

    def test_a_child_of_multiprocessing_keeps_what_it_tracked(self):
        """Its start method is forkserver since 3.14."""
        process = multiprocessing.Process(target=job, args=(str(self.policy),))
        process.start()
        process.join()
        self.assertEqual(process.exitcode, 0)
        self.runtime.start()
        self.assertIn("default", self.arrived())

    def test_a_thread_is_nobody_unless_python_carries_the_context(self):
        """Free-threaded builds since 3.14 start a thread with a copy of the context it was begun in."""
        carried = bool(getattr(sys.flags, "thread_inherit_context", False))

        def run():
            visit(self.runtime)
            seen = []
            thread = threading.Thread(target=lambda: seen.append(context.current.get() is not None))
            thread.start()
            thread.join()
            return seen

        self.assertEqual(contextvars.copy_context().run(run), [carried])

    def test_calls_of_the_standard_library_are_judged(self):
        """A visitor who is unknown sends nothing."""
        gatekeeper.outbound.install()
        self.addCleanup(gatekeeper.outbound.uninstall)
        before = len(self.sims.first_party.received)
        with urllib.request.urlopen(f"{self.sims.first_party.url}/events", b"{}") as answer:
            self.assertLess(answer.status, 300)
        self.assertEqual(len(self.sims.first_party.received), before)

    def test_the_command_says_what_to_install(self):
        """Its libraries are an extra, which an app does not need."""
        command = [str(Path(sys.executable).with_name("gatekeeper")), "check", "--config", str(self.policy)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r'^gatekeeper: this command: needs \w+, .*"gatekeeper-consent\[cli\]"\n$')


if __name__ == "__main__":
    unittest.main()
