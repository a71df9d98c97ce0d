"""The snippets of docs/consent.md that set the consent cookie from a server of one's own, run as they are written."""

import json
import os
import re
import shutil
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from gatekeeper.cli import app
from tests.adopters.test_django import SETTINGS
from tests.adopters.test_pytest import PYTHON, run
from tests.running import free_port, process, until

PAGE = (Path(__file__).parents[2] / "docs" / "consent.md").read_text("utf-8")
POLICY = """
[policy]
version = "1"
controller = "Shop"
[destinations.own]
kind = "first_party"
endpoint = "http://127.0.0.1:9/events"
"""
ASK = {
    "views.py": """
import django
from django.conf import settings
import project
settings.configure(**{name: getattr(project, name) for name in dir(project) if name.isupper()})
django.setup()
from django.test import Client
answer = Client().get("/choose")
print(answer.headers["Set-Cookie"])
""",
    "flask_shop.py": """
from flask_shop import app
print(app.test_client().post("/choose").headers["Set-Cookie"])
""",
    "fastapi_shop.py": """
from starlette.testclient import TestClient
from fastapi_shop import app
with TestClient(app) as client:
    print(client.post("/choose").headers["set-cookie"])
""",
}
FRAMEWORK = {"views.py": "django", "flask_shop.py": "flask", "fastapi_shop.py": "fastapi"}


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder with the snippets."""
    for language, name, text in re.findall(r"```(python|js)\n(?:#|//) (\S+)\n(.*?)```", PAGE, re.DOTALL):
        assert name.endswith({"python": ".py", "js": ".mjs"}[language])
        (tmp_path / name).write_text(text)
    (tmp_path / "gatekeeper.toml").write_text(POLICY)
    (tmp_path / "project.py").write_text(SETTINGS)
    (tmp_path / "urls.py").write_text(
        "from django.urls import path\nfrom views import choose\nurlpatterns = [path('choose', choose)]\n"
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def understood(set_cookie):
    """What the gate of this folder makes of the cookie that a Set-Cookie header sets."""
    cookie, *attributes = set_cookie.strip().split("; ")
    assert {"HttpOnly", "Secure", "SameSite=Lax", "Path=/"} <= set(attributes)
    done = CliRunner().invoke(app, ["signals", "--cookie", cookie, "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)["consent_state"]


@pytest.mark.parametrize("name", ASK)
def test_a_framework_sets_the_cookie_as_the_page_says(name, site):
    """The gate of the same folder reads it as a grant of analytics, and a refusal of marketing."""
    if run(site, "-c", f"import {FRAMEWORK[name]}").returncode:
        pytest.skip(f"{FRAMEWORK[name]} is not installed beside the package")
    done = run(site, "-c", ASK[name])
    assert done.returncode == 0, done.stderr
    consent = understood(done.stdout)
    assert (consent["analytics"], consent["marketing"]) == (True, False)


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")
def test_another_language_sets_the_cookie_by_the_command(site):
    """Node, by the page's few lines."""
    path = f"{Path(PYTHON).parent}{os.pathsep}{os.environ['PATH']}"
    become = "import os, sys; os.execvp('node', ['node', *sys.argv[1:]])"
    port = free_port()
    with process(["-c", become, "choose.mjs", str(port)], site, env={"PATH": path}, cwd=site):
        until(lambda: "listens" in (site / "stderr").read_text(), site)
        answer = httpx.get(f"http://127.0.0.1:{port}/", trust_env=False, timeout=30)
    assert understood(answer.headers["set-cookie"])["analytics"] is True
