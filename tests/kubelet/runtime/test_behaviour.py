"""Where a container's behaviour comes from."""

from __future__ import annotations

import msgspec
import pytest

from kubesim.kubelet.runtime.behaviour import HOLLOW, PLAUSIBLE, BehaviourError, annotated_behaviours
from kubesim.kubelet.runtime.model import Behaviour


def test_well_known_images_behave_without_being_told() -> None:
    """Teaches: a database takes its time, busybox without a command ends at once, others run."""
    assert PLAUSIBLE.behaviour("postgres:16", (), ()).ready_after_seconds > 1
    assert PLAUSIBLE.behaviour("busybox", (), ()).run_seconds == 0.0
    assert PLAUSIBLE.behaviour("example.com/team/unheard-of:1", (), ()) == Behaviour()


def test_the_scenario_knows_better_than_the_library() -> None:
    """Teaches: a behaviour may be given for an image by its full name, its repository or its last part."""
    slow = Behaviour(start_seconds=9.0)
    for name in ("nginx:1.27", "docker.io/library/nginx", "nginx"):
        profile = msgspec.structs.replace(PLAUSIBLE, behaviours={name: slow})
        assert profile.behaviour("nginx:1.27", ("sleep", "1"), ()) is slow
        assert profile.behaviour("httpd", (), ()) is not slow


def test_hollow_containers_run_whatever_they_are_told() -> None:
    """Teaches: a hollow node only pretends; that is enough to study a control plane."""
    behaviour = HOLLOW.behaviour("busybox", ("false",), ())
    assert behaviour.run_seconds is None
    assert (behaviour.stop_seconds or 0) < 1


def test_an_annotation_says_it_for_all_containers_or_for_each() -> None:
    """Teaches: `kubesim.dev/behavior` is JSON."""
    assert annotated_behaviours('{"runSeconds": 5, "exitCode": 2}') == {"": Behaviour(run_seconds=5, exit_code=2)}
    each = annotated_behaviours('{"web": {"readyAfterSeconds": 3}, "": {"exitCode": 1}}')
    assert each == {"web": Behaviour(ready_after_seconds=3), "": Behaviour(exit_code=1)}


@pytest.mark.parametrize("text", ["nonsense", "[]", '{"runSecond": 5}', '{"exitCode": "x"}', '{"web": {"a": 1}}'])
def test_an_unreadable_annotation_says_what_is_wrong(text: str) -> None:
    """Teaches: a typing error is told, not ignored."""
    with pytest.raises(BehaviourError, match=r"annotation kubesim\.dev/behavior: "):
        annotated_behaviours(text)


def test_a_container_may_fail_only_at_first() -> None:
    """Teaches: `failures: 2` is a container that comes up at the third try."""
    flaky = Behaviour(run_seconds=1, exit_code=1, failures=2)
    assert [flaky.exits_by_itself(attempt) for attempt in range(4)] == [True, True, False, False]


def test_a_misspelt_field_is_named_with_what_was_meant() -> None:
    """Teaches: one clear sentence, in the Pod's events."""
    with pytest.raises(BehaviourError, match=r'there is no field "runSecond"; did you mean "runSeconds"\?'):
        annotated_behaviours('{"runSecond": 5}')
    with pytest.raises(BehaviourError, match="an exit code is a number from 0 to 255"):
        annotated_behaviours('{"exitCode": 300}')
    with pytest.raises(BehaviourError, match="runSeconds is negative"):
        annotated_behaviours('{"runSeconds": -1}')
