"""An installed copy has all it needs: the data files, the location database, the demo's page, the types marker."""

import json
import os
import re
import shutil
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


def test_the_wheel_is_the_same_bytes_wherever_and_whenever_it_is_built(wheel, tmp_path):
    """From a copy whose files are of another day, may be read by nobody else, and lie elsewhere."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.split(b"\0")
    for name in filter(None, (one.decode() for one in names)):
        if (ROOT / name).exists():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, tmp_path / name)
            os.utime(tmp_path / name, (1_000_000_000, 1_000_000_000))
            (tmp_path / name).chmod(0o700 if os.access(ROOT / name, os.X_OK) else 0o600)
    out = tmp_path / "out"
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(out)]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=120)
    (again,) = out.glob("*.whl")
    assert again.read_bytes() == wheel.read_bytes()


def test_the_list_of_components_names_what_the_wheel_brings(wheel):
    """Each with the version of the lock file and a licence; nothing of development, no address of an index."""
    subprocess.run(
        [ROOT / ".ci" / "components", wheel.parent], cwd=ROOT, check=True, capture_output=True, timeout=400,
        env=os.environ | {"PYTHON": sys.executable},
    )  # fmt: skip
    told = json.loads((wheel.parent / "components.cdx.json").read_text("utf-8"))
    listed = {re.sub(r"[-_.]+", "-", one["name"]).lower(): one for one in told["components"]}
    assert {"httpx", "starlette", "uvicorn", "typer"} <= set(listed) and not {"pytest", "hatchling"} & set(listed)
    lock = (ROOT / "requirements-dev.lock").read_text("utf-8")
    for name, one in listed.items():
        assert one["licenses"] and re.search(rf"^{name}=={re.escape(one['version'])}", lock, re.MULTILINE), name
    assert "file:" not in json.dumps(told["components"])


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
