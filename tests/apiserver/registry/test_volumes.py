"""Claims and volumes: what of them may change."""

from __future__ import annotations

from typing import Any

import pytest

from kubesim.api.errors import InvalidError
from kubesim.api.resources import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES
from kubesim.api.stored import Object
from kubesim.sim import Simulation

CLAIM: Object = {
    "metadata": {"name": "data"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, "storageClassName": "s"},
}
VOLUME: Object = {
    "metadata": {"name": "disk"},
    "spec": {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "hostPath": {"path": "/a"}},
}


async def test_what_a_claim_asks_for_is_shown_when_it_may_not_change(sim: Simulation, boot: Any) -> None:
    """Teaches: the refusal shows the difference of both specs as the server holds them."""
    async with boot(sim) as api:
        await api.create(PERSISTENT_VOLUME_CLAIMS, CLAIM)
        with pytest.raises(InvalidError) as refusal:
            await api.patch(PERSISTENT_VOLUME_CLAIMS, "data", {"spec": {"storageClassName": "x"}})
        lines = str(refusal.value).splitlines()
        assert lines[0].endswith("except resources.requests and volumeAttributesClassName for bound claims")
        assert lines[2:] == [
            "   }",
            "  },",
            '  "VolumeName": "",',
            '- "StorageClassName": "s",',
            '+ "StorageClassName": "x",',
            '  "VolumeMode": "Filesystem",',
            '  "DataSource": null,',
            '  "DataSourceRef": null,',
        ]


async def test_a_bound_claim_may_grow_but_not_shrink(sim: Simulation, boot: Any) -> None:
    """Teaches: what was given is not taken back."""
    async with boot(sim) as api:
        made = (await api.create(PERSISTENT_VOLUME_CLAIMS, CLAIM)).object
        status = {"phase": "Bound", "capacity": {"storage": "1Gi"}}
        await api.update(PERSISTENT_VOLUME_CLAIMS, {**made, "status": status}, subresource="status")
        patch = {"spec": {"resources": {"requests": {"storage": "1Mi"}}}}
        with pytest.raises(InvalidError, match="storage: Forbidden: field can not be less than"):
            await api.patch(PERSISTENT_VOLUME_CLAIMS, "data", patch)


async def test_a_volume_stays_where_it_is(sim: Simulation, boot: Any) -> None:
    """Teaches: its size may change, its source not; and three things may happen to it after its claim."""
    async with boot(sim) as api:
        await api.create(PERSISTENT_VOLUMES, VOLUME)
        with pytest.raises(InvalidError, match="persistentvolumesource is immutable after creation"):
            await api.patch(PERSISTENT_VOLUMES, "disk", {"spec": {"hostPath": {"path": "/b"}}})
        with pytest.raises(InvalidError, match='Unsupported value: "Never": supported values: "Delete", "Recycle"'):
            await api.patch(PERSISTENT_VOLUMES, "disk", {"spec": {"persistentVolumeReclaimPolicy": "Never"}})
        await api.patch(PERSISTENT_VOLUMES, "disk", {"spec": {"capacity": {"storage": "2Gi"}}})
