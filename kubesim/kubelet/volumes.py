"""The volume manager: a Pod's sandbox is not made before all the volumes that its containers name are set up.

What fails is tried again after 0.5 s, 1 s, 2 s and so on up to 2 min 2 s, with an event FailedMount each time; the Pod
waits as ContainerCreating. A claim that is not bound is told at once as "Unable to attach or mount volumes"; that a
Pod has waited for 2 min 3 s is only in a kubelet's log since v1.28. An attached volume stands in the node's
`status.volumesInUse` until its last Pod is gone.
Upstream: pkg/kubelet/volumemanager, pkg/volume/util/operationexecutor, pkg/util/goroutinemap/exponentialbackoff.
Left out: reconstruction from the disk, resizing of file systems, SELinux.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from kubesim.api.stored import Object
from kubesim.api.views import PodSpec
from kubesim.kubelet.pod_events import PodEvents
from kubesim.kubelet.pod_state import PodState
from kubesim.kubelet.volume_sources import ClaimError, MountError, VolumeSources, WaitsForAttachError
from kubesim.sim import Simulation

SECOND_NS = 1_000_000_000
FIRST_RETRY_NS = SECOND_NS // 2
RETRY_NS_MAX = 122 * SECOND_NS
CLAIM_RETRY_NS = 10 * SECOND_NS  # The Pod is looked at again.


@dataclass(slots=True)
class Retry:
    """When a volume may be tried again, and how long the pause after that is."""

    at_ns: int = 0
    pause_ns: int = FIRST_RETRY_NS


@dataclass(slots=True)
class PodVolumes:
    """What is known of one Pod's volumes."""

    mounted: dict[str, str] = field(default_factory=dict)  # Name -> what is attached for it, or "".
    retries: dict[str, Retry] = field(default_factory=dict)
    waits_for_attach: bool = False
    done: bool = False


class VolumeManager:
    """The volumes of one node's Pods."""

    def __init__(self, sim: Simulation, sources: VolumeSources, events: PodEvents) -> None:
        self._clock = sim.clock
        self._sources = sources
        self._events = events
        self._pods: dict[str, PodVolumes] = {}

    async def mount(self, pod: PodState) -> int:
        """0 when all volumes are there; else in how many nanoseconds to look again."""
        if not pod.spec.volumes:
            return 0
        known = self._pods.setdefault(pod.uid, PodVolumes())
        if known.done:
            return 0
        wanted = used_volumes(pod.spec)
        known.waits_for_attach = False
        waits = []
        for volume in pod.stored.object["spec"].get("volumes") or ():
            if volume["name"] in wanted and volume["name"] not in known.mounted:
                wait_ns = await self._try(pod, known, volume)
                if wait_ns:
                    waits.append(wait_ns)
        known.done = not waits and pod.spec.ephemeral_containers == ()
        return min(waits, default=0)

    async def _try(self, pod: PodState, known: PodVolumes, volume: Object) -> int:
        name, now_ns = volume["name"], self._clock.now_ns()
        retry = known.retries.setdefault(name, Retry())
        if retry.at_ns > now_ns:
            return retry.at_ns - now_ns
        try:
            known.mounted[name] = await self._sources.set_up(pod.stored, volume)
        except MountError as error:
            self._events.warning(pod, "", "FailedMount", f'MountVolume.SetUp failed for volume "{name}" : {error}')
            pause_ns = retry.pause_ns
            retry.pause_ns = min(pause_ns * 2, RETRY_NS_MAX)
        except ClaimError as error:
            self._events.warning(pod, "", "FailedMount", self._claim_words(pod, known, name, str(error)))
            pause_ns = CLAIM_RETRY_NS
        except WaitsForAttachError:
            known.waits_for_attach = True
            return CLAIM_RETRY_NS
        else:
            return 0
        retry.at_ns = self._clock.now_ns() + pause_ns
        return pause_ns

    def _claim_words(self, pod: PodState, known: PodVolumes, failed: str, error: str) -> str:
        unmounted = sorted(name for name in used_volumes(pod.spec) if name not in known.mounted)
        return (
            f"Unable to attach or mount volumes: unmounted volumes=[{' '.join(unmounted)}], unattached volumes=[], "
            f"failed to process volumes=[{failed}]: {error}"
        )

    def see_attached(self, node: Object) -> list[str]:
        """What the node's status says is attached; returns the UIDs of the Pods that were waiting for that."""
        attached = [each["name"] for each in (node.get("status") or {}).get("volumesAttached") or ()]
        if attached == list(self._sources.attached):
            return []
        self._sources.attached = attached
        return [uid for uid, known in self._pods.items() if known.waits_for_attach]

    def in_use(self) -> Sequence[str]:
        """What is attached to this node for one of its Pods."""
        return sorted({name for known in self._pods.values() for name in known.mounted.values() if name})

    def unmount(self, pod: PodState) -> None:
        """Nothing of the Pod runs any more."""
        self._pods.pop(pod.uid, None)
        self._sources.forget(pod.uid)


def used_volumes(spec: PodSpec) -> set[str]:
    """The names of the volumes that some container mounts."""
    everything = (*spec.containers, *spec.init_containers, *spec.ephemeral_containers)
    mounts = {mount.name for container in everything for mount in container.volume_mounts}
    return mounts | {str(device.get("name")) for container in everything for device in container.volume_devices}
