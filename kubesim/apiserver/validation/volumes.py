"""What is wrong with a Pod's volumes: one source each, that says what it must.

Left out: the details of the sources that v1.36 no longer mounts.
Upstream: ValidateVolumes and validateVolumeSource in pkg/apis/core/validation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kubesim.api.errors import FieldError
from kubesim.api.quantity import parse
from kubesim.apiserver.validation.field import duplicate, each, forbidden, invalid, not_supported, required
from kubesim.apiserver.validation.file_paths import descending, no_backsteps
from kubesim.apiserver.validation.names import dns_label, dns_subdomain
from kubesim.apiserver.validation.projections import (
    validate_config_map,
    validate_downward,
    validate_projected,
    validate_secret,
)
from kubesim.apiserver.validation.volume_claim import validate_claim_template

HOST_PATH_TYPES = (
    "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket",
)  # fmt: skip
PULL_POLICIES = ("Always", "IfNotPresent", "Never")
DRIVER_LENGTH_MAX = 63
ONE_TYPE = "may not specify more than 1 volume type"
NO_TYPE = "must specify a volume type"
# In the order in which they are looked at.
SOURCES = (
    "emptyDir", "hostPath", "gitRepo", "gcePersistentDisk", "awsElasticBlockStore", "secret", "nfs", "iscsi",
    "glusterfs", "flocker", "persistentVolumeClaim", "rbd", "cinder", "cephfs", "quobyte", "downwardAPI", "fc",
    "flexVolume", "configMap", "azureFile", "vsphereVolume", "photonPersistentDisk", "portworxVolume", "azureDisk",
    "storageos", "projected", "scaleIO", "csi", "ephemeral", "image",
)  # fmt: skip
REQUIRED_FIELDS = {
    "gitRepo": ("repository",), "gcePersistentDisk": ("pdName",), "awsElasticBlockStore": ("volumeID",),
    "iscsi": ("targetPortal", "iqn"), "glusterfs": ("endpoints", "path"), "persistentVolumeClaim": ("claimName",),
    "rbd": ("monitors", "image"), "cinder": ("volumeID",), "cephfs": ("monitors",), "flexVolume": ("driver",),
    "azureFile": ("secretName", "shareName"), "vsphereVolume": ("volumePath",), "photonPersistentDisk": ("pdID",),
    "portworxVolume": ("volumeID",), "azureDisk": ("diskName", "diskURI"), "storageos": ("volumeName",),
    "scaleIO": ("gateway", "system", "volumeName"), "quobyte": ("registry", "volume"),
}  # fmt: skip

Object = dict[str, Any]
Rule = Callable[[Object, str], list[FieldError]]


def validate_volumes(
    volumes: list[Object], path: str, pod_name: str = ""
) -> tuple[dict[str, Object], list[FieldError]]:
    """The volumes by name that are fine, and what is wrong with the others."""
    fine: dict[str, Object] = {}
    problems: list[FieldError] = []
    made = {f"{pod_name}-{volume.get('name')}" for volume in volumes if pod_name and volume.get("ephemeral")}
    for index, volume in enumerate(volumes):
        at, name = f"{path}[{index}]", volume.get("name") or ""
        found = _sources(volume, at, pod_name)
        found += each(f"{at}.name", name, dns_label(name)) if name else [required(f"{at}.name")]
        if name in fine:
            found.append(duplicate(f"{at}.name", name))
        if not found:
            fine[name] = volume
        problems += found
        claim = (volume.get("persistentVolumeClaim") or {}).get("claimName")
        if claim in made:
            words = "must not reference a PVC that gets created for an ephemeral volume"
            problems.append(invalid(f"{at}.persistentVolumeClaim.claimName", claim, words))
    return fine, problems


def _sources(volume: Object, at: str, pod_name: str) -> list[FieldError]:
    given = [kind for kind in SOURCES if volume.get(kind) is not None]
    if not given:
        return [required(at, NO_TYPE)]
    problems = validate_source(given[0], volume[given[0]], at, is_pod=bool(pod_name))
    name = volume.get("name")
    if given[0] == "ephemeral" and pod_name and name:
        claim = f"{pod_name}-{name}"
        problems += each(f"{at}.name", name, (f'PVC name "{claim}": {words}' for words in dns_subdomain(claim)))
    return problems + [forbidden(f"{at}.{kind}", ONE_TYPE) for kind in given[1:]]


def validate_source(kind: str, source: Object, at: str, *, is_pod: bool = True) -> list[FieldError]:
    """What is wrong with one source."""
    path = f"{at}.persistentDisk" if kind == "gcePersistentDisk" else f"{at}.{kind}"
    problems = [required(f"{path}.{name}") for name in REQUIRED_FIELDS.get(kind, ()) if not source.get(name)]
    if kind == "image" and not is_pod:
        return _pull_policy(source, path)
    rule = RULES.get(kind)
    return problems + rule(source, path) if rule is not None else problems


def _empty_directory(source: Object, path: str) -> list[FieldError]:
    if source.get("sizeLimit") is not None and parse(source["sizeLimit"]).nano < 0:
        return [forbidden(f"{path}.sizeLimit", "SizeLimit field must be a valid resource quantity")]
    return []


def validate_host_path(source: Object, path: str) -> list[FieldError]:
    """What is wrong with a path on the node."""
    if not source.get("path"):
        return [required(f"{path}.path")]
    problems = no_backsteps(source["path"], f"{path}.path")
    if source.get("type") is not None and source["type"] not in HOST_PATH_TYPES:
        problems.append(not_supported(f"{path}.type", source["type"], HOST_PATH_TYPES))
    return problems


def validate_nfs(source: Object, path: str) -> list[FieldError]:
    """What is wrong with a directory of a file server."""
    problems = [required(f"{path}.{name}") for name in ("server", "path") if not source.get(name)]
    if not (source.get("path") or "").startswith("/"):
        problems.append(invalid(f"{path}.path", source.get("path") or "", "must be an absolute path"))
    return problems


def driver_problems(name: str, path: str) -> list[FieldError]:
    """What is wrong with the name of a CSI driver."""
    problems = [] if name else [required(path)]
    if len(name) > DRIVER_LENGTH_MAX:
        problems.append(
            FieldError("FieldValueTooLong", path, f"Too long: may not be more than {DRIVER_LENGTH_MAX} bytes")
        )
    return problems + each(path, name, dns_subdomain(name.lower()))


def _csi(source: Object, path: str) -> list[FieldError]:
    problems = driver_problems(source.get("driver") or "", f"{path}.driver")
    secret = source.get("nodePublishSecretRef")
    if secret is not None:
        name = secret.get("name") or ""
        where = f"{path}.name" if name else f"{path}.nodePublishSecretRef.name"
        problems += each(where, name, dns_subdomain(name)) if name else [required(where)]
    return problems


def _ephemeral(source: Object, path: str) -> list[FieldError]:
    template, where = source.get("volumeClaimTemplate"), f"{path}.volumeClaimTemplate"
    return validate_claim_template(template, where) if template is not None else [required(where)]


def _image(source: Object, path: str) -> list[FieldError]:
    problems = [] if source.get("reference") else [required(f"{path}.reference")]
    return problems + _pull_policy(source, path)


def _pull_policy(source: Object, path: str) -> list[FieldError]:
    policy = source.get("pullPolicy") or ""
    if policy in PULL_POLICIES:
        return []
    where = f"{path}.pullPolicy"
    return [not_supported(where, policy, PULL_POLICIES) if policy else required(where)]


def _git(source: Object, path: str) -> list[FieldError]:
    return descending(source.get("directory") or "", f"{path}.directory")


RULES: dict[str, Rule] = {
    "emptyDir": _empty_directory,
    "hostPath": validate_host_path,
    "gitRepo": _git,
    "secret": validate_secret,
    "nfs": validate_nfs,
    "downwardAPI": validate_downward,
    "configMap": validate_config_map,
    "projected": validate_projected,
    "csi": _csi,
    "ephemeral": _ephemeral,
    "image": _image,
}
