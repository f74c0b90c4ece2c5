"""What is wrong with the ephemeral containers of a Pod, or with changing them.

Upstream: validateEphemeralContainers and ValidatePodEphemeralContainersUpdate in
pkg/apis/core/validation/validation.go.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.errors import FieldError
from kubesim.apiserver.validation.containers import image_padding, validate_container
from kubesim.apiserver.validation.field import duplicate, forbidden, missing
from kubesim.apiserver.validation.go_diff import diff
from kubesim.apiserver.validation.go_pod import ephemeral_container
from kubesim.apiserver.validation.pod import surroundings

Object = dict[str, Any]

PATH = "spec.ephemeralContainers"
CANNOT = "cannot be set for an Ephemeral Container"
# What no ephemeral container may have, in the order of Go's struct.
NOT_ALLOWED = (
    "ports", "resources", "resizePolicy", "restartPolicy", "restartPolicyRules", "livenessProbe", "readinessProbe",
    "startupProbe", "lifecycle",
)  # fmt: skip


def validate_ephemeral_change(spec: Object, old: Object) -> list[FieldError]:
    """What is wrong with the ephemeral containers of `spec`, which were those of `old`."""
    problems = validate_ephemeral(spec)
    wanted = {container.get("name"): container for container in spec.get("ephemeralContainers") or ()}
    for container in old.get("ephemeralContainers") or ():
        name = container["name"]
        present = wanted.get(name)
        if present is None:
            problems.append(forbidden(PATH, f'existing ephemeral containers "{name}" may not be removed\n'))
        elif present != container:
            change = diff(ephemeral_container(container), ephemeral_container(present))
            words = f'existing ephemeral containers "{name}" may not be changed\n{change}'
            problems.append(forbidden(PATH, words))
    return problems


def validate_ephemeral(spec: Object) -> list[FieldError]:
    """What is wrong with each of them."""
    pod = surroundings(spec, {volume.get("name", ""): volume for volume in spec.get("volumes") or ()})
    others = {each["name"] for field in ("containers", "initContainers") for each in spec.get(field) or ()}
    names = set(others)
    problems: list[FieldError] = []
    for index, container in enumerate(spec.get("ephemeralContainers") or ()):
        path = f"{PATH}[{index}]"
        problems += validate_container(container, path, pod)
        problems += [problem._replace(field=f"{path}.image") for problem in image_padding([container], PATH)]
        name = container.get("name")
        if name in names:
            problems.append(duplicate(f"{path}.name", name))
        names.add(name)
        target = container.get("targetContainerName")
        if target and target not in others:
            problems.append(missing(f"{path}.targetContainerName", target))
        problems += [forbidden(f"{path}.{field}", CANNOT) for field in NOT_ALLOWED if container.get(field)]
        for number, mount in enumerate(container.get("volumeMounts") or ()):
            at = f"{path}.volumeMounts[{number}]"
            problems += [forbidden(f"{at}.{field}", CANNOT) for field in ("subPath", "subPathExpr") if mount.get(field)]
    return problems
