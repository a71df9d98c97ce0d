"""`make pythons`: build the wheel, and run `suite.py` and `commands.py` with it on every supported Python that is here.

Then the suites of `tests/adopters`, with the wheel in an environment of its own.

Looked for on PATH, under pyenv, and by uv. A version that is not there is named and skipped.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
VERSIONS = ("3.11", "3.12", "3.13", "3.14", "3.14t", "3.15")


def version_of(python):
    """What an interpreter says it is, such as `3.14` or `3.14t`; None if it does not run."""
    say = (
        "import sys, sysconfig; print('%d.%d%s' % (*sys.version_info[:2], "
        "'t' if sysconfig.get_config_var('Py_GIL_DISABLED') else ''))"
    )
    try:
        done = subprocess.run([python, "-I", "-c", say], capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def found(version):
    """An interpreter of a version; None if there is none."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    plain = version.removesuffix("t")
    candidates = [shutil.which(f"python{version}"), sys.executable]
    candidates += sorted(pyenv.glob(f"{plain}*/bin/python{plain}"), reverse=True)
    if uv := shutil.which("uv"):
        command = [uv, "python", "find", "--offline", version]
        said = subprocess.run(command, capture_output=True, text=True, check=False)
        candidates += [said.stdout.strip()] if said.returncode == 0 else []
    return next((one for one in candidates if one and version_of(one) == version), None)


def installed(python, folder, *what):
    """The interpreter of an environment of its own in which `what` is installed; None if it cannot be."""
    mine = folder / "bin" / "python"
    if not mine.exists():
        subprocess.run([python, "-m", "venv", folder], check=True)
    install = [mine, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *what]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stderr[-2000:], flush=True)
        return None
    return mine


def tried(python, wheel, folder):
    """Whether a wheel works that is installed alone, and then its commands, with one extra after another."""
    stages = (
        (wheel, "suite.py"),
        (f"{wheel}[cli]", "commands.py", "Questions"),
        (f"{wheel}[demo]", "commands.py", "Commands"),
    )
    for what, suite, *tests in stages:
        mine = installed(python, folder, what)
        command = [mine, "-I", "-W", "error", "-X", "faulthandler", Path(__file__).with_name(suite), *tests]
        if mine is None or subprocess.run(command, cwd=folder, check=False).returncode:
            return False
    return True


def adopted(wheel, folder):
    """Whether adopters' own suites pass with the wheel: pytest and Django's runner, with responses and respx."""
    libraries = ("django", "pytest", "responses", "respx", "requests", "fastapi", "flask", "httpx")
    mine = installed(sys.executable, folder, f"{wheel}[cli]", *libraries)
    suites = [sys.executable, "-m", "pytest", "-q", ROOT / "tests" / "adopters"]
    environ = os.environ | {"ADOPTER_PYTHON": str(mine)}
    return mine is not None and subprocess.run(suites, cwd=ROOT, env=environ, check=False).returncode == 0


def main():
    """The number of versions on which it does not work."""
    failed = passed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "tmp").mkdir()
        os.environ["TMPDIR"] = str(folder / "tmp")  # what a library leaves in it, as ddtrace does, goes with the rest
        build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*build, "--no-build-isolation", "-w", name, str(ROOT)], check=True, stderr=subprocess.DEVNULL)
        (wheel,) = folder.glob("*.whl")
        for version in VERSIONS:
            python = found(version)
            if python is None:
                print(f"Python {version}: there is none here, skipped", flush=True)
            elif tried(python, wheel, folder / version):
                passed += 1
                print(f"Python {version}: passed", flush=True)
            else:
                failed += 1
                print(f"Python {version}: FAILED", flush=True)
        failed += not (works := adopted(wheel, folder / "adopter"))
        print(f"Adopters' own suites, on this Python: {'passed' if works else 'FAILED'}", flush=True)
    print(f"{passed} passed, {failed} failed", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
