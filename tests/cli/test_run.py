"""`kubesim run`: what it prints and with which code it ends."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from kubesim.cli import run as run_module
from kubesim.sim import Mode


def test_a_scenario_whose_expectations_hold_ends_with_0(call: Any, files: Any) -> None:
    """Teaches: the timeline, the verdicts, and how long it took."""
    done = call("run", files.scenario)
    assert (done.code, done.err) == (0, "")
    assert "✔ the Pod runs" in done.out
    assert "1 of 1 expectations hold (0:10 minutes of virtual time in" in done.out


def test_a_folder_will_do(call: Any, files: Any) -> None:
    """Teaches: the file is called scenario.yaml."""
    assert call("run", str(files.folder), "--quiet").code == 0


def test_quiet_tells_only_the_verdicts(call: Any, files: Any) -> None:
    """Teaches: for scripts."""
    lines = call("run", files.scenario, "--quiet").out.strip().splitlines()
    assert [line.strip().split(" (")[0] for line in lines if line][-1] == "1 of 1 expectations hold"
    assert "✔ the Pod runs" in lines[0]
    assert len(lines) == 3


def test_all_tells_the_bookkeeping_too(call: Any, files: Any) -> None:
    """Teaches: leases, quiet events, and every change at its own time."""
    told, everything = call("run", files.scenario).out, call("run", files.scenario, "--all").out
    assert "Lease" not in told
    assert "Scheduled:" in everything
    assert len(everything.splitlines()) > len(told.splitlines())


def test_an_expectation_that_fails_ends_with_1_and_says_why(call: Any, files: Any) -> None:
    """Teaches: what was expected, what was seen, what happened last, and how to see it again."""
    files.change("scenario.yaml", "status.phase: Running", "status.phase: Succeeded")
    done = call("run", files.scenario, "--seed", "4", "--set", "until=11s")
    assert done.code == 1
    assert "✘ the Pod runs" in done.out
    assert "expected: eventually pod/hello where status.phase is Succeeded, between 0 s and 8 s" in done.out
    assert "seen at 0:08.000: 1 of 1 match" not in done.out
    assert "0 of 1 match; hello has status.phase=Running" in done.out
    last = done.out.partition("The last that happened before:")[2]
    assert "Pod hello is Running" in last
    assert "crash node-1" not in last, "what came later is no reason"
    assert f"To see it again: kubesim run {files.scenario} --seed 4 --set until=11s" in done.err


def test_a_step_that_waits_in_vain_ends_with_1(call: Any, files: Any) -> None:
    """Teaches: `when` must come true before the end."""
    files.change("scenario.yaml", "at: 9s", "when: {get: pod/nobody}")
    done = call("run", files.scenario)
    assert done.code == 1
    assert "Error: a step waited until the end of the run for pod/nobody" in done.err
    assert "To see it again: kubesim run" in done.err


def test_the_seed_of_the_command_line_wins(call: Any, files: Any) -> None:
    """Teaches: another seed, other names."""
    assert "Mine (seed 9)" in call("run", files.scenario, "--seed", "9").out


def test_a_trace_is_json_lines_and_compressed_on_demand(call: Any, files: Any) -> None:
    """Teaches: the format of the recordings of real clusters."""
    plain, packed = files.folder / "run.jsonl", files.folder / "run.jsonl.gz"
    assert call("run", files.scenario, "--trace", str(plain), "--quiet").code == 0
    assert call("run", files.scenario, "--trace", str(packed), "--quiet").code == 0
    rows = [json.loads(line) for line in plain.read_text().splitlines()]
    assert rows[0]["meta"]["scenario"]["name"] == "mine"
    assert rows[-1]["end"] is True
    assert {row["kind"] for row in rows if "kind" in row} >= {"Node", "Pod", "Event"}
    assert gzip.decompress(packed.read_bytes()) == plain.read_bytes()


def test_speed_paces_the_run_once_the_cluster_has_booted(
    call: Any, files: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Teaches: booting is not worth watching; the loop's mode is what tells, not a clock."""
    modes: list[tuple[Mode, float]] = []
    original = run_module.run_scenario

    async def watched(*arguments: Any, on_cluster: Any, **options: Any) -> Any:
        def hook(cluster: Any) -> None:
            cluster.on_booted.append(lambda: modes.append((cluster.sim.loop.mode, 0.0)))
            on_cluster(cluster)
            cluster.on_booted.append(lambda: modes.append((cluster.sim.loop.mode, cluster.sim.loop.speed)))

        return await original(*arguments, on_cluster=hook, **options)

    monkeypatch.setattr(run_module, "run_scenario", watched)
    call("run", files.scenario, "--speed", "20", "--quiet", "--set", "until=8s", "--set", "steps=[{say: x}]")
    assert modes == [(Mode.VIRTUAL, 0.0), (Mode.PACED, 20.0)]
