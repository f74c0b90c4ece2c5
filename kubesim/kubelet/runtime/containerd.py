"""containerd: what most clusters run. It speaks CRI itself.

Shims hold the containers, so the daemon can die and come back without any of them noticing. Images are known by their
full names, and their size is that of the compressed layers. A program that cannot be started is found out when the
task starts: the container ends with exit code 128 and reason StartError.
Upstream: containerd's internal/cri/server, core/remotes/docker.
"""

from __future__ import annotations

from kubesim.kubelet.runtime.base import SimulatedRuntime
from kubesim.kubelet.runtime.cri import Container, ContainerState, CriError, Image
from kubesim.kubelet.runtime.insides import ExecError
from kubesim.kubelet.runtime.layers import Manifest, library_manifest
from kubesim.kubelet.runtime.names import DEFAULT_REGISTRY, normalised, repository_of, split_image
from kubesim.kubelet.runtime.registry import Refusal, address_of, host_of

START_ERROR = 128
NEVER = "1970-01-01T00:00:00Z"
LIMIT_WORDS = (
    "toomanyrequests: You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit"
)


class Containerd(SimulatedRuntime):
    """A simulated containerd 2."""

    name = "containerd"
    version = "containerd://2.2.1"
    socket = "/run/containerd/containerd.sock"
    pause_image = "registry.k8s.io/pause:3.10.1"

    def describe(self, manifest: Manifest) -> Image:
        """Full names, compressed size."""
        ref = f"{repository_of(manifest.name)}@{manifest.digest}"
        return Image(manifest.name, ref, manifest.size_bytes, names_of(ref, manifest.name))

    def pull_error(self, image: str, refusal: Refusal) -> CriError:
        """A registry's refusal: every layer of the call adds its own words."""
        name = normalised(image)
        code, words = ("NotFound" if refusal.kind in ("no-tag", "no-repository") else "Unknown"), why(image, refusal)
        if code == "NotFound" and split_image(image)[0] == DEFAULT_REGISTRY and refusal.kind == "no-repository":
            code = "Unknown"  # Docker Hub does not say whether a repository exists.
        step = words if refusal.kind == "limit" else f'failed to resolve reference "{name}": {words}'
        return CriError(code, f'failed to pull and unpack image "{name}": {step}')

    def not_started(self, container: Container, why: str) -> CriError:
        """The task cannot be made; the container has ended before it began."""
        words = (
            "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create "
            f"failed: unable to start container process: error during container init: {why}"
        )
        clock = self._sim.clock
        container.state, container.exit_code = ContainerState.EXITED, START_ERROR
        container.reason, container.message = "StartError", words
        container.started_at, container.started_ns = NEVER, clock.now_ns()
        container.finished_at, container.finished_ns = clock.timestamp(), clock.now_ns()
        return CriError("Unknown", words)

    def exec_error(self, word: str, why: str, number: str) -> ExecError:
        """The call itself fails."""
        return ExecError(
            f'failed to exec in container: failed to start exec "{number}": OCI runtime exec failed: exec failed: '
            f'unable to start container process: exec: "{word}": {why}: unknown'
        )


def names_of(ref: str, name: str) -> tuple[str, ...]:
    """How a Node lists an image: by digest and, if it was pulled so, by tag."""
    return (ref,) if "@" in name else (ref, name)


def why(image: str, refusal: Refusal) -> str:
    """The innermost words."""
    registry, repository, tag = split_image(image)
    reference = tag[1:]
    url = f"https://{host_of(registry)}/v2/{repository}/manifests/{reference}"
    denied = "pull access denied, repository does not exist or may require authorization"
    if refusal.kind == "no-repository" and registry == DEFAULT_REGISTRY:
        return f"{denied}: server message: insufficient_scope: authorization failed"
    if refusal.kind in ("no-tag", "no-repository"):
        return f"{normalised(image)}: not found"
    if refusal.kind == "denied":
        hub = "server message: insufficient_scope: authorization failed"
        return f"{denied}: {hub if registry == DEFAULT_REGISTRY else 'authorization failed: no basic auth credentials'}"
    if refusal.kind == "unauthorized":
        return f"unexpected status from HEAD request to {url}: 401 Unauthorized"
    if refusal.kind == "limit":
        digest = library_manifest(image).digest
        place = f"https://{host_of(registry)}/v2/{repository}/manifests/{digest}"
        return (
            f"failed to copy: httpReadSeeker: failed open: unexpected status code {place}: "
            f"429 Too Many Requests - Server message: {LIMIT_WORDS}"
        )
    if refusal.kind == "unavailable":
        return f"unexpected status from HEAD request to {url}: 503 Service Unavailable"
    return f'failed to do request: Head "{url}": {dial_error(registry, refusal.kind)}'


def dial_error(registry: str, kind: str) -> str:
    """Go's words for a host that cannot be reached."""
    if kind == "no-such-host":
        return f"dial tcp: lookup {host_of(registry).partition(':')[0]} on 192.168.49.1:53: no such host"
    problem = "i/o timeout" if kind == "timeout" else "connect: connection refused"
    return f"dial tcp {address_of(registry)}: {problem}"
