"""Reading transcripts, and holding answers against them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kubesim.fidelity.kubectl import Case, TranscriptError, compare_case, read_transcripts
from kubesim.fidelity.kubectl.transcripts import Answer, Command

GOLDEN = Path(__file__).parents[2] / "golden" / "kubectl" / "transcripts.json.gz"


def write(path: Path, content: Any) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def case(**fields: Any) -> dict[str, Any]:
    return {"id": "a", "commands": [{"cmd": "true"}], "results": [{"rc": 0}], **fields}


def test_the_recorded_transcripts_are_read_compressed() -> None:
    """Teaches: 98 cases with 665 commands are what kubesim is measured against."""
    transcripts = read_transcripts(GOLDEN)
    assert len(transcripts.cases) == 98
    assert sum(command.compare for case in transcripts.cases for command in case.commands) == 665
    assert [case.id for case in read_transcripts(GOLDEN, "^quota$").cases] == ["quota"]


@pytest.mark.parametrize(
    ("content", "only", "sentence"),
    [
        ("no json", "", "is no file of kubectl transcripts"),
        ({"cases": []}, "", "is no file of kubectl transcripts"),
        ({"meta": {}, "cases": []}, "", "holds no cases"),
        ({"meta": {}, "cases": [case()]}, "z", 'holds no case whose id matches "z"'),
        ({"meta": {}, "cases": [case()]}, "(", '"(" is no regular expression'),
        ({"meta": {}, "cases": [case(results=[])]}, "", "case a has 1 commands and 0 results"),
    ],
)
def test_a_file_that_is_no_transcript_is_refused(tmp_path: Path, content: Any, only: str, sentence: str) -> None:
    """Teaches: bad input gets one sentence."""
    with pytest.raises(TranscriptError, match=sentence.replace("(", r"\(")):
        read_transcripts(write(tmp_path / "file.json", content), only)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """Teaches: the sentence names the file and the reason."""
    with pytest.raises(TranscriptError, match=r"nowhere\.json cannot be read: No such file"):
        read_transcripts(tmp_path / "nowhere.json")


def test_an_answer_that_differs_is_told_line_by_line() -> None:
    """Teaches: a measure of fidelity must say what differs, not only how much."""
    recorded = Case(
        id="a",
        commands=(Command("kubectl get a"), Command("kubectl get b"), Command("date", compare=False)),
        results=(Answer(0, "x 10.0.0.1"), Answer(0, "two"), Answer(0, "now")),
    )
    answers = [Answer(0, "x 10.0.0.2"), Answer(1, "", "gone"), Answer(0, "later")]
    result = compare_case(recorded, answers, recorded_nodes=[], nodes=[])
    assert (result.commands, result.identical) == (2, 1)
    (difference,) = result.differences
    assert difference.cmd == "kubectl get b"
    assert difference.fields == ("rc", "stdout", "stderr")
    assert "-two" in difference.lines
    assert "+gone" in difference.lines
