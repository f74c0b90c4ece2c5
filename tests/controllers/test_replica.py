"""What is worked out once per revision of a Pod."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kubesim.api.selectors import equality_selector
from kubesim.api.stored import Stored
from kubesim.api.views import Pod
from kubesim.controllers.pods import Replica, is_active, is_terminating, seconds_until_available

NOW = 1_705_136_400.0  # 2024-01-13T09:00:00Z
LABELS = st.dictionaries(st.sampled_from(["app", "tier"]), st.sampled_from("ab"))
READY = st.sampled_from(
    [None, ("False", ""), ("True", ""), ("True", "2024-01-13T08:59:55Z"), ("True", "2024-01-13T08:00:00Z")]
)


@given(
    labels=LABELS,
    phase=st.sampled_from(["Pending", "Running", "Succeeded", "Failed"]),
    leaves=st.booleans(),
    ready=READY,
    asked=st.lists(LABELS, min_size=1, max_size=4),
    minimum=st.sampled_from([0, 10]),
)
def test_it_says_what_looking_at_the_pod_would(
    labels: dict[str, str], phase: str, leaves: bool, ready: tuple[str, str] | None, asked: list[dict[str, str]],
    minimum: int,
) -> None:  # fmt: skip
    """Teaches: what is remembered of a Pod is remembered of one revision, which never changes."""
    metadata: dict[str, Any] = {"name": "p", "namespace": "a", "labels": labels}
    if leaves:
        metadata["deletionTimestamp"] = "2024-01-13T09:00:00Z"
    conditions = []
    if ready is not None:
        conditions = [{"type": "Ready", "status": ready[0]} | ({"lastTransitionTime": ready[1]} if ready[1] else {})]
    status = {"phase": phase, "conditions": conditions}
    stored = Stored(1, {"metadata": metadata, "spec": {"containers": []}, "status": status})
    pod, replica = stored.view(Pod), stored.derived(Replica)
    assert stored.derived(Replica) is replica
    assert (replica.is_active, replica.is_terminating) == (is_active(pod), is_terminating(pod))
    assert replica.seconds_until_available(minimum, NOW) == seconds_until_available(pod, minimum, NOW)
    for wanted in asked:  # The last answers are remembered, and the next question may be another.
        selector = equality_selector(wanted)
        for _ in range(2):
            assert replica.is_selected_by(selector) == selector.matches(labels)
            assert replica.has_labels(wanted) == (wanted.items() <= labels.items())
