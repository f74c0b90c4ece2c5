"""The bus over a real broker: Debian's mosquitto, with clients as processes of their own."""

from __future__ import annotations

import gzip
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from socket import create_connection, socket
from typing import Any, NamedTuple

import pytest

from tests.e2e.conftest import Served

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

SECONDS_MAX = 60
WATCH = Path(__file__).parent / "programs" / "mqtt_watch.py"


class Heard(NamedTuple):
    """One message."""

    topic: str
    retained: bool
    payload: str

    @property
    def fields(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.payload)
        return found


def until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + SECONDS_MAX
    while not holds():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.05)


class Broker:
    """mosquitto at a port of its own."""

    def __init__(self, folder: Path, *lines: str) -> None:
        with socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._configuration = folder / "mosquitto.conf"
        self._configuration.write_text("\n".join([f"listener {self.port} 127.0.0.1", *lines]) + "\n")
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def url(self, who: str = "", scheme: str = "mqtt", query: str = "") -> str:
        return f"{scheme}://{who}localhost:{self.port}/room{query}"

    def start(self) -> None:
        command = ["mosquitto", "-c", str(self._configuration)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(self._answers, "mosquitto")

    def stop(self) -> None:
        assert self._process is not None
        self.signal(signal.SIGCONT)
        self._process.terminate()
        self._process.wait(SECONDS_MAX)

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _answers(self) -> bool:
        try:
            create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True


class Watcher:
    """A second process that listens."""

    def __init__(self, broker: Broker, folder: Path, topic: str = "room/#", *credentials: str) -> None:
        self._file = folder / f"heard-{time.monotonic_ns()}"
        told = [*credentials, "", "", ""][:3]
        with self._file.open("wb") as out:
            command = [sys.executable, str(WATCH), str(broker.port), topic, *told]
            self._process = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL)
        until(lambda: bool(self._lines()), "the listener")

    def _lines(self) -> list[Heard]:
        return [Heard(*json.loads(line)) for line in self._file.read_text().splitlines(keepends=True) if "\n" in line]

    def heard(self, topic: str = "") -> list[Heard]:
        return [message for message in self._lines()[1:] if topic in message.topic]

    def trace(self) -> dict[str, list[dict[str, Any]]]:
        """The lines of the trace by topic."""
        found: dict[str, list[dict[str, Any]]] = {}
        for message in self.heard("/trace/"):
            found.setdefault(message.topic.rpartition("/")[2], []).append(message.fields)
        return found

    def numbers(self) -> list[int]:
        return [line["serial"] for lines in self.trace().values() for line in lines]

    def stop(self) -> None:
        self._process.kill()
        self._process.wait(SECONDS_MAX)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    running = Broker(tmp_path, "allow_anonymous true", "max_queued_messages 0")
    yield running
    running.stop()


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Callable[..., Watcher]]:
    started: list[Watcher] = []

    def begin(broker: Broker, *arguments: str) -> Watcher:
        started.append(Watcher(broker, tmp_path, *arguments))
        return started[-1]

    yield begin
    for watcher in started:
        watcher.stop()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Served]:
    home = tmp_path / "home"
    home.mkdir()
    served = Served(home)
    yield served
    served.kubesim("delete")


def command(cluster: Served, broker: Broker, what: str, body: dict[str, object], *credentials: str) -> None:
    """Sends one command, as a student's program would."""
    who = ["-u", credentials[0], "-P", credentials[1]] if credentials else []
    topic = f"room/kubesim/kubesim/cmd/{what}"
    cluster.run("mosquitto_pub", "-p", str(broker.port), "-q", "1", "-t", topic, "-m", json.dumps(body), *who)


def answer(watcher: Watcher, id_: str) -> dict[str, Any]:
    until(lambda: bool(watcher.heard(f"/answers/{id_}")), f"the answer to {id_}")
    return watcher.heard(f"/answers/{id_}")[0].fields


def test_a_run_watched_from_outside_tells_what_its_trace_tells(
    broker: Broker, watch: Callable[..., Watcher], tmp_path: Path
) -> None:
    """Teaches: bus and trace have one source; same records, same order per topic."""
    watcher, trace = watch(broker), tmp_path / "trace.jsonl.gz"
    command = [sys.executable, "-m", "kubesim.cli.main", "run", "node-failure", "--quiet"]
    command += ["--trace", str(trace), "--mqtt", broker.url()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_MAX)
    assert (done.returncode, done.stderr) == (0, "")
    until(lambda: bool(watcher.heard("/trace/end")), "the end")
    recorded: dict[str, list[dict[str, Any]]] = {}
    for text in gzip.decompress(trace.read_bytes()).splitlines():
        fields = json.loads(text)
        heading = fields["kind"] if "kind" in fields else next(key for key in fields if key != "t")
        recorded.setdefault(heading, []).append(fields)
    told = watcher.trace()
    told.pop("record")  # Facts that are no object: the bus tells them, too.
    plain = {
        topic: [{key: value for key, value in line.items() if key not in ("schema", "serial")} for line in lines]
        for topic, lines in told.items()
    }
    assert plain == recorded
    node = [message for message in watcher.heard("/nodes/node-2/status") if message.payload][-1]
    assert node.fields["ready"] == "Unknown"


def test_a_broker_that_is_away_or_asleep_holds_up_nothing_and_loses_nothing(
    broker: Broker, watch: Callable[..., Watcher], cluster: Served
) -> None:
    """Teaches: the cluster never waits for the bus; lines wait for the broker, in order, up to a bound."""
    first = watch(broker)
    cluster.kubesim("start", "--nodes", "1", "--speed", "50", "--mqtt", broker.url())
    until(lambda: bool(first.heard("/nodes/node-1/status")), "the node")
    broker.signal(signal.SIGSTOP)  # It accepts no byte any more.
    before = cluster.clock()
    cluster.kubectl("create", "deployment", "asleep", "--image", "nginx")
    until(lambda: cluster.clock() > before + 20, "the cluster's time to pass")
    broker.signal(signal.SIGCONT)
    until(lambda: any("asleep" in message.topic for message in first.heard("/pods/")), "the Pod")
    broker.stop()
    before = cluster.clock()
    cluster.kubectl("create", "deployment", "away", "--image", "nginx")
    until(lambda: cluster.clock() > before + 20, "the cluster's time to pass")
    broker.start()
    second = watch(broker)
    until(lambda: any("away" in message.topic for message in second.heard("/pods/")), "the other Pod")
    until(lambda: bool(second.heard("/bridge")), "the bridge")
    cluster.kubesim("stop")
    until(lambda: second.heard("/bridge")[-1].fields["state"] == "offline", "goodbye")
    numbers = {*first.numbers(), *second.numbers()}
    assert numbers == set(range(1, max(numbers) + 1)), "no line is missing"
    assert second.heard("/bridge")[-1].fields["dropped"] == 0
    assert any("asleep" in message.topic for message in second.heard("/pods/")), "states are said again"


def test_a_fault_sent_over_the_bus_happens_and_is_answered(
    broker: Broker, watch: Callable[..., Watcher], cluster: Served
) -> None:
    """Teaches: with commands allowed, a button on a desk may kill a node."""
    watcher = watch(broker)
    cluster.environment["KUBESIM_MQTT_TOKEN"] = "sesame"
    cluster.kubesim("start", "--nodes", "1", "--mqtt", broker.url(), "--mqtt-commands")
    until(lambda: bool(watcher.heard("/bridge")), "the bridge")
    command(cluster, broker, "fault", {"id": "1", "crash": "node-1"})
    assert answer(watcher, "1")["error"] == "the command's token is wrong"
    command(cluster, broker, "fault", {"id": "2", "crash": "node-1", "token": "sesame"})
    assert answer(watcher, "2") == {"schema": 1, "id": "2", "command": "fault", "ok": True}
    until(lambda: "crashed" in watcher.heard("/components/kubelet.node-1/")[-1].payload, "the kubelet's end")
    command(cluster, broker, "clock", {"id": "3", "do": "pause", "token": "sesame"})
    assert answer(watcher, "3")["mode"] == "paused"
    command(cluster, broker, "clock", {"id": "4", "do": "step", "seconds": 60, "token": "sesame"})
    assert answer(watcher, "4")["ok"] is True
    until(lambda: watcher.heard("/nodes/node-1/status")[-1].fields["ready"] == "Unknown", "the node to be Unknown")
    command(cluster, broker, "fault", {"id": "5", "crash": "node-7", "token": "sesame"})
    assert answer(watcher, "5")["error"].startswith('there is no "node-7" to act upon; there is ')
    rows = json.loads(cluster.kubesim("classroom", broker.url(), "-o", "json"))
    assert [(row["cluster"], row["nodesDown"], row["mode"]) for row in rows] == [("kubesim", ["node-1"], "paused")]


def test_commands_are_refused_unless_they_were_allowed(
    broker: Broker, watch: Callable[..., Watcher], cluster: Served
) -> None:
    """Teaches: who may watch may not therefore break."""
    watcher = watch(broker)
    cluster.kubesim("start", "--nodes", "1", "--mqtt", broker.url())
    until(lambda: bool(watcher.heard("/bridge")), "the bridge")
    command(cluster, broker, "fault", {"id": "1", "crash": "node-1"})
    assert answer(watcher, "1")["error"] == "commands are off; `kubesim start --mqtt-commands` allows them"
    assert "running" in watcher.heard("/components/kubelet.node-1/")[-1].payload


def test_a_broker_asks_for_a_password_and_speaks_tls(
    watch: Callable[..., Watcher], cluster: Served, tmp_path: Path
) -> None:
    """Teaches: wrong credentials are told in the log, and nothing of theirs reaches a cluster."""
    passwords, key, certificate = tmp_path / "passwords", tmp_path / "server.key", tmp_path / "server.crt"
    cluster.run("mosquitto_passwd", "-b", "-c", str(passwords), "teacher", "chalk")
    cluster.run(
        "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-keyout", str(key),
        "-out", str(certificate), "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
    )  # fmt: skip
    for file in (passwords, key, certificate):
        file.chmod(0o644)
    tmp_path.chmod(0o755)
    broker = Broker(
        tmp_path, "allow_anonymous false", "user root", f"password_file {passwords}", f"certfile {certificate}",
        f"keyfile {key}",
    )  # fmt: skip
    try:
        watcher = watch(broker, "room/#", "teacher", "chalk", str(certificate))
        query = f"?cafile={certificate}"
        cluster.kubesim("start", "--nodes", "1", "--mqtt", broker.url("teacher:wrong@", "mqtts", query))
        until(lambda: "ot authori" in cluster.kubesim("logs"), "the log")
        assert watcher.heard() == []
        cluster.kubesim("stop")
        cluster.environment["KUBESIM_MQTT_PASSWORD"] = "chalk"
        cluster.kubesim("start", "--mqtt", broker.url("teacher@", "mqtts", query))
        until(lambda: bool(watcher.heard("/bridge")), "the bridge")
        assert watcher.heard("/bridge")[0].fields["state"] == "online"
    finally:
        broker.stop()
