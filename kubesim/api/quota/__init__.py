"""What objects use up: the arithmetic that the apiserver's quota admission and the quota controller share.

Upstream: k8s.io/apiserver/pkg/quota/v1 and pkg/quota/v1/evaluator/core.
"""

from kubesim.api.quota.amounts import (
    Amounts,
    amounts,
    equal,
    less_or_equal,
    mask,
    plus,
    subtract_not_below_zero,
    texts,
    without_zeros,
)
from kubesim.api.quota.claims import ClaimEvaluator
from kubesim.api.quota.evaluator import IGNORED, Evaluator, ObjectCount
from kubesim.api.quota.pods import PodEvaluator
from kubesim.api.quota.registry import calculate_usage, evaluator_for
from kubesim.api.quota.scopes import selectors_of
from kubesim.api.quota.services import ServiceEvaluator

__all__ = [
    "IGNORED",
    "Amounts",
    "ClaimEvaluator",
    "Evaluator",
    "ObjectCount",
    "PodEvaluator",
    "ServiceEvaluator",
    "amounts",
    "calculate_usage",
    "equal",
    "evaluator_for",
    "less_or_equal",
    "mask",
    "plus",
    "selectors_of",
    "subtract_not_below_zero",
    "texts",
    "without_zeros",
]
