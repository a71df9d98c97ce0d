"""The deployment in deploy/kubernetes: its policy loads, its variables are given, its probes are endpoints."""

import re
import secrets
from pathlib import Path

import yaml

from gatekeeper.policy.load import load_policy
from gatekeeper.storage.opening import elsewhere

FILE = Path(__file__).parent.parent / "deploy" / "kubernetes" / "gatekeeper.yaml"
PARTS = {one["kind"]: one for one in yaml.safe_load_all(FILE.read_text("utf-8"))}


def test_the_policy_in_it_is_one_for_several_machines(tmp_path, monkeypatch):
    """With the variables of the secret, and no others."""
    text = PARTS["ConfigMap"]["data"]["gatekeeper.toml"]
    given = PARTS["Secret"]["stringData"]
    assert set(re.findall(r'env = "(\w+)"', text)) <= given.keys()
    for name in given:
        monkeypatch.setenv(name, secrets.token_hex(32))
    monkeypatch.setenv("DATABASE_URL", "postgresql://gate:x@a.internal,b.internal/gate")
    (tmp_path / "gatekeeper.toml").write_text(text)
    policy = load_policy(tmp_path / "gatekeeper.toml")
    assert elsewhere(policy.storage_url) and policy.prefix == "/gk"


def test_each_pod_keeps_its_log_and_is_asked_whether_it_is_ready():
    """Logs are on disks of their own; several replicas, of which one at most is away."""
    spec = PARTS["StatefulSet"]["spec"]
    (pod,) = spec["template"]["spec"]["containers"]
    assert spec["replicas"] > 1 and PARTS["PodDisruptionBudget"]["spec"]["maxUnavailable"] == 1
    assert {one["metadata"]["name"] for one in spec["volumeClaimTemplates"]} == {"log"}
    assert {one["name"]: one["mountPath"] for one in pod["volumeMounts"]}["log"] == "/var/lib/gatekeeper"
    paths = (pod["livenessProbe"]["httpGet"]["path"], pod["readinessProbe"]["httpGet"]["path"])
    assert paths == ("/gk/healthz", "/gk/readyz")
    assert spec["template"]["spec"]["terminationGracePeriodSeconds"] > 30
