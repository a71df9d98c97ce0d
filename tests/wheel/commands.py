"""What the commands of the installed wheel must do on a Python: with the extra `cli` (`Questions`), and with `demo`."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path


def gatekeeper(folder, *words):
    """The installed command."""
    command = [str(Path(sys.executable).with_name("gatekeeper")), *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)


def folder_of(test):
    """An empty folder for as long as a test runs."""
    return Path(test.enterContext(tempfile.TemporaryDirectory()))


class Commands(unittest.TestCase):
    """Each in an empty folder."""

    def setUp(self):
        """The folder."""
        self.folder = folder_of(self)

    def test_a_policy_is_written_and_its_secrets_are_asked_for(self):
        """`init`, then `check`."""
        self.assertEqual(gatekeeper(self.folder, "init").returncode, 0)
        done = gatekeeper(self.folder, "check")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("the environment variable GA4_API_SECRET is not set", done.stdout)

    def test_the_demo_walks_through_its_purchases(self):
        """Gate, simulators and shop, on free ports."""
        done = gatekeeper(self.folder, "demo", "--once", "--port", "0")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("no_marketing_consent", done.stdout)


class Questions(unittest.TestCase):
    """What a question over the log says where DuckDB is not installed."""

    def test_a_question_over_the_log_says_what_to_install(self):
        """DuckDB is an extra of its own."""
        folder = folder_of(self)
        (folder / "gatekeeper.toml").write_text('[policy]\nversion = "1"\ncontroller = "Shop"\n')
        (folder / "var" / "audit").mkdir(parents=True)
        (folder / "var" / "audit" / "2026-01-01.jsonl").touch()
        done = gatekeeper(folder, "audit", "query")
        self.assertIn("gatekeeper-consent[query]", done.stderr)


if __name__ == "__main__":
    unittest.main()
