"""The image is built and run, as another user than root, where a builder and a base image can be had."""

import os
import shlex
import shutil
import signal
import subprocess
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from gatekeeper.cli import app
from tests.running import answers, free_port, until

ROOT = Path(__file__).parents[2]
BASE = "docker.io/library/python:3.11-slim"
# Options of a machine whose images and packages come from elsewhere, such as `--build-arg BASE=localhost/base`.
OPTIONS = shlex.split(os.environ.get("GATEKEEPER_BUILD", ""))
# What pip says where there is no index of packages.
NO_PACKAGES = "the image's packages cannot be had from a build here; GATEKEEPER_BUILD says how they can"
UNREACHABLE = ("No matching distribution found", "Could not fetch URL", "Failed to establish a new connection")
BUILDAH = ("buildah", "--storage-driver", "vfs")  # which needs no privilege
pytestmark = [
    pytest.mark.environment,
    pytest.mark.skipif(shutil.which("buildah") is None, reason="buildah is not installed"),
]


def buildah(*words, seconds=600):
    """The builder's answer."""
    return subprocess.run([*BUILDAH, *words], cwd=ROOT, capture_output=True, text=True, timeout=seconds)


def can_be_had(image):
    """Whether the builder can fetch an image: not without a network, and not through one that swallows the question."""
    try:
        return buildah("pull", image, seconds=120).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def not_built(name):
    """Build the image. Why it cannot be built here, if that is no fault of its file."""
    words = "build", "--isolation", "chroot", "--network", "host", *OPTIONS, "--tag", name
    try:
        built = buildah(*words, "--file", "deploy/container/Containerfile", ".")
    except subprocess.TimeoutExpired:
        assert not OPTIONS, "not built in time"
        return NO_PACKAGES
    told = built.stdout + built.stderr
    if not OPTIONS and any(word in told for word in UNREACHABLE):
        return NO_PACKAGES
    assert built.returncode == 0, told[-2000:]
    return None


def serving(port):
    """The gate's own process: a signal to the builder, which started it, ends it without a word."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                words = (folder / "cmdline").read_bytes().decode().split("\0")
            except (OSError, UnicodeDecodeError):  # it has ended, or is another user's
                continue
            if words[0].startswith("/opt/gatekeeper/") and words[-3:-1] == ["--port", str(port)]:
                return int(folder.name)
    raise AssertionError("no gate serves at this port")


@pytest.fixture(scope="module")
def container():
    """A container of the image, which is removed with it."""
    if not OPTIONS and not can_be_had(BASE):
        pytest.skip("the base image cannot be had from here; GATEKEEPER_BUILD names another")
    name = "localhost/gatekeeper-test"
    if (why := not_built(name)) is not None:
        pytest.skip(why)
    made = buildah("from", name).stdout.strip()
    yield made
    buildah("rm", made)
    buildah("rmi", name)


def test_the_image_holds_the_gate_for_a_user_who_can_write_in_its_state_alone(container):
    """Not the package, not the policy's folder, not the root: what a read-only root forbids is not needed."""
    places = "/ /etc/gatekeeper /opt/gatekeeper /usr/bin /var/lib/gatekeeper"
    looks = f"id -u; for f in {places}; do test -w $f && echo $f; done; gatekeeper --version"
    told = buildah("run", "--isolation", "chroot", container, "--", "sh", "-c", looks)
    user, *writable, version = told.stdout.splitlines()
    assert (user, writable) == ("10001", ["/var/lib/gatekeeper"]), told.stderr
    assert version.startswith("gatekeeper ")


def test_the_image_serves_the_policy_that_init_writes_and_stops_when_told(container, tmp_path):
    """Ready, takes an event, and is ended by SIGTERM with its stream closed."""
    policy = tmp_path / "gate" / "gatekeeper.toml"
    assert CliRunner().invoke(app, ["init", "--system", str(policy)]).exit_code == 0
    port, state = free_port(), tmp_path / "state"
    state.mkdir()
    state.chmod(0o777)  # the image's user has no name here
    command = [
        *BUILDAH, "run", "--isolation", "chroot", "--network", "host",
        "--volume", f"{policy.parent}:/etc/gatekeeper:ro", "--volume", f"{state}:/var/lib/gatekeeper",
        "--env", "GA4_API_SECRET=a-secret-of-ga4", "--env", "META_ACCESS_TOKEN=a-token-of-meta", container, "--",
        "gatekeeper", "serve", "--port", str(port),
    ]  # fmt: skip
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as running:
        try:
            until(lambda: answers(f"http://127.0.0.1:{port}/gk/readyz"), tmp_path)
            event = {"event": "purchase", "data": {"order_value": 10.0, "currency": "EUR"}}
            told = httpx.post(f"http://127.0.0.1:{port}/gk/collect", json=event, trust_env=False)
            os.kill(serving(port), signal.SIGTERM)
            said = running.communicate(timeout=60)[1]
        finally:
            if running.poll() is None:
                os.killpg(running.pid, signal.SIGKILL)
    assert told.status_code == 202 and "Traceback" not in said
    verified = buildah(*command[len(BUILDAH) : command.index("gatekeeper")], "gatekeeper", "audit", "verify")
    assert "Nothing was changed" in verified.stdout and "without an end" not in verified.stdout, verified.stdout
