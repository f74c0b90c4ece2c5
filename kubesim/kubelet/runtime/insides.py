"""Inside of one start of a container: its files, its log, and the programs that are run in it.

Made when somebody looks (logs, exec, attach, a port), never before.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Protocol

from kubesim.kubelet.runtime.commands import uses_network
from kubesim.kubelet.runtime.known_logs import KNOWN_LOGS
from kubesim.kubelet.runtime.library import known_image
from kubesim.kubelet.runtime.log import ContainerLog, Source, printed_by, printed_lines, silent
from kubesim.kubelet.runtime.model import Answer
from kubesim.kubelet.runtime.names import repository_of
from kubesim.kubelet.runtime.page_arguments import page_in_arguments
from kubesim.kubelet.runtime.pages import UNKNOWN, Answerer, HttpAnswer, HttpRequest, Page, page_of
from kubesim.kubelet.runtime.process import Program, Surroundings
from kubesim.kubelet.runtime.process_one import FALLBACK, TERMINATION_LOG, command_of, waits_for_input
from kubesim.kubelet.runtime.records import Container
from kubesim.sim import Clock

# The shell and its tools are loaded when somebody first looks inside of a container: most runs never do.
if TYPE_CHECKING:
    from kubesim.kubelet.runtime.behaviour import Profile
    from kubesim.kubelet.runtime.shell import Interpreter

NANOSECONDS_PER_SECOND = 1_000_000_000
ANY = (80, 8080)  # Where a program of which nothing is known but its answers listens.
PLAIN = {"Content-Type": "text/plain; charset=utf-8"}
MESSAGE_BYTES, LOG_BYTES, LOG_LINES = 4096, 2048, 80


class ExecError(Exception):
    """A program cannot be started; the text is the runtime's. `output` and `code`: how it shows, if not as an error."""

    def __init__(self, words: str, *, output: str = "", code: int = 0) -> None:
        super().__init__(words)
        self.output = output.encode()
        self.code = code


class Outside(Protocol):
    """The runtime, as far as what is inside of its containers needs it."""

    def count_request(self, container: Container) -> None:
        """It has answered a request: that costs, and may have been its last."""
        ...

    def exec_error(self, word: str, why: str, number: str) -> ExecError:
        """A program that cannot be run in a container, in the runtime's words."""
        ...


class Insides:
    """What is inside of `container`, which runs since `started_unix_ns`."""

    def __init__(
        self, runtime: Outside, clock: Clock, container: Container, profile: Profile, started_unix_ns: int
    ) -> None:
        self._runtime = runtime
        self._clock = clock
        self._container = container
        self._profile = profile
        self._started_unix_ns = started_unix_ns
        from kubesim.kubelet.runtime.shell.files import Files

        self._files = Files()
        self._log: ContainerLog | None = None
        self._programs = 0

    def log(self, surroundings: Surroundings) -> ContainerLog:
        """What it has printed, up to now or to its end."""
        if self._log is None:
            self._log = ContainerLog(self._source(surroundings), self._started_unix_ns)
        container = self._container
        end_ns = self._clock.unix_ns()
        if container.finished_ns:
            end_ns = self._started_unix_ns + container.finished_ns - container.started_ns
        self._log.read_to(end_ns)
        return self._log

    def plays_process_one(self) -> bool:
        """Whether process 1 is a script that we play, so that its files are what they would be."""
        from kubesim.kubelet.runtime.shell import find_program

        spec = self._container.spec
        words = command_of(spec) if spec is not None and self._profile.interprets_commands else ()
        return bool(words) and not self._container.behaviour.log and find_program(words[0]) is not None

    def termination_message(self, surroundings: Surroundings, code: int) -> str:
        """What it has left for whoever asks why it ended: a file, or for a failure the end of its log."""
        spec = self._container.spec
        assert spec is not None, "a started container has a specification"
        log = self.log(surroundings)
        data = self._files.read(spec.termination_message_path or TERMINATION_LOG) or b""
        if not data and code and spec.termination_message_policy == FALLBACK:
            return b"".join(entry.data for entry in log.entries[-LOG_LINES:])[-LOG_BYTES:].decode(errors="replace")
        return data[:MESSAGE_BYTES].decode(errors="replace")

    def program(self, words: Sequence[str], surroundings: Surroundings, *, tty: bool) -> Program:
        """A program to be run in it; ExecError if there is none of that name."""
        from kubesim.kubelet.runtime.shell import apps_of, find_program

        is_app = words[0].rpartition("/")[2] in apps_of(surroundings.image)
        if not is_app and (find_program(words[0]) is None or not self._has(words[0])):
            raise self._not_found(words[0])
        self.log(surroundings)  # What process 1 has done to files by now is done.
        return self._shell(surroundings, tty=tty).command(words)

    def is_live(self) -> bool:
        """Whether process 1 is a program that has to run while time passes, since it asks the network."""
        spec, container = self._container.spec, self._container
        if spec is None or container.behaviour.log or not self._profile.interprets_commands:
            return False
        return uses_network(command_of(spec)) and not (spec.stdin and waits_for_input(spec))

    def process_one(self, surroundings: Surroundings) -> Program:
        """The program that is process 1, to be run from its beginning."""
        assert self._container.spec is not None, "a started container has a specification"
        return self._shell(surroundings, tty=self._container.spec.tty).command(command_of(self._container.spec))

    def main_shell(self, surroundings: Surroundings) -> Program:
        """The shell that is process 1 and reads what is typed."""
        assert self._container.spec is not None, "a started container has a specification"
        words = command_of(self._container.spec) or ("sh",)
        return self._shell(surroundings, tty=self._container.spec.tty).command(words)

    def page(self, port: int) -> Page | None:
        """What answers HTTP at a port; None if nobody does, or not yet."""
        container, image = self._container, self._short_image()
        if not self._is_up():
            return None
        declared, known = self._ports()
        library = known_image(container.image)
        if library is not None and library.ports and not known:
            declared = tuple(each for each in declared if each not in library.ports)  # Another program runs in it.
        page = page_of(image, known, declared, port)
        asked = page_in_arguments(image, command_of(container.spec) if container.spec is not None else ())
        if asked is not None:
            page = asked[0] if port == asked[1] else None
        told = container.behaviour.http
        if told and port in (*declared, *known, *(each.port for each in told), *(() if declared or known else ANY)):
            page = page or Page(UNKNOWN.answer, UNKNOWN.log_line)
        if page is None:
            return None
        return Page(self._answering(page, port), page.log_line, lambda: self._runtime.count_request(container))

    def listens(self, port: int, protocol: str = "TCP") -> bool:
        """Whether a connection to a port is taken."""
        spec = self._container.spec
        if not self._is_up() or spec is None:
            return False
        if any(each.container_port == port and (each.protocol or "TCP") == protocol for each in spec.ports):
            return True
        return protocol == "TCP" and (port in self._ports()[1] or self.page(port) is not None)

    def _ports(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The ports that the Pod declares, and those of the image."""
        spec, known = self._container.spec, known_image(self._container.image)
        runs_itself = known is not None and (spec is None or not spec.command)
        declared = tuple(each.container_port for each in spec.ports) if spec is not None else ()
        return declared, known.ports if known is not None and runs_itself else ()

    def _is_up(self) -> bool:
        """Whether the program has come so far that it listens."""
        container = self._container
        return self._age_seconds() >= container.behaviour.ready_after_seconds

    def _age_seconds(self) -> float:
        return (self._clock.now_ns() - self._container.started_ns) / NANOSECONDS_PER_SECOND

    def _answering(self, page: Page, port: int) -> Answerer:
        """How the container answers: its class, its behaviour, and then its image."""
        container = self._container

        def answer(request: HttpRequest, hostname: str) -> HttpAnswer:
            seconds = self._age_seconds()
            if container.workload is not None:
                said = container.workload.answer(request, seconds)
                if said is not None:
                    return said
            if container.lacks:
                return HttpAnswer(503, PLAIN, f"cannot reach {container.lacks}\n".encode())
            found = answer_of(container.behaviour.http, request.path, port, seconds, container.requests + 1)
            if found is not None:
                body = found.body.replace("{hostname}", hostname)
                return HttpAnswer(found.code, {"Content-Type": found.content_type}, body.encode())
            return page.answer(request, hostname)

        return answer

    def _shell(self, surroundings: Surroundings, *, tty: bool) -> Interpreter:
        from kubesim.kubelet.runtime.shell import Interpreter

        return Interpreter(surroundings, self._files, self._clock.unix_ns, is_terminal=tty)

    def _source(self, surroundings: Surroundings) -> Source:
        container, spec = self._container, self._container.spec
        if container.behaviour.log:
            return printed_lines(container.behaviour.log, self._started_unix_ns)
        if spec is None or not self._profile.interprets_commands or (spec.stdin and waits_for_input(spec)):
            return silent()
        if self.is_live():
            return silent()
        from kubesim.kubelet.runtime.shell import Interpreter, find_program

        words = command_of(spec)
        if words and find_program(words[0]) is not None:
            elapsed = _Elapsed(self._started_unix_ns)
            shell = Interpreter(surroundings, self._files, elapsed.unix_ns)
            return elapsed.follow(printed_by(shell.command(words)))
        return printed_lines(KNOWN_LOGS.get(self._short_image(), ()), self._started_unix_ns)

    def _short_image(self) -> str:
        return repository_of(self._container.image).rsplit("/", 1)[-1]

    def _has(self, word: str) -> bool:
        """An image that is known to have no shell has no tools either."""
        known = known_image(self._container.image)
        return known is None or known.shell or word.rpartition("/")[2] in known.programs

    def _not_found(self, word: str) -> ExecError:
        self._programs += 1
        number = sha256(f"{self._container.id}/{self._programs}".encode()).hexdigest()
        why = f"stat {word}: no such file or directory" if "/" in word else "executable file not found in $PATH"
        return self._runtime.exec_error(word, why, number)


def answer_of(answers: Sequence[Answer], path: str, port: int, seconds: float, number: int) -> Answer | None:
    """The answer to the request `number` for `path`: the longest path counts, then the first."""
    fitting = [
        each
        for each in answers
        if path.startswith(each.path)
        and each.port in (None, port)
        and each.after_seconds <= seconds
        and (each.until_seconds is None or seconds < each.until_seconds)
        and number % each.every == 0
    ]
    return max(fitting, key=lambda each: (len(each.path), each.every > 1)) if fitting else None


class _Elapsed:
    """The clock of a program whose past is told: it shows when each thing happened."""

    def __init__(self, started_unix_ns: int) -> None:
        self._now_ns = self._started_ns = started_unix_ns

    def unix_ns(self) -> int:
        return self._now_ns

    def follow(self, source: Source) -> Source:
        for entry in source:
            self._now_ns = self._started_ns + entry[0]
            yield entry
