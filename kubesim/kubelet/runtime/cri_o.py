"""CRI-O, which is made for Kubernetes alone: it has the version of the cluster that it serves.

Each container has a monitor (conmon) that outlives the daemon. Its runtime is crun, which finds out while a container
is being created that its program is missing: such a container is never made, and does not crash in a loop.
Upstream: github.com/cri-o/cri-o, github.com/containers/image, github.com/containers/crun.
"""

from __future__ import annotations

from kubesim.kubelet.runtime.base import SimulatedRuntime
from kubesim.kubelet.runtime.containerd import LIMIT_WORDS, dial_error, names_of
from kubesim.kubelet.runtime.cri import Container, CriError, Image
from kubesim.kubelet.runtime.disk import UNPACKED
from kubesim.kubelet.runtime.insides import ExecError
from kubesim.kubelet.runtime.layers import Manifest
from kubesim.kubelet.runtime.names import DEFAULT_REGISTRY, familiar, repository_of, split_image
from kubesim.kubelet.runtime.registry import Refusal, host_of

EXEC_FAILED = 255


class CriO(SimulatedRuntime):
    """A simulated CRI-O 1.36."""

    name = "cri-o"
    version = "cri-o://1.36.0"
    socket = "/var/run/crio/crio.sock"
    pause_image = "registry.k8s.io/pause:3.10.1"

    def describe(self, manifest: Manifest) -> Image:
        """Full names, unpacked size."""
        ref = f"{repository_of(manifest.name)}@{manifest.digest}"
        return Image(manifest.name, ref, round(manifest.size_bytes * UNPACKED), names_of(ref, manifest.name))

    def pull_error(self, image: str, refusal: Refusal) -> CriError:
        """It tries the name as an image and then as an artifact, and tells of both."""
        words = why(image, refusal)
        as_image = f"initializing source docker://{familiar(image)}: {words}"
        return CriError(
            "Unknown",
            f"unable to pull image or OCI artifact: pull image err: {as_image}; "
            f"artifact err: get manifest: build image source: {words}",
        )

    def check_created(self, start_error: str) -> None:
        """crun looks for the program before the container exists."""
        if start_error:
            raise CriError("Unknown", f"container create failed: {crun_words(start_error)}")

    def not_started(self, container: Container, why: str) -> CriError:
        """Cannot be: it was not created."""
        return CriError("Unknown", f"container {container.id} was not created: {why}")

    def exec_error(self, word: str, why: str, _number: str) -> ExecError:
        """crun's own words, and the exit code of crun."""
        words = crun_words(f'exec: "{word}": {why}')
        return ExecError(words, output=f"{words}\n", code=EXEC_FAILED)


def crun_words(error: str) -> str:
    """What crun says where runc says `exec: "x": executable file not found in $PATH`."""
    if error.startswith('exec: "') and "not found in $PATH" in error:
        word = error.split('"')[1]
        return f"executable file `{word}` not found in $PATH: No such file or directory"
    if error.startswith('exec: "') and "no such file" in error:
        word = error.split('"')[1]
        return f"open executable: {word}: No such file or directory"
    return error


def why(image: str, refusal: Refusal) -> str:
    """The words of the image library."""
    registry, _, tag = split_image(image)
    reading = f"reading manifest {tag[1:]} in {repository_of(image)}"
    host = host_of(registry)
    no_access = "requested access to the resource is denied"
    if refusal.kind == "no-tag":
        return f"{reading}: manifest unknown"
    if refusal.kind == "no-repository":
        return f"{reading}: {no_access if registry == DEFAULT_REGISTRY else 'name unknown'}"
    if refusal.kind == "denied":
        return f"{reading}: {no_access if registry == DEFAULT_REGISTRY else 'authentication required'}"
    if refusal.kind == "unauthorized":
        return "unable to retrieve auth token: invalid username/password: unauthorized: incorrect username or password"
    if refusal.kind == "limit":
        return f"{reading}: {LIMIT_WORDS}"
    if refusal.kind == "unavailable":
        return f"pinging container registry {host}: received unexpected HTTP status: 503 Service Unavailable"
    return f'pinging container registry {host}: Get "https://{host}/v2/": {dial_error(registry, refusal.kind)}'
