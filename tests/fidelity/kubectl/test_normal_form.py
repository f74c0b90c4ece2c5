"""What counts as the same answer."""

from __future__ import annotations

import json

import pytest

from kubesim.fidelity.kubectl.normal_form import NormalForm, normal_line
from kubesim.fidelity.kubectl.transcripts import Answer, Command


def out(text: str, **command: object) -> str:
    form = NormalForm(["node-1"])
    return str(form.answer(Command("kubectl get", **command), Answer(0, text))["stdout"])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("line", "normal"),
    [
        ("web   1/1   Running   0   12s", "web  1/1  Running  0  <AGE>"),
        ("web   1/1   Running   0   3d4h", "web  1/1  Running  0  <AGE>"),
        ("web   1/1   Running   0   <invalid>", "web  1/1  Running  0  <AGE>"),
        ("  Normal  Pulled  2m (x3 over 5m)  kubelet", "  Normal  Pulled  <AGE>  kubelet"),
        ("a b  12", "a b  12"),
        ("---- ----", "---"),
    ],
)
def test_ages_and_the_width_of_columns_do_not_count(line: str, normal: str) -> None:
    """Teaches: two runs are never equally old."""
    assert normal_line(line) == normal


def test_a_drawn_name_stands_for_itself_wherever_it_comes_again() -> None:
    """Teaches: names may differ, who is who may not."""
    text = out("web-7866ccff64-x7k2p on node-1\nweb-7866ccff64-zzzzz\npod-template-hash=7866ccff64")
    assert text == "web-<HASH1>-<GEN1> on <NODE>\nweb-<HASH1>-<GEN2>\npod-template-hash=<HASH1>"


def test_uids_times_addresses_and_versions_are_the_clusters_own_affair() -> None:
    """Teaches: what the server draws or counts says nothing about how it behaves."""
    uid = "0a1b2c3d-0000-4000-8000-0123456789ab"
    text = out(f"{uid} 10.0.0.7 2024-01-13T09:00:00Z https://127.0.0.1:6443 resourceVersion: 712\n{uid}")
    assert text == "<UID1> <IP> <TIME> <SERVER> resourceVersion: <RV>\n<UID1>"


def test_a_json_answer_is_compared_field_by_field() -> None:
    """Teaches: the order of keys and of conditions means nothing in JSON."""
    ready, synced = {"type": "Ready", "status": "True"}, {"type": "Synced", "status": "True"}
    one = {"status": {"conditions": [ready, synced]}, "metadata": {"resourceVersion": "5", "managedFields": [{}]}}
    other = {"metadata": {"resourceVersion": "77"}, "status": {"conditions": [synced, ready]}}
    assert out(json.dumps(one)) == out(json.dumps(other))
    assert "managedFields" in out(json.dumps(one), managed=True)


def test_lines_can_be_chosen_and_sorted() -> None:
    """Teaches: a transcript says what of its output counts."""
    assert out("b\na\nc", sort=True) == "a\nb\nc"
    assert out("b\na\nc", drop="a") == "b\nc"
    assert out("b\na\nc", grep="a|c") == "a\nc"


def test_a_command_may_count_by_its_exit_code_alone() -> None:
    """Teaches: some outputs are nobody's promise."""
    command = Command("kubectl version", rc_only=True)
    assert NormalForm([]).answer(command, Answer(1, "text", "error")) == {"rc": 1}
