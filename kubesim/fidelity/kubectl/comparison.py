"""Which commands of a case were answered as the real control plane answered them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from kubesim.fidelity.kubectl.normal_form import NormalForm
from kubesim.fidelity.kubectl.transcripts import Answer, Case

LINES_SHOWN = 40


class Difference(msgspec.Struct, frozen=True):
    """One command whose answer differs: in what (rc, stdout, stderr), and line by line."""

    cmd: str
    fields: tuple[str, ...]
    lines: tuple[str, ...]


class CaseResult(msgspec.Struct, frozen=True):
    """How one case came out. `commands` counts those that are compared."""

    id: str
    group: str
    commands: int
    differences: tuple[Difference, ...]

    @property
    def identical(self) -> int:
        """How many commands were answered alike."""
        return self.commands - len(self.differences)


def compare_case(
    case: Case, answers: Sequence[Answer], *, recorded_nodes: Iterable[str], nodes: Iterable[str]
) -> CaseResult:
    """Holds our answers against the recorded ones, both in normal form."""
    theirs, ours = NormalForm(recorded_nodes), NormalForm(nodes)
    compared, differences = 0, []
    for command, recorded, answer in zip(case.commands, case.results, answers, strict=True):
        if not command.compare:
            continue
        compared += 1
        wanted, got = theirs.answer(command, recorded), ours.answer(command, answer)
        fields = tuple(name for name in wanted if wanted[name] != got[name])
        if fields:
            lines = tuple(line for name in fields for line in diff_of(name, str(wanted[name]), str(got[name])))
            differences.append(Difference(command.cmd, fields, lines))
    return CaseResult(case.id, case.group, compared, tuple(differences))


def diff_of(name: str, wanted: str, got: str) -> Iterator[str]:
    """A unified diff of one output."""
    lines = difflib.unified_diff(
        wanted.split("\n"), got.split("\n"), f"recorded {name}", f"got {name}", lineterm="", n=1
    )
    for number, line in enumerate(lines):
        if number == LINES_SHOWN:
            yield "…"
            return
        yield line
