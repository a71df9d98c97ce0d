"""An adopter's Django project: its own runner, and the commands of its CI, without secrets."""

import pytest

from tests.adopters.test_pytest import POLICY, block, run

MANAGE = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""
SETTINGS = """
from pathlib import Path
BASE_DIR = Path(__file__).parent
SECRET_KEY = "x" * 60
INSTALLED_APPS = ["gatekeeper.django"]
MIDDLEWARE = ["gatekeeper.django.GatekeeperMiddleware"]
GATEKEEPER = {"config": BASE_DIR / "gatekeeper.toml"}
ROOT_URLCONF = "urls"
WSGI_APPLICATION = "wsgi.application"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}}
"""
URLS = """
import gatekeeper
from django.http import HttpResponse
from django.urls import path


def buy(request):
    gatekeeper.track("purchase", order_value=149.0, currency="EUR", session_id="s_1")
    return HttpResponse("thank you")


urlpatterns = [path("buy", buy)]
"""
WSGI = """
from django.core.wsgi import get_wsgi_application
application = get_wsgi_application()
"""


@pytest.fixture
def project(tmp_path):
    """A project with the tests of docs/in-your-tests.md."""
    files = {
        "manage.py": MANAGE, "settings.py": SETTINGS, "urls.py": URLS, "wsgi.py": WSGI,
        "tests.py": block("tests.py"), "gatekeeper.toml": POLICY,
    }  # fmt: skip
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_djangos_runner_is_in_test_mode(project):
    """The page's tests pass, need no secret, and leave nothing in the project's folder."""
    done = run(project, "manage.py", "test")
    assert done.returncode == 0 and "Ran 2 tests" in done.stderr, done.stdout + done.stderr
    assert not (project / "var").exists()


def test_the_setting_puts_another_runner_into_test_mode(project):
    """As `GATEKEEPER = {"test": True}` in the settings of the tests."""
    with (project / "settings.py").open("a") as settings:
        settings.write('GATEKEEPER["test"] = True\n')
    code = "import os, django; os.environ['DJANGO_SETTINGS_MODULE'] = 'settings'; django.setup(); " + (
        "from gatekeeper.policy import trial; assert trial.on()"
    )
    done = run(project, "-c", code)
    assert done.returncode == 0, done.stderr
    assert not (project / "var").exists()


@pytest.mark.parametrize("words", [("migrate",), ("makemigrations", "--check"), ("check",)], ids=" ".join)
def test_a_command_that_serves_nothing_needs_no_secret(project, words):
    """It is warned of."""
    done = run(project, "manage.py", *words)
    assert done.returncode == 0 and "gatekeeper.W004" in done.stderr, done.stderr
    assert "SHOP_GA4_SECRET is not set" in done.stderr


def test_a_deployment_without_its_secrets_is_refused(project):
    """By `check --deploy`, and by the server."""
    done = run(project, "manage.py", "check", "--deploy")
    assert done.returncode == 1 and "gatekeeper.E002" in done.stderr
    done = run(project, "-c", "import os; os.environ['DJANGO_SETTINGS_MODULE'] = 'settings'; import wsgi")
    assert done.returncode == 1 and "ImproperlyConfigured" in done.stderr and "SHOP_GA4_SECRET" in done.stderr


def test_another_fault_of_the_policy_stays_an_error(project):
    """Whatever the command."""
    (project / "gatekeeper.toml").write_text(POLICY.replace("pixel_id", "pixl_id"))
    done = run(project, "manage.py", "migrate")
    assert done.returncode == 1 and "gatekeeper.E001" in done.stderr


def test_a_value_that_is_not_a_switch_is_refused(project):
    """With the key and the value."""
    with (project / "settings.py").open("a") as settings:
        settings.write('GATEKEEPER["test"] = "yes"\n')
    done = run(project, "manage.py", "check")
    assert done.returncode == 1 and "GATEKEEPER[\"test\"]: 'yes' is not True or False" in done.stderr
