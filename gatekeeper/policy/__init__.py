"""The policy: `gatekeeper.toml`, read once, validated with exact messages, compiled into frozen tables."""

from gatekeeper.policy.compiled import Policy
from gatekeeper.policy.load import load_policy
from gatekeeper.policy.registry import Extensions

__all__ = ["Extensions", "Policy", "load_policy"]
