"""LimitRanges: defaults, bounds, and which of them there may be."""

from __future__ import annotations

from typing import Any

import pytest

from kubesim.api.errors import ForbiddenError, InvalidError
from kubesim.api.resources import LIMIT_RANGES, PERSISTENT_VOLUME_CLAIMS, PODS
from kubesim.api.stored import Object
from kubesim.sim import Simulation


async def limit(api: Any, *limits: Object) -> None:
    await api.create(LIMIT_RANGES, {"metadata": {"name": "lr"}, "spec": {"limits": list(limits)}})


def pod(resources: Object | None = None, **spec: Any) -> Object:
    container = {"name": "c", "image": "i", "resources": resources or {}}
    return {"metadata": {"name": "p"}, "spec": {"containers": [container], **spec}}


async def test_containers_that_state_nothing_get_the_defaults(sim: Simulation, boot: Any) -> None:
    """Teaches: a default limit is a default request too, and an annotation tells what was set."""
    async with boot(sim) as api:
        await api.account()
        await limit(api, {"type": "Container", "default": {"cpu": "500m", "memory": "128Mi"},
                          "defaultRequest": {"cpu": "100m"}})  # fmt: skip
        made = (await api.create(PODS, pod(initContainers=[{"name": "i", "image": "i"}]))).object
        resources = made["spec"]["containers"][0]["resources"]
        assert resources["limits"] == {"cpu": "500m", "memory": "128Mi"}
        assert resources["requests"] == {"cpu": "100m", "memory": "128Mi"}
        assert made["metadata"]["annotations"]["kubernetes.io/limit-ranger"] == (
            "LimitRanger plugin set: cpu, memory request for container c; cpu, memory limit for container c; "
            "cpu, memory request for init container i; cpu, memory limit for init container i"
        )


@pytest.mark.parametrize(
    ("item", "resources", "problem"),
    [
        ({"type": "Container", "max": {"cpu": "1"}}, {"limits": {"cpu": "2"}},
         "maximum cpu usage per Container is 1, but limit is 2"),
        ({"type": "Container", "min": {"cpu": "50m"}}, {"requests": {"cpu": "10m"}},
         "minimum cpu usage per Container is 50m, but request is 10m"),
        ({"type": "Pod", "max": {"memory": "1Gi"}}, {}, "maximum memory usage per Pod is 1Gi.  No limit is specified"),
        ({"type": "Container", "maxLimitRequestRatio": {"cpu": "2"}},
         {"limits": {"cpu": "3"}, "requests": {"cpu": "1"}},
         "cpu max limit to request ratio per Container is 2, but provided ratio is 3.000000"),
        ({"type": "Container", "maxLimitRequestRatio": {"cpu": "2"}}, {},
         "cpu max limit to request ratio per Container is 2, but no request is specified or request is 0"),
        ({"type": "Pod", "min": {"cpu": "1", "memory": "1Gi"}}, {"requests": {"cpu": "10m", "memory": "1Mi"}},
         "[minimum cpu usage per Pod is 1, but request is 10m, minimum memory usage per Pod is 1Gi, but request is "
         "1Mi]"),
    ],
)  # fmt: skip
async def test_what_is_out_of_bounds_is_refused(
    sim: Simulation, boot: Any, item: Object, resources: Object, problem: str
) -> None:
    """Teaches: minimum, maximum and ratio, of one container or of the whole Pod."""
    async with boot(sim) as api:
        await api.account()
        await limit(api, item)
        with pytest.raises(ForbiddenError) as refused:
            await api.create(PODS, pod(resources))
        assert str(refused.value) == f'pods "p" is forbidden: {problem}'


async def test_claims_have_bounds_too(sim: Simulation, boot: Any) -> None:
    """Teaches: PersistentVolumeClaim is a type of its own; only requests count."""
    async with boot(sim) as api:
        await limit(api, {"type": "PersistentVolumeClaim", "max": {"storage": "1Gi"}})
        spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}}}
        with pytest.raises(ForbiddenError) as refused:
            await api.create(PERSISTENT_VOLUME_CLAIMS, {"metadata": {"name": "d"}, "spec": spec})
        assert str(refused.value).endswith("maximum storage usage per PersistentVolumeClaim is 1Gi, but request is 2Gi")


async def test_bounds_leave_room_for_what_lies_between(sim: Simulation, boot: Any) -> None:
    """Teaches: minimum ≤ default request ≤ default ≤ maximum; types are known and come once."""
    async with boot(sim) as api:
        with pytest.raises(InvalidError) as refused:
            await limit(api, {"type": "Pod", "min": {"cpu": "2"}, "max": {"cpu": "1"}, "default": {"cpu": "1"}},
                        {"type": "Pod"}, {"type": "Bogus"})  # fmt: skip
        text = str(refused.value)
        assert 'spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1' in text
        assert "spec.limits[0].default: Forbidden: may not be specified when `type` is 'Pod'" in text
        assert 'spec.limits[1].type: Duplicate value: "Pod"' in text
        assert 'spec.limits[2].type: Invalid value: "Bogus": must be a standard limit type or fully qualified' in text
