"""Playing transcripts: here with a kubectl that is a few lines of shell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kubesim.fidelity.kubectl import Case, Player, PlayerError
from kubesim.fidelity.kubectl.transcripts import Answer, Command

CONFIG = {"clusters": [{"name": "c", "cluster": {}}], "users": [{"name": "u"}]}
KUBECTL = f"""#!/bin/sh
case "$*" in
  "config view"*) echo '{json.dumps(CONFIG)}' ;;
  "get nodes -o name") echo node/n-2; echo node/n-1 ;;
  "count") echo >> calls; wc -l < calls | tr -d ' ' ;;
  "create namespace"*|"get serviceaccount"*|"delete namespace"*) echo "$*" >> "$TRACE" ;;
  *) echo "$NS: $*" ;;
esac
"""


@pytest.fixture
def kubectl(tmp_path: Path) -> str:
    program = tmp_path / "kubectl"
    program.write_text(KUBECTL.replace("$TRACE", str(tmp_path / "trace")))
    program.chmod(0o755)
    return str(program)


def play(kubectl: str, case: Case) -> list[Answer]:
    played: list[list[Answer]] = []
    with Player(Path("config"), kubectl) as player:
        player.play([case], 2, lambda _, answers: played.append(answers))
    return played[0]


def case_of(*commands: Command, **fields: object) -> Case:
    return Case(id="x", commands=commands, results=(Answer(0),) * len(commands), **fields)  # type: ignore[arg-type]


def test_a_case_works_in_a_namespace_and_a_folder_of_its_own(kubectl: str, tmp_path: Path) -> None:
    """Teaches: cases do not see each other, and leave nothing behind."""
    commands = (Command("kubectl apply {ID} {NS} {NODE1} {NODE9}"), Command("cat f"), Command("cat", stdin="{ID}"))
    answers = play(kubectl, case_of(*commands, files={"f": "in {NS}"}))
    assert [answer.stdout for answer in answers] == ["p-x: apply x p-x n-1 no-node\n", "in p-x", "x"]
    told = (tmp_path / "trace").read_text().splitlines()
    assert told == ["create namespace p-x", "get serviceaccount default -o name", "delete namespace p-x --wait=false"]


def test_a_command_is_repeated_until_its_output_is_as_it_says(kubectl: str) -> None:
    """Teaches: a cluster is asked until it has come so far."""
    (answer,) = play(kubectl, case_of(Command("kubectl count", until="^3$"), no_namespace=True))
    assert answer.stdout == "3\n"


def test_what_comes_after_the_end_of_a_case_is_told_as_a_timeout(kubectl: str) -> None:
    """Teaches: a cluster that hangs costs one case, not the whole measurement."""
    answers = play(kubectl, case_of(Command("true"), no_namespace=True, timeout=0))
    assert [answer.rc for answer in answers] == ["timeout"]


def test_without_kubectl_there_is_one_sentence() -> None:
    """Teaches: say what is missing."""
    with pytest.raises(PlayerError, match="no-such-kubectl was not found; install it"):
        Player(Path("config"), "no-such-kubectl")


def test_a_cluster_that_cannot_be_reached_is_told(tmp_path: Path) -> None:
    """Teaches: kubectl's own words say what the matter is."""
    program = tmp_path / "kubectl"
    program.write_text("#!/bin/sh\necho refused >&2; exit 1\n")
    program.chmod(0o755)
    with (
        pytest.raises(PlayerError, match="kubectl cannot read the kubeconfig: refused"),
        Player(tmp_path, str(program)),
    ):
        pass
