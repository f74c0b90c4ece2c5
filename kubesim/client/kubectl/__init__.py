"""The part of kubectl that scenarios use, spoken through a `Client`: same words, same requests, no process.

`Kubectl(client).run("scale deployment/web --replicas=5")` sends what the real one would send. It reads no
kubeconfig and prints no tables; a command that only looks (get, describe) is left to the real kubectl.
"""

from kubesim.client.kubectl.apply import apply_object
from kubesim.client.kubectl.command import Command, KubectlError, RefusedError, parse_command
from kubesim.client.kubectl.kubectl import Kubectl
from kubesim.client.kubectl.manifests import Manifest, ManifestError, compose, parse_manifests, read_manifests

__all__ = [
    "Command",
    "Kubectl",
    "KubectlError",
    "Manifest",
    "ManifestError",
    "RefusedError",
    "apply_object",
    "compose",
    "parse_command",
    "parse_manifests",
    "read_manifests",
]
