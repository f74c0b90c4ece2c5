"""Docker, which speaks CRI through cri-dockerd.

Images have docker's familiar names (`nginx:1.27`) and their size is that of the unpacked file system. Docker's errors
are those of its daemon, passed on. Without `live-restore`, its default, all containers end with the daemon.
Upstream: github.com/Mirantis/cri-dockerd, github.com/moby/moby/daemon.
"""

from __future__ import annotations

from kubesim.kubelet.runtime.base import SimulatedRuntime
from kubesim.kubelet.runtime.containerd import LIMIT_WORDS, dial_error, names_of
from kubesim.kubelet.runtime.cri import Container, ContainerState, CriError, Image
from kubesim.kubelet.runtime.disk import UNPACKED
from kubesim.kubelet.runtime.insides import ExecError
from kubesim.kubelet.runtime.layers import Manifest
from kubesim.kubelet.runtime.names import familiar, split_image
from kubesim.kubelet.runtime.registry import Refusal, host_of

NOT_FOUND, NOT_EXECUTABLE = 127, 126


class CriDockerd(SimulatedRuntime):
    """A simulated Docker 28 behind cri-dockerd."""

    name = "docker"
    version = "docker://28.5.2"
    socket = "/var/run/cri-dockerd.sock"
    pause_image = "registry.k8s.io/pause:3.10.1"
    keeps_containers = False

    def describe(self, manifest: Manifest) -> Image:
        """Familiar names, unpacked size."""
        name = familiar(manifest.name)
        ref = f"{repository(manifest.name)}@{manifest.digest}"
        size = round(manifest.size_bytes * UNPACKED)
        return Image(name, f"docker-pullable://{ref}", size, names_of(ref, name))

    def pull_error(self, image: str, refusal: Refusal) -> CriError:
        """What `docker pull` would print."""
        return CriError("Unknown", f"Error response from daemon: {why(image, refusal)}")

    def no_image(self, image: str) -> CriError:
        """Docker asks for a pull."""
        return CriError("Unknown", f"Error response from daemon: No such image: {familiar(image)}")

    def not_started(self, container: Container, why: str) -> CriError:
        """The container stays as "created", which cri-dockerd shows as ContainerCannotRun."""
        words = (
            "failed to create task for container: failed to create shim task: OCI runtime create failed: runc create "
            f"failed: unable to start container process: error during container init: {why}: unknown"
        )
        clock = self._sim.clock
        missing = "not found" in why or "no such file" in why
        container.state, container.exit_code = ContainerState.EXITED, NOT_FOUND if missing else NOT_EXECUTABLE
        container.reason, container.message = "ContainerCannotRun", words
        container.started_at = container.finished_at = clock.timestamp()
        container.started_ns = container.finished_ns = clock.now_ns()
        return CriError("Unknown", f'failed to start container "{container.id}": Error response from daemon: {words}')

    def exec_error(self, word: str, why: str, _number: str) -> ExecError:
        """Docker says it where the program's output would be."""
        words = (
            f'OCI runtime exec failed: exec failed: unable to start container process: exec: "{word}": {why}: unknown'
        )
        return ExecError(words, output=f"{words}\r\n", code=NOT_FOUND)


def repository(image: str) -> str:
    """The familiar name without its tag."""
    name = familiar(image)
    return name.removesuffix(split_image(image)[2])


def why(image: str, refusal: Refusal) -> str:
    """The daemon's words."""
    registry, path, tag = split_image(image)
    base = f"https://{host_of(registry)}/v2/"
    url = f"{base}{path}/manifests/{tag[1:]}"
    denied = (
        f"pull access denied for {repository(image)}, repository does not exist or may require 'docker login': "
        "denied: requested access to the resource is denied"
    )
    if refusal.kind == "no-tag":
        return f"manifest for {familiar(image)} not found: manifest unknown: manifest unknown"
    if refusal.kind == "no-repository":
        return denied if registry == "docker.io" else f"manifest for {familiar(image)} not found: name unknown"
    if refusal.kind == "denied":
        return denied if registry == "docker.io" else f'Head "{url}": no basic auth credentials'
    if refusal.kind == "unauthorized":
        return f'Head "{url}": unauthorized: authentication required'
    if refusal.kind == "limit":
        return LIMIT_WORDS
    if refusal.kind == "unavailable":
        return "received unexpected HTTP status: 503 Service Unavailable"
    if refusal.kind == "timeout":
        canceled = "request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)"
        return f'Get "{base}": net/http: {canceled}'
    return f'Get "{base}": {dial_error(registry, refusal.kind)}'
