"""`kubesim start`: a cluster as a background service, and kubectl pointed at it."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from kubesim.cli.completing import scenario_names
from kubesim.cli.main import INTERRUPTED
from kubesim.cli.service_options import profile_options
from kubesim.cli.version import KUBERNETES_VERSION
from kubesim.service import ServiceError, daemon, kubeconfig
from kubesim.service.profile import Profile, Settings, write_pid

NODES_MAX = 5000
HISTORY_BYTES_MIN = 10**6
COMPONENTS = ("scheduler", "controller-manager", "kubelet", "proxy")
HOST = "127.0.0.1"


class ComponentsType(click.ParamType[tuple[str, ...]]):
    """Names of components, with commas between them."""

    name = "components"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """Refuses what is no component."""
        names = tuple(dict.fromkeys(name.strip() for name in str(value).split(",") if name.strip()))
        for name in names:
            if name not in COMPONENTS:
                self.fail(f'"{name}" cannot be left out; what can is {", ".join(COMPONENTS)}', param, ctx)
        return names


class SizeType(click.ParamType[int]):
    """An amount of memory."""

    name = "size"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Refuses what is no size, or too small to work with."""
        from kubesim.service.history import parse_size

        try:
            size = parse_size(str(value))
        except ValueError:
            self.fail(f'"{value}" is no size; write 256MB or 1Gi', param, ctx)
        if size < HISTORY_BYTES_MIN:
            self.fail(f"{value} is too little; 1MB is the least", param, ctx)
        return size


@click.command(short_help="Start a cluster in the background and point kubectl at it.")
@profile_options
@click.option("--nodes", type=click.IntRange(0, NODES_MAX), help="How many nodes a new cluster has (default 3).")
@click.option(
    "--kubeconfig",
    "kubeconfig_file",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="Write the context here [default: the first file of $KUBECONFIG, else ~/.kube/config].",
)
@click.option("--port", type=click.IntRange(0, 65535), help="Serve at this port [default: the last one, or any free].")
@click.option(
    "--speed", type=click.FloatRange(0, 100_000, min_open=True), help="Virtual seconds per second (default 1)."
)
@click.option(
    "--behavior", type=click.Choice(["plausible", "hollow"]), help="How containers behave (default plausible)."
)
@click.option(
    "--container-runtime",
    type=click.Choice(["containerd", "docker", "cri-o"]),
    help="What runs the containers on all nodes (default containerd).",
)
@click.option("--without", metavar="COMPONENTS", type=ComponentsType(), help=f"Leave out {', '.join(COMPONENTS)}.")
@click.option(
    "--history", "history_bytes", metavar="SIZE", type=SizeType(), help="Memory for the past (default 256MB)."
)
@click.option(
    "--scheduler-config",
    metavar="FILE",
    type=click.Path(),
    help="Configure the scheduler: a KubeSchedulerConfiguration.",
)
@click.option(
    "--scenario",
    metavar="FILE_OR_NAME",
    shell_complete=scenario_names,
    help="Make the cluster that a scenario describes, and play its steps.",
)
@click.option("--mqtt", metavar="URL", help='Tell a bus what happens: mqtt://HOST:1883/classroom; "" for none.')
@click.option("--mqtt-commands/--no-mqtt-commands", default=None, help="Carry out commands from the bus (default: no).")
@click.option(
    "--scheduler-annotations/--no-scheduler-annotations",
    default=None,
    help="Write every attempt of the scheduler's on its Pod, as kube-scheduler-simulator does.",
)
@click.option("--audit-log", metavar="FILE", type=click.Path(), help="Write every request here, a line of JSON each.")
@click.option("--foreground", is_flag=True, help="Stay in the foreground, and tell there what happens; Ctrl-C ends it.")
def start(
    profile_name: str, home: Path, kubeconfig_file: Path | None, foreground: bool, port: int | None, **changes: Any
) -> int:
    """Start a cluster, or one that was stopped, and point kubectl at it.

    The cluster runs in the background until `kubesim stop`, which keeps its state: the next start goes on with it.
    (A process that is killed keeps nothing newer than the last stop.) The context in the kubeconfig is named after
    the profile and becomes the current one.

    \b
    Example:
      kubesim start
      kubesim start -p lesson --nodes 5 --speed 10
      kubesim start --container-runtime cri-o
      kubectl get nodes
    """
    profile = Profile(home, profile_name)
    if (pid := profile.pid()) is not None:
        tell_what_does_not_count(profile, {"port": port, **changes})
        return already_running(profile, pid, kubeconfig_file)
    if changes["mqtt"]:
        from kubesim.cli.bus_options import broker

        broker(changes["mqtt"])  # Says what is wrong with it before anything starts.
    if changes["scenario"]:
        changes |= scenario_settings(profile, changes)
    if changes["audit_log"]:
        changes["audit_log"] = str(writable(Path(changes["audit_log"]).absolute()))
    if changes["scheduler_config"]:
        changes["scheduler_config"] = checked_configuration(changes["scheduler_config"])
    settings = chosen_settings(profile, changes)
    settings = msgspec.structs.replace(settings, port=chosen_port(port, settings.port))
    path = kubeconfig.target(kubeconfig_file)
    kubeconfig.check(path, profile.name)
    settings = msgspec.structs.replace(settings, kubeconfig=str(path))
    lock = profile.lock()
    if lock is None:
        return already_running(profile, profile.pid() or 0, kubeconfig_file)
    profile.save(settings)
    if foreground:
        return run_in_foreground(profile, settings, path, lock)
    ready = daemon.launch(profile, lock, lambda: prepare(profile), show_progress)
    hide_progress()
    report(profile, settings, path, ready)
    return 0


def scenario_settings(profile: Profile, changes: dict[str, Any]) -> dict[str, Any]:
    """What a scenario says of the cluster; it is for a new profile only, and leaves nothing to choose."""
    from kubesim.scenario import ScenarioError, find_scenario, load_scenario
    from kubesim.scenario.nodes import nodes_of

    if profile.state_file.exists():
        raise ServiceError(
            f'profile "{profile.name}" has a cluster already; `kubesim delete -p {profile.name}` removes it, '
            "or -p NAME makes another"
        )
    for option in ("nodes", "behavior", "container_runtime", "scheduler_config"):
        if changes[option] is not None:
            raise ServiceError(f"--scenario describes the whole cluster; leave out --{option.replace('_', '-')}")
    try:
        path = find_scenario(changes["scenario"])
        scenario = load_scenario(path).scenario
    except ScenarioError as error:
        raise ServiceError(str(error)) from None
    names = tuple(node.name for node in nodes_of(scenario))
    return {"scenario": str(path.absolute()), "names": names, "addons": tuple(scenario.spec.cluster.addons)}


def writable(path: Path) -> Path:
    """A file that can be written; who may not write there learns it before anything starts."""
    try:
        path.open("ab").close()
    except OSError as error:
        raise ServiceError(f"the audit log {path} cannot be written ({error.strerror})") from None
    return path


def checked_configuration(file: str) -> str:
    """Where the scheduler's configuration is; what is wrong with it is said before anything starts."""
    from kubesim.scheduler import ConfigurationError
    from kubesim.scheduler.config_file import read_configuration

    path = Path(file).absolute()
    try:
        read_configuration(path)
    except ConfigurationError as error:
        raise ServiceError("\n".join(error.problems)) from None
    return str(path)


def chosen_settings(profile: Profile, changes: dict[str, Any]) -> Settings:
    """What the profile was, changed by what was asked for."""
    settings = profile.settings()
    wanted, names = changes.pop("nodes"), changes.pop("names", None)
    if "kubelet" in (changes["without"] or ()):
        if wanted:
            raise ServiceError("without kubelet there are no machines; leave out --nodes")
        wanted = 0
    if profile.state_file.exists():
        if wanted is not None and wanted != len(settings.nodes):
            click.echo(
                f'Profile "{profile.name}" has {len(settings.nodes)} nodes already; '
                "`kubesim node add` and `kubesim node delete` change that.",
                err=True,
            )
    elif names is not None:
        settings = msgspec.structs.replace(settings, nodes=names)
    elif wanted is not None:
        settings = msgspec.structs.replace(settings, nodes=tuple(f"node-{n}" for n in range(1, wanted + 1)))
    return msgspec.structs.replace(settings, **{key: value for key, value in changes.items() if value is not None})


def chosen_port(wanted: int | None, last: int) -> int:
    """The port that was asked for, which must be free; or the last one if it still is; 0 for any."""
    if wanted is None:
        return last if is_free(last) else 0
    if not is_free(wanted):
        raise ServiceError(f"port {wanted} is in use by another program; choose another with --port, or 0 for any")
    return wanted


def is_free(port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except PermissionError:
            raise ServiceError(f"port {port} is not for everybody; choose one above 1023 with --port") from None
        except OSError:
            return False
    return True


def prepare(profile: Profile) -> None:
    """What the service needs before it can serve."""
    from kubesim.service.certificates import ensure

    ensure(profile.folder)


def already_running(profile: Profile, pid: int, kubeconfig_file: Path | None) -> int:
    """A second start changes nothing, but points kubectl at the cluster again."""
    settings = profile.settings()
    path = (
        kubeconfig.target(kubeconfig_file) if kubeconfig_file or not settings.kubeconfig else Path(settings.kubeconfig)
    )
    click.echo(f'Profile "{profile.name}" is running already (process {pid}).')
    if settings.port:
        write_kubeconfig(profile, settings.port, path)
        profile.save(msgspec.structs.replace(settings, kubeconfig=str(path)))
    return 0


def tell_what_does_not_count(profile: Profile, changes: dict[str, Any]) -> None:
    """Options that a running cluster cannot take any more."""
    names = {"history_bytes": "history"}
    given = [f"--{names.get(name, name).replace('_', '-')}" for name, value in changes.items() if value is not None]
    if given:
        click.echo(
            f"Nothing changes: {', '.join(given)} counts at a start only; `kubesim stop -p {profile.name}` first.",
            err=True,
        )


def write_kubeconfig(profile: Profile, port: int, path: Path) -> None:
    """Points kubectl at the cluster."""
    folder = profile.folder
    parts = [(folder / name).read_bytes() for name in ("ca.crt", "admin.crt", "admin.key")]
    kubeconfig.merge(path, kubeconfig.Access(profile.name, str(folder), f"https://{HOST}:{port}", *parts))


def report(profile: Profile, settings: Settings, path: Path, ready: dict[str, Any]) -> None:
    """Says how to reach it."""
    write_kubeconfig(profile, ready["port"], path)
    count = ready["nodes"]
    nodes = f"{count} node{'' if count == 1 else 's'}"
    click.echo(f'"{profile.name}" is up: Kubernetes {KUBERNETES_VERSION}, {nodes}, https://{HOST}:{ready["port"]}')
    click.echo(f'kubectl uses it now: context "{profile.name}" in {path}')
    if settings.speed != 1:
        click.echo(f"{settings.speed:g} virtual seconds pass per second")


def run_in_foreground(profile: Profile, settings: Settings, path: Path, lock: int) -> int:
    """Serves in this process; `lock` is held until it ends."""
    import os
    import signal

    from kubesim.service.serve import run_service

    write_pid(lock, os.getpid())
    prepare(profile)

    def tell(message: dict[str, Any]) -> None:
        if "progress" in message:
            show_progress(message["progress"])
        else:
            hide_progress()
            report(profile, settings, path, message["ready"])

    ended_by = run_service(profile, settings, tell, sys.stderr)
    click.echo(f'"{profile.name}" has stopped', err=True)
    return INTERRUPTED if ended_by == signal.SIGINT else 0


def show_progress(text: str) -> None:
    """One line that is written over and over, on a terminal only."""
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[K{text}", nl=False, err=True)


def hide_progress() -> None:
    """Removes that line."""
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", nl=False, err=True)
