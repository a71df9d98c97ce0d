"""What `deploy/` holds is taken by the software that it is for, and agrees with the gate that it starts."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from gatekeeper import load_policy
from gatekeeper.cli import app
from gatekeeper.shells.consent.scripts import NAMES

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
NGINX = DEPLOY / "nginx" / "gatekeeper.conf"
CADDY = DEPLOY / "caddy" / "Caddyfile"
SIDECAR = DEPLOY / "kubernetes" / "sidecar"
CONTAINERFILE = (DEPLOY / "container" / "Containerfile").read_text("utf-8")
ENDPOINTS = (ROOT / "gatekeeper" / "shells" / "asgi" / "endpoints.py").read_text("utf-8")
# Of the gate's endpoints, those that browsers ask; the others are for the operator alone.
PUBLIC = [*(f"/gk/{name}" for name in (*NAMES, "collect", "consent", "to/ga4/g/collect")), "/.well-known/gpc.json"]
PRIVATE = [f"/gk/{name}" for name in ("admin", "healthz", "readyz", "metrics", "outbound")]


def run(*command, **options):
    """A program's answer, within a minute."""
    return subprocess.run(command, capture_output=True, text=True, timeout=60, **options)


def needs(program):
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not installed")


def nginx_takes(path):
    """Whether the snippet gives a path to the gate."""
    (pattern,) = re.findall(r"location ~ (\S+) \{", NGINX.read_text())
    return re.search(pattern, path) is not None


def caddy_takes(path):
    """The same of Caddy, whose `*` stands for anything."""
    (patterns,) = re.findall(r"@gate path (.*)", CADDY.read_text())
    return any(path == one or (one.endswith("*") and path.startswith(one[:-1])) for one in patterns.split())


def test_every_endpoint_of_the_gate_is_public_or_not():
    """A new one must be sorted here, and then into the snippets."""
    named = {f"/gk/{name}" for name in re.findall(r'f"\{prefix\}/(\w+)"', ENDPOINTS)}
    assert named <= {*PUBLIC, *PRIVATE} and len(named) > 5


@pytest.mark.parametrize("takes", [nginx_takes, caddy_takes], ids=["nginx", "caddy"])
def test_a_proxy_gives_the_public_endpoints_to_the_gate_and_no_other(takes):
    """Metrics and health are not for the street; the shop's own pages stay the shop's."""
    assert all(takes(path) for path in PUBLIC)
    assert not any(takes(path) for path in (*PRIVATE, "/", "/gk", "/gkx/collect", "/shop/gk/collect"))


@needs("nginx")
def test_nginx_takes_the_snippet(tmp_path):
    """`nginx -t`, in the least that goes around it."""
    config = f"pid {tmp_path}/pid; error_log stderr; events {{}} http {{ access_log off; {NGINX.read_text()} }}"
    (tmp_path / "nginx.conf").write_text(config)
    done = run("nginx", "-t", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf"))
    assert done.returncode == 0, done.stderr


@needs("caddy")
def test_caddy_takes_the_snippet(tmp_path):
    """`caddy validate`, and in the form that `caddy fmt` gives it."""
    home = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    done = run("caddy", "validate", "--adapter", "caddyfile", "--config", str(CADDY), env=home)
    assert done.returncode == 0, done.stderr
    assert run("caddy", "fmt", str(CADDY), env=home).stdout == CADDY.read_text()


def options_of(words):
    """The options in a command line that `gatekeeper serve` does not have."""
    usage = CliRunner().invoke(app, ["serve", "--help"], env={"COLUMNS": "200"}).stdout
    return [word for word in words if word.startswith("--") and word not in usage]


def test_the_image_is_non_root_and_starts_a_command_that_there_is():
    """With options that it has, asked at an endpoint that it has; the state is the one folder that is written."""
    (words,) = re.findall(r"^CMD (\[.*\])$", CONTAINERFILE, re.MULTILINE)
    command = json.loads(words)
    assert command[:2] == ["gatekeeper", "serve"] and options_of(command) == []
    (user,) = re.findall(r"^USER (\d+):\d+$", CONTAINERFILE, re.MULTILINE)
    assert int(user) > 0 and CONTAINERFILE.index("USER ") < CONTAINERFILE.index("CMD ")
    (asked,) = re.findall(r"http://127\.0\.0\.1:8787(\S+)'", CONTAINERFILE)
    assert asked in PRIVATE and re.findall(r"^VOLUME (\S+)$", CONTAINERFILE, re.MULTILINE) == ["/var/lib/gatekeeper"]


def test_what_the_image_copies_is_enough_for_the_package(tmp_path):
    """The wheel is built from those files alone, and holds the location database."""
    for line in re.findall(r"^COPY (?!--from)(.*) /src\S*$", CONTAINERFILE, re.MULTILINE):
        for name in line.split():
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, tmp_path / "src" / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                (tmp_path / "src").mkdir(exist_ok=True)
                shutil.copy(source, tmp_path / "src" / name)
    command = ("-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path / "out"))
    done = run(sys.executable, *command, cwd=tmp_path / "src")
    assert done.returncode == 0, done.stderr
    (wheel,) = (tmp_path / "out").glob("*.whl")
    assert "gatekeeper/geoip/locations.mmdb" in run(sys.executable, "-m", "zipfile", "--list", str(wheel)).stdout


@pytest.fixture(scope="module")
def manifests():
    """What Kustomize makes of the sidecar's folder."""
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed")
    done = run("kubectl", "kustomize", str(SIDECAR))
    assert done.returncode == 0, done.stderr
    return {one["kind"]: one for one in yaml.safe_load_all(done.stdout)}


def test_kustomize_makes_a_service_a_policy_and_a_pod(manifests):
    """The pod mounts the policy under the name that Kustomize gave it, and runs the image that it named."""
    assert set(manifests) == {"Service", "ConfigMap", "StatefulSet"}
    pod = manifests["StatefulSet"]["spec"]["template"]["spec"]
    (mounted,) = (one["configMap"]["name"] for one in pod["volumes"] if "configMap" in one)
    assert mounted == manifests["ConfigMap"]["metadata"]["name"]
    assert pod["initContainers"][0]["image"] == "registry.example/gatekeeper:0.1.0"


def test_the_sidecar_is_started_first_and_can_write_in_its_state_alone(manifests):
    """Non-root, with a read-only root and no capability; it ends after the app, within the time that the pod has."""
    pod = manifests["StatefulSet"]["spec"]["template"]["spec"]
    (gate,) = pod["initContainers"]
    held = gate["securityContext"]
    assert gate["restartPolicy"] == "Always" and pod["securityContext"]["runAsNonRoot"]
    assert held["readOnlyRootFilesystem"] and not held["allowPrivilegeEscalation"]
    assert held["capabilities"] == {"drop": ["ALL"]} and pod["terminationGracePeriodSeconds"] > 20
    written = {one["mountPath"] for one in gate["volumeMounts"] if not one.get("readOnly")}
    assert written == {"/var/lib/gatekeeper", "/tmp"}  # the pod's own, in memory


def test_the_sidecar_starts_a_command_that_there_is_and_is_asked_at_its_endpoints(manifests):
    """With options that it has, a port that the service leads to, and probes that are answered."""
    (gate,) = manifests["StatefulSet"]["spec"]["template"]["spec"]["initContainers"]
    assert gate["args"][:2] == ["gatekeeper", "serve"] and options_of(gate["args"]) == []
    (port,) = gate["ports"]
    assert gate["args"][gate["args"].index("--port") + 1] == str(port["containerPort"])
    assert manifests["Service"]["spec"]["ports"][0]["targetPort"] == port["name"]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert gate[probe]["httpGet"]["path"] in PRIVATE and gate[probe]["httpGet"]["port"] == port["name"]


def test_the_sidecars_policy_keeps_everything_on_the_pods_volume(manifests):
    """It loads, and nothing that it keeps is lost with the pod."""
    policy = load_policy(SIDECAR / "gatekeeper.toml", environ={"GA4_API_SECRET": "s" * 12})
    assert manifests["ConfigMap"]["data"]["gatekeeper.toml"] == (SIDECAR / "gatekeeper.toml").read_text("utf-8")
    for place in (policy.audit_folder, policy.keys_folder, policy.database_file):
        assert Path("/var/lib/gatekeeper") in place.parents
