"""An installed copy has all it needs: the data files, the location database, the demo's page, the types marker."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


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
        "gatekeeper/testing/hashing_vectors.json",
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
        "run(pathlib.Path('gatekeeper.toml'), False)\n"
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
