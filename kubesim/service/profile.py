"""A profile: one cluster's folder, with what it is made of and what it left behind.

    HOME/NAME/profile.json   the settings: nodes, port, speed … (`Settings`)
    HOME/NAME/pid            the running service's process id; the service holds a lock on this file
    HOME/NAME/service.log    what it said
    HOME/NAME/state          the store, written by `stop`
    HOME/NAME/*.crt, *.key   certificates

The lock, not the number, says whether a service runs: a number may belong to another process by now, while the
operating system drops a lock with its holder, however that ended. minikube keeps its profiles likewise, under
~/.minikube/profiles.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from pathlib import Path
from threading import Event

import msgspec

from kubesim.service.errors import ServiceError

DEFAULT_NAME = "kubesim"
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
LOCK_TRIES = 10  # A look at the lock by another command holds it for some microseconds.
LOCK_RETRY_SECONDS = 0.02


class Settings(msgspec.Struct, frozen=True, omit_defaults=False):
    """What a profile's cluster is made of; a later `start` begins with it."""

    nodes: tuple[str, ...] = ("node-1", "node-2", "node-3")
    behavior: str = "plausible"
    container_runtime: str = "containerd"  # Of all nodes.
    without: tuple[str, ...] = ()
    scheduler_config: str = ""  # A KubeSchedulerConfiguration file; "" for the defaults.
    scheduler_annotations: bool = False  # Attempts are written on Pods, as kube-scheduler-simulator does.
    speed: float = 1.0
    port: int = 0  # 0: any. Afterwards the one that it was, so that kubeconfigs stay right.
    kubeconfig: str = ""
    audit_log: str = ""  # The file to which every request is written; "" for none.
    history_bytes: int = 256 * 10**6
    addons: tuple[str, ...] = ()  # Those that are on.
    scenario: str = ""  # The one that the cluster was made for: a name or a path; "" for none.
    mqtt: str = ""  # The URL of a broker; "" for none.
    mqtt_commands: bool = False  # Whether commands from there are carried out.


class Profile:
    """One named cluster of a home folder."""

    def __init__(self, home: Path, name: str = DEFAULT_NAME) -> None:
        if not NAME.fullmatch(name):
            raise ServiceError(
                f'"{name}" cannot name a profile: use at most 63 lower case letters, digits and "-", '
                "beginning and ending with a letter or digit"
            )
        self.name = name
        self.home = home
        self.folder = home / name
        self.settings_file = self.folder / "profile.json"
        self.pid_file = self.folder / "pid"
        self.log_file = self.folder / "service.log"
        self.state_file = self.folder / "state"

    def exists(self) -> bool:
        """Whether it was started before, and not deleted since."""
        return self.settings_file.is_file()

    def settings(self) -> Settings:
        """The settings, or the defaults for a new profile."""
        try:
            return msgspec.json.decode(self.settings_file.read_bytes(), type=Settings)
        except FileNotFoundError:
            return Settings()
        except (OSError, msgspec.MsgspecError) as error:
            raise ServiceError(
                f"{self.settings_file} cannot be read ({error}); `kubesim delete -p {self.name}` removes the profile"
            ) from None

    def readable_settings(self) -> Settings:
        """The settings; the defaults if they cannot be read, for those who only list or remove."""
        try:
            return self.settings()
        except ServiceError:
            return Settings()

    def save(self, settings: Settings) -> None:
        """Keeps the settings."""
        self.make_folder()
        write_atomically(self.settings_file, msgspec.json.format(msgspec.json.encode(settings)) + b"\n")

    def make_folder(self) -> None:
        """Makes the folder; it holds keys, so it is for its owner only."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ServiceError(
                f"the folder {self.folder} cannot be made ({error.strerror}); choose another with --data-dir"
            ) from None

    def remove(self) -> None:
        """Removes the folder and all that is in it."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def pid(self) -> int | None:
        """The process id of the running service; None if none runs. Removes what a dead one left."""
        try:
            descriptor = os.open(self.pid_file, os.O_RDWR)
        except OSError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return int(os.read(descriptor, 32).strip() or 0)
        else:
            self.pid_file.unlink(missing_ok=True)
            return None
        finally:
            os.close(descriptor)

    def lock(self) -> int | None:
        """Takes the lock: the file descriptor that holds it, for this process and whoever inherits it.

        None if a service has it.
        """
        self.make_folder()
        for _ in range(LOCK_TRIES):
            descriptor = os.open(self.pid_file, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                Event().wait(LOCK_RETRY_SECONDS)
                continue
            if is_file(descriptor, self.pid_file):
                return descriptor
            os.close(descriptor)  # Somebody removed the file between our opening and locking it.
        return None


def home_folder(given: Path | None) -> Path:
    """Where profiles live: as given, or the folder for state of the XDG specification."""
    if given is not None:
        return given.expanduser().absolute()
    state = os.environ.get("XDG_STATE_HOME", "")
    base = Path(state) if state.startswith("/") else Path.home() / ".local" / "state"
    return base / "kubesim"


def all_profiles(home: Path) -> list[Profile]:
    """The profiles of a home folder, by name."""
    names = sorted(path.parent.name for path in home.glob("*/profile.json"))
    return [Profile(home, name) for name in names if NAME.fullmatch(name)]


def existing(home: Path, name: str) -> Profile:
    """The profile of that name; ServiceError if there is none."""
    profile = Profile(home, name)
    if not profile.exists():
        known = ", ".join(other.name for other in all_profiles(home))
        hint = f"there is {known}" if known else "`kubesim start` makes one"
        raise ServiceError(f'there is no profile "{name}"; {hint}')
    return profile


def write_pid(descriptor: int, pid: int) -> None:
    """Says whose lock this is."""
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, b"%d\n" % pid, 0)


def is_file(descriptor: int, path: Path) -> bool:
    """Whether an open file is still the one at `path`."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def write_atomically(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Replaces a file as a whole: a reader sees the old or the new one, never a half."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
