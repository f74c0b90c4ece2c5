"""The file system that a process in a simulated container sees.

A handful of files that every image has, what volumes show, and what was written since. Written files belong to the
container and go with it. Left out: permissions, links, sharing an emptyDir between containers.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

from kubesim.kubelet.runtime.library import known_image
from kubesim.kubelet.runtime.process import FILES_BYTES_MAX, Surroundings

DIRECTORIES = (
    "/bin", "/dev", "/etc", "/home", "/lib", "/mnt", "/opt", "/proc", "/root", "/run", "/sbin", "/srv", "/sys",
    "/tmp", "/usr", "/usr/bin", "/usr/lib", "/usr/local", "/usr/local/bin", "/usr/sbin", "/usr/share", "/var",
    "/var/cache", "/var/lib", "/var/log", "/var/run", "/var/tmp",
)  # fmt: skip
OS_RELEASES = {
    "": 'NAME="Linux"\nID=linux\n',
    "alpine": 'NAME="Alpine Linux"\nID=alpine\nVERSION_ID=3.22.2\nPRETTY_NAME="Alpine Linux v3.22"\n',
    "debian": 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian GNU/Linux"\nVERSION_ID="12"\nID=debian\n',
}
READ_ONLY = ("/proc", "/sys")


class Files:
    """Files and directories of one container."""

    def __init__(self) -> None:
        self._written: dict[str, bytes | None] = {}  # None: removed.
        self._made: dict[str, bool] = {}  # Directories; False: removed.
        self._shown: dict[str, bytes] = {}
        self._mounts: tuple[str, ...] = ()

    def show(self, surroundings: Surroundings) -> None:
        """What volumes and the runtime put there now."""
        self._mounts = surroundings.mounts
        self._shown = {
            "/etc/hostname": f"{surroundings.hostname}\n".encode(),
            "/etc/hosts": hosts(surroundings).encode(),
            "/etc/passwd": b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n",
            "/etc/group": b"root:x:0:\nnobody:x:65534:\n",
            "/etc/os-release": OS_RELEASES[base_of(surroundings.image)].encode(),
            "/etc/resolv.conf": resolver(surroundings).encode(),
            "/proc/meminfo": b"MemTotal:        4028492 kB\nMemFree:         1611396 kB\nMemAvailable:    3222792 kB\n",
            "/proc/uptime": b"90061.21 178322.44\n",
            "/proc/1/cmdline": surroundings.main_command.replace(" ", "\0").encode() + b"\0",
            "/dev/null": b"",
            "/dev/termination-log": b"",
            **surroundings.files,
        }

    def read(self, path: str) -> bytes | None:
        """The content; None if there is no such file."""
        if path in self._written:
            return self._written[path]
        return self._shown.get(path)

    def write(self, path: str, data: bytes, *, append: bool = False) -> str:
        """Writes; returns what is wrong, "" if nothing is."""
        if path == "/dev/null":
            return ""
        if self.is_directory(path):
            return "Is a directory"
        if not self.is_directory(posixpath.dirname(path)):
            return "No such file or directory"
        if path in self._shown and any(path.startswith(f"{mount}/") for mount in self._mounts):
            return "Read-only file system"
        if path.startswith(READ_ONLY):
            return "Permission denied"
        content = (self.read(path) or b"") + data if append else data
        if len(content) + sum(len(other or b"") for name, other in self._written.items() if name != path) > (
            FILES_BYTES_MAX
        ):
            return "No space left on device"
        self._written[path] = content
        return ""

    def remove(self, path: str) -> None:
        """The file, or the directory with all that is in it, is gone."""
        for name in list(self._files()):
            if name == path or name.startswith(f"{path}/"):
                self._written[name] = None
        for name in list(self._directories()):
            if name == path or name.startswith(f"{path}/"):
                self._made[name] = False

    def make_directory(self, path: str) -> None:
        """It is there from now on."""
        self._made[path] = True

    def is_directory(self, path: str) -> bool:
        """Whether it is one."""
        return path == "/" or path in self._directories()

    def exists(self, path: str) -> bool:
        """Whether anything is there."""
        return self.read(path) is not None or self.is_directory(path)

    def entries(self, path: str) -> list[str]:
        """The names in a directory, in order."""
        prefix = "/" if path == "/" else f"{path}/"
        inside = (name[len(prefix) :] for name in (*self._files(), *self._directories()) if name.startswith(prefix))
        return sorted({name.partition("/")[0] for name in inside if name})

    def _files(self) -> Iterable[str]:
        shown = [name for name in self._shown if self._written.get(name, b"") is not None]
        return [*shown, *(name for name, data in self._written.items() if data is not None and name not in shown)]

    def _directories(self) -> dict[str, None]:
        found: dict[str, None] = dict.fromkeys((*DIRECTORIES, *self._mounts))
        for name in (*self._files(), *self._mounts):
            while (name := posixpath.dirname(name)) != "/":
                found[name] = None
        for name, there in self._made.items():
            if there:
                found[name] = None
            else:
                found.pop(name, None)
        return found


def base_of(image: str) -> str:
    """On what an image is built, as far as the library knows."""
    known = known_image(image) if image else None
    return known.base if known is not None else ""


def resolver(surroundings: Surroundings) -> str:
    """/etc/resolv.conf as a kubelet writes it."""
    search = f"{surroundings.namespace or 'default'}.svc.cluster.local svc.cluster.local cluster.local"
    return f"search {search}\nnameserver 10.96.0.10\noptions ndots:5\n"


def hosts(surroundings: Surroundings) -> str:
    """/etc/hosts as a kubelet writes it."""
    return (
        "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
        "fe00::0\tip6-localnet\nfe00::0\tip6-mcastprefix\nfe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n"
        f"{surroundings.pod_ip}\t{surroundings.hostname}\n"
    )
