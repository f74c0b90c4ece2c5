"""Runs the commands of transcripts with the real kubectl against any cluster.

Each case has a folder, a kubeconfig and a namespace of its own, so that several can run side by side. Whatever a
command starts ends with it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import Any, Self

from kubesim.fidelity.kubectl.transcripts import Answer, Case, Command
from kubesim.sim.clock import wall_now

STEP_SECONDS = 20.0
POLL_SECONDS = 0.25
ACCOUNT_TRIES = 25
NAMESPACE_TRIES = 60
TIMED_OUT = Answer("timeout", "", "<case timeout>")
PLACEHOLDER = re.compile(r"\{(ID|NS|NODE(\d))\}")
AGAIN = re.compile("AlreadyExists|being deleted")


class PlayerError(Exception):
    """The cluster or a program that is needed is not there."""


class Player:
    """Plays cases on the cluster of a kubeconfig's current context. A context manager: it has a folder to remove."""

    def __init__(self, kubeconfig: Path, kubectl: str = "kubectl") -> None:
        program = shutil.which(kubectl)
        if program is None or shutil.which("bash") is None:
            raise PlayerError(f"{kubectl if program is None else 'bash'} was not found; install it, or see $PATH")
        self._folder = Path(tempfile.mkdtemp(prefix="kubesim-parity-"))
        (self._folder / "bin").mkdir()
        (self._folder / "bin" / "kubectl").symlink_to(Path(program).resolve())
        self._env = {
            "PATH": f"{self._folder / 'bin'}:{os.environ.get('PATH', '/usr/bin:/bin')}",
            "HOME": str(self._folder),
            "TZ": "UTC",
            "LC_ALL": "C.UTF-8",
            "KUBECONFIG": str(kubeconfig.resolve()),
            "NO_PROXY": "*",
        }
        self._config: dict[str, Any] = {}
        self.nodes: tuple[str, ...] = ()

    def __enter__(self) -> Self:
        view = self._shell("kubectl config view --raw --flatten --minify -o json")
        if view.rc != 0:
            self._remove()
            raise PlayerError(f"kubectl cannot read the kubeconfig: {view.stderr.strip()}")
        self._config = json.loads(view.stdout)
        names = self._shell("kubectl get nodes -o name")
        if names.rc != 0:
            self._remove()
            raise PlayerError(f"kubectl cannot reach the cluster: {names.stderr.strip()}")
        self.nodes = tuple(sorted(line.removeprefix("node/") for line in names.stdout.split()))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._remove()

    def _remove(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def play(self, cases: Iterable[Case], jobs: int, done: Callable[[Case, list[Answer]], None]) -> None:
        """Plays all of them, `jobs` at a time, and tells of each when it is done; those that want to be alone last."""
        together = [case for case in cases if not case.serial]
        alone = [case for case in cases if case.serial]
        with ThreadPoolExecutor(jobs) as pool:
            for case, answers in zip(together, pool.map(self.play_case, together), strict=True):
                done(case, answers)
        for case in alone:
            done(case, self.play_case(case))

    def play_case(self, case: Case) -> list[Answer]:
        """The answers to a case's commands, in order."""
        home = self._folder / case.id
        work = home / "work"
        work.mkdir(parents=True)
        env = {**self._env, "KUBECONFIG": str(home / "kc"), "KUBECACHEDIR": str(home / "cache")}
        env.update(HOME=str(home), NS=case.home_namespace)
        (home / "kc").write_text(json.dumps(in_namespace(self._config, case.home_namespace)), encoding="utf-8")
        for name, text in case.files.items():
            path = work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self._filled(case, text), encoding="utf-8")
            if path.suffix == ".sh":
                path.chmod(0o755)
        try:
            return self._run(case, env, work)
        finally:
            shutil.rmtree(home, ignore_errors=True)

    def _run(self, case: Case, env: dict[str, str], work: Path) -> list[Answer]:
        if not case.no_namespace:
            self._make_namespace(case.home_namespace, env, work)
        end = wall_now() + timedelta(seconds=case.timeout)
        answers = [self._command(case, command, env, work, end) for command in case.commands]
        for line in case.cleanup:
            self._shell(self._filled(case, line), env, work)
        if not case.no_namespace:
            self._shell(f"kubectl delete namespace {case.home_namespace} --wait=false", env, work)
        return answers

    def _make_namespace(self, name: str, env: dict[str, str], work: Path) -> None:
        for _ in range(NAMESPACE_TRIES):
            made = self._shell(f"kubectl create namespace {name}", env, work)
            if made.rc == 0 or not AGAIN.search(made.stderr):
                break
            Event().wait(4 * POLL_SECONDS)
        for _ in range(ACCOUNT_TRIES):
            if self._shell("kubectl get serviceaccount default -o name", env, work).rc == 0:
                return
            Event().wait(POLL_SECONDS / 2)

    def _command(self, case: Case, command: Command, env: dict[str, str], work: Path, end: datetime) -> Answer:
        """Runs one command, again and again if it says what its output must become."""
        left = (end - wall_now()).total_seconds()
        if left <= 0:
            return TIMED_OUT
        enough = wall_now() + timedelta(seconds=min(left, command.wait))
        while True:
            left = max(1.0, (end - wall_now()).total_seconds())
            line, stdin = self._filled(case, command.cmd), self._filled(case, command.stdin)
            answer = self._shell(line, env, work, stdin=stdin, seconds=left)
            if command.until is None or wall_now() > enough:
                return answer
            if re.search(self._filled(case, command.until), answer.stdout, re.MULTILINE):
                return answer
            Event().wait(POLL_SECONDS)

    def _filled(self, case: Case, text: str) -> str:
        def value(match: re.Match[str]) -> str:
            if match[1] == "ID":
                return case.id
            if match[1] == "NS":
                return case.home_namespace
            number = int(match[2]) - 1
            return self.nodes[number] if 0 <= number < len(self.nodes) else "no-node"

        return PLACEHOLDER.sub(value, text)

    def _shell(
        self,
        line: str,
        env: dict[str, str] | None = None,
        folder: Path | None = None,
        *,
        stdin: str = "",
        seconds: float = STEP_SECONDS,
    ) -> Answer:
        """Runs a line of bash; what does not end in time is killed with all that it started."""
        with subprocess.Popen(
            ["bash", "-c", line],
            env=env or self._env,
            cwd=folder or self._folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as process:
            try:
                out, err = process.communicate(stdin.encode(), timeout=seconds)
                code: int | str = process.returncode
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                out, err = process.communicate()
                code = "timeout"
        return Answer(code, out.decode(errors="replace"), err.decode(errors="replace"))


def in_namespace(config: dict[str, Any], namespace: str) -> dict[str, Any]:
    """A kubeconfig with one context, named as on the recorded cluster, whose namespace is a case's."""
    cluster, user = config["clusters"][0], config["users"][0]
    context = {"cluster": "ref", "user": "admin", "namespace": namespace}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "preferences": {},
        "current-context": "ref",
        "clusters": [{"name": "ref", "cluster": cluster["cluster"]}],
        "users": [{"name": "admin", "user": user.get("user") or {}}],
        "contexts": [{"name": "ref", "context": context}],
    }
