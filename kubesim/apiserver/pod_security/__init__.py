"""Pod Security Standards: three levels, and for each the checks that a Pod has to pass.

Upstream: k8s.io/pod-security-admission.
"""

from kubesim.apiserver.pod_security.evaluation import evaluate, explain
from kubesim.apiserver.pod_security.levels import PRIVILEGED, LevelVersion, Policy, policy_of
from kubesim.apiserver.pod_security.parts import Violation

__all__ = ["PRIVILEGED", "LevelVersion", "Policy", "Violation", "evaluate", "explain", "policy_of"]
