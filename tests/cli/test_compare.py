"""`kubesim compare`: what it prints, what it writes, and what it refuses."""

from __future__ import annotations

import gzip
import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.cli.conftest import Call
from tests.compare.planting import source, with_other_words, without_event

GOLDEN = Path(__file__).parent.parent / "golden" / "timelines"
FIRST_POD = str(GOLDEN / "first-pod.jsonl.gz")


def written(path: Path, lines: list[dict[str, Any]]) -> str:
    path.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
    return str(path)


@pytest.fixture
def planted(tmp_path: Path) -> str:
    """The first Pod, with an event in other words."""
    found = source("first-pod")
    return written(tmp_path / "planted.jsonl", with_other_words(found, found.events[0][0], "reason"))


def test_a_run_beside_itself_ends_with_zero(call: Call) -> None:
    """Teaches: the summary comes first, and is all there is."""
    done = call("compare", FIRST_POD, FIRST_POD)
    assert done.code == 0
    assert done.out.splitlines()[0] == "first-pod"
    assert "✔ nothing differs: 23 same" in done.out


def test_everything_can_be_shown(call: Call) -> None:
    """Teaches: what agrees is as interesting as what does not."""
    done = call("compare", FIRST_POD, FIRST_POD, "--all")
    assert done.code == 0
    assert "Pod/hello  phase Pending → Running" in done.out


def test_a_difference_stands_under_its_step_with_both_sides(call: Call, planted: str) -> None:
    """Teaches: what A has, what B has."""
    done = call("compare", FIRST_POD, planted)
    assert done.code == 1
    assert "✘ they differ: 1 different, 22 same" in done.out
    assert "step 0 (at 1" in done.out
    assert "\n                    B event PlantedScheduled " in done.out


def test_programs_are_told_in_json(call: Call, planted: str) -> None:
    """Teaches: a version, counts, and each difference with its verdict."""
    told = json.loads(call("compare", FIRST_POD, planted, "-o", "json").out)
    assert (told["apiVersion"], told["differs"]) == ("kubesim.dev/comparison/v1", True)
    assert told["counts"]["different"] == 1
    assert [(each["verdict"], each["object"]) for each in told["differences"]] == [("different", "Pod/hello")]
    assert "same" not in told
    assert len(json.loads(call("compare", FIRST_POD, planted, "-o", "json", "--all").out)["same"]) == 22


def test_known_differences_come_with_their_explanation(call: Call, tmp_path: Path) -> None:
    """Teaches: a known difference is still one."""
    found = source("cronjob-history")
    number = next(number for number, moment in found.events if moment.entry.change["reason"] == "SawCompletedJob")
    other = written(tmp_path / "other.jsonl", without_event(found, number))
    done = call("compare", str(GOLDEN / "cronjob-history.jsonl.gz"), other)
    assert done.code == 1
    assert "(1 of the differences known)" in done.out
    assert "[1] the real controller told SawCompletedJob of one Job twice (docs/fidelity.md#the-recordings)" in done.out


def test_of_several_runs_only_what_all_pairs_show_differs(call: Call, tmp_path: Path, planted: str) -> None:
    """Teaches: what happens in some runs only is chance, and said to be so."""
    folder = tmp_path / "runs"
    folder.mkdir()
    (folder / "1.jsonl.gz").write_bytes(Path(FIRST_POD).read_bytes())
    (folder / "2.jsonl").write_bytes(Path(planted).read_bytes())
    done = call("compare", FIRST_POD, str(folder))
    assert done.code == 0
    assert "1 vary from run to run" in done.out
    assert "(different in 1 of 2 pairs)" in done.out
    assert call("compare", FIRST_POD, planted, "-b", str(folder / "2.jsonl")).code == 1
    assert call("compare", FIRST_POD, str(folder / "2*")).code == 1


class Reader(HTMLParser):
    """Collects what a page has."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        if tag not in ("meta", "line"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag != "line":
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_needs_nothing_and_lets_nothing_through(call: Call, tmp_path: Path) -> None:
    """Teaches: a message may hold anything; in the page it is text."""
    found, evil = source("first-pod"), "<script>alert('1')</script><img src=x onerror=alert(2)>&amp;\""
    lines = [
        {**line, "object": {**line["object"], "message": evil}} if line.get("kind") == "Event" else line
        for line in found.lines
    ]
    page = tmp_path / "report.html"
    done = call("compare", FIRST_POD, written(tmp_path / "<b>.jsonl", lines), "--report", str(page))
    assert done.code == 1
    reader = Reader()
    reader.feed(page.read_text(encoding="utf-8"))
    assert reader.open == []
    tags = {tag for tag, _ in reader.tags}
    assert not tags & {"script", "img", "link", "iframe", "b"} - {"b"}
    assert not any({"src", "onerror", "onclick"} & set(attributes) for _, attributes in reader.tags)
    assert all((attributes.get("href") or "#").startswith("#") for _, attributes in reader.tags)
    assert evil in reader.text
    assert "http" not in page.read_text(encoding="utf-8").replace("http-equiv", "")


def test_the_page_can_be_read_without_seeing_it(call: Call, tmp_path: Path, planted: str) -> None:
    """Teaches: a language, a title, captions, heads of columns and rows, words beside colours."""
    page = tmp_path / "report.html"
    call("compare", FIRST_POD, planted, "--report", str(page))
    reader = Reader()
    reader.feed(page.read_text(encoding="utf-8"))
    assert ("html", {"lang": "en"}) in reader.tags
    tags = [tag for tag, _ in reader.tags]
    assert tags.count("table") == tags.count("caption") >= 2
    assert all(attributes.get("scope") for tag, attributes in reader.tags if tag == "th")
    assert all(attributes.get("aria-label") for tag, attributes in reader.tags if tag == "svg")
    assert "≠ different" in reader.text
    assert any(tag == "details" and "open" in attributes for tag, attributes in reader.tags)


META = b'{"t": 0, "meta": {"scenario": {"name": "x"}}}\n'
POD = (
    b'{"t": 1, "verb": "ADDED", "kind": "Pod", "namespace": "n", "name": "p", "object": {"metadata": {"name": "p"}}}\n'
)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is no recording: it is empty"),
        (b"hello\n", "line 1 is not JSON"),
        (META + b'{"t": 1, "verb"\n', "line 2 is not JSON"),
        (META + b"[]\n", "line 2 is no JSON object"),
        (b'{"kind": "Pod"}\n', "is no recording: its first line holds no `meta`"),
        (META + POD + b"{}\n", "line 3 has no time `t` in seconds"),
        (META + POD.replace(b"ADDED", b"CAME"), "line 2: `verb` must be one of ADDED, MODIFIED, DELETED, not 'CAME'"),
        (META + POD.replace(b'"kind": "Pod", ', b""), "line 2: `kind` is missing or no text"),
        (META + POD.replace(b'{"name": "p"}', b"{}"), "line 2: `object` is no object of Kubernetes"),
        (META + b'{"t": 2, "step": "go", "n": 0}\n', "line 2: a step needs a number `n`"),
        (META + b'{"t": 2, "lease_last": {}}\n', "line 2: `lease_last` needs `node` and `renewed_t`"),
        (META + POD.replace(b'"metadata"', b'"status": {"conditions": [1]}, "metadata"'), "not as Kubernetes has it"),
    ],
)  # fmt: skip
def test_what_is_no_recording_is_refused(call: Call, tmp_path: Path, content: bytes, words: str) -> None:
    """Teaches: one sentence, with the number of the line."""
    path = tmp_path / "bad.jsonl"
    path.write_bytes(content)
    done = call("compare", FIRST_POD, str(path))
    assert done.code == 2
    assert words in done.err
    assert str(path) in done.err


def test_a_compressed_file_that_was_cut_off_is_refused(call: Call, tmp_path: Path) -> None:
    """Teaches: half a recording would only look as if things were missing."""
    path = tmp_path / "cut.jsonl.gz"
    path.write_bytes(Path(FIRST_POD).read_bytes()[:-100])
    done = call("compare", FIRST_POD, str(path))
    assert done.code == 2
    assert "is cut off after line" in done.err
    path.write_bytes(b"no gzip")
    assert "cannot be unpacked after line 0" in call("compare", str(path), FIRST_POD).err
    path.write_bytes(gzip.compress(META)[:10] + b"\xff" * 30)
    assert "cannot be unpacked" in call("compare", str(path), FIRST_POD).err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "name two recordings: kubesim compare A B"),
        ([FIRST_POD], "name two recordings"),
        ([FIRST_POD, "nowhere.jsonl"], "nowhere.jsonl: there is no such file"),
        ([FIRST_POD, "nowhere/*.jsonl"], "nowhere/*.jsonl: no file is called so"),
        ([FIRST_POD, "."], "there is no recording in this folder"),
        ([FIRST_POD, str(GOLDEN / "self-heal.jsonl.gz")], "these are runs of different scenarios"),
        ([FIRST_POD, FIRST_POD, "--tolerance", "soon"], "a tolerance is seconds, a share of the delay, or both"),
        ([FIRST_POD, FIRST_POD, "--report", "nowhere/report.html"], "cannot write the report"),
        ([FIRST_POD, str(GOLDEN)], "different scenarios"),
        ([FIRST_POD, FIRST_POD, "--scenario", "node-failure"], "name either recordings or --scenario, not both"),
        ([FIRST_POD, FIRST_POD, "--keep", "here"], "go with --scenario FILE_OR_NAME"),
        (["--scenario", "no-such-scenario"], "no-such-scenario"),
        (["--scenario", "node-failure", "--keep", FIRST_POD + "/x"], "cannot be written"),
    ],
)
def test_bad_input_ends_with_two(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: str
) -> None:
    """Teaches: what is wrong, and with which word."""
    monkeypatch.chdir(tmp_path)
    done = call("compare", *arguments)
    assert done.code == 2
    assert words in done.err


def test_a_tolerance_is_seconds_or_a_share(call: Call, tmp_path: Path) -> None:
    """Teaches: whichever is more."""
    found = source("job-backoff-limit")
    late = [{**line, "t": line["t"] + (8 if line["t"] > 60 else 0)} for line in found.lines]
    other = written(tmp_path / "late.jsonl", late)
    recorded = str(GOLDEN / "job-backoff-limit.jsonl.gz")
    done = call("compare", recorded, other)
    assert done.code == 1
    assert "later by 8.0 s" in done.out
    assert call("compare", recorded, other, "--tolerance", "9s").code == 0
    assert call("compare", recorded, other, "--tolerance", "2s,50%").code == 0
    assert call("compare", recorded, other, "--tolerance", "500ms").code == 1
