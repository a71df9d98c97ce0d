"""An installed copy has all it needs: the data files, the location database, the demo's page, the types marker."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.environment
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from this tree."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", folder, ROOT]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    (built,) = folder.glob("*.whl")
    return built


@pytest.mark.parametrize(
    "name",
    [
        "gatekeeper/py.typed",
        "gatekeeper/fields/catalogue.toml",
        "gatekeeper/policy/template.toml",
        "gatekeeper/jurisdiction/laws.toml",
        "gatekeeper/geoip/locations.mmdb",
        "gatekeeper/demo/static/index.html",
        "gatekeeper/browser/gatekeeper.js",
        "gatekeeper/browser/gatekeeper.d.ts",
        "gatekeeper/browser/banner.js",
        "gatekeeper/vendors/cookies.toml",
        "gatekeeper/django/templatetags/gatekeeper.py",
        "gatekeeper/testing/hashing_vectors.json",
        "gatekeeper/bench/command.py",
        "gatekeeper/bench/contestants/nginx_lua.conf.in",
        "gatekeeper/bench/contestants/walkeros.mjs",
    ],
)
def test_the_wheel_holds_the_data(wheel, name):
    """Nothing that the code reads is left behind."""
    assert name in zipfile.ZipFile(wheel).namelist()


def test_an_installed_copy_locates_an_address_and_writes_a_policy(wheel, tmp_path):
    """From another folder, with the installed code alone."""
    target = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(target)
    code = (
        "import gatekeeper, pathlib\n"
        "from gatekeeper.geoip.reader import Locations, bundled\n"
        f"assert str(bundled()).startswith({str(target)!r}), bundled()\n"
        "assert Locations()('193.99.144.80').country == 'DE'\n"
        "from gatekeeper.cli.init import run\n"
        "run(pathlib.Path('gatekeeper.toml'), False, False)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(target), "PATH": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "gatekeeper.toml").exists()


def test_an_installed_copy_measures(wheel, tmp_path):
    """The command and its harness, with load generator and mock vendor as processes of their own."""
    target = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(target)
    environ = {"PYTHONPATH": str(target), "PATH": ""}
    code = (
        "from pathlib import Path\n"
        "from gatekeeper.bench import samples\n"
        "from gatekeeper.bench.load import Load\n"
        "from gatekeeper.bench.process import loaded, vendor\n"
        f"assert samples.__file__.startswith({str(target)!r})\n"
        "with vendor(Path('.'), None) as up:\n"
        "    request = samples.post('/mp/collect', samples.ga4_call())\n"
        "    assert loaded(Load(up.port, (request,), 2, 5.0, most=20)).answered == 20 == up.count()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    command = [sys.executable, "-m", "gatekeeper", "bench", "--quick", "geoip"]
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "look-up, one address" in done.stdout and (tmp_path / "bench.json").exists()
