"""Why a node is out for the Pod's volumes: where they can be reached, who has them, how many fit."""

from __future__ import annotations

from kubesim.api.resources import PERSISTENT_VOLUMES
from kubesim.api.stored import Stored
from kubesim.api.views import PersistentVolume
from kubesim.scheduler.explain.seen import Seen, counted, listed
from kubesim.scheduler.plugins import volume_binding as binding
from kubesim.scheduler.plugins import volume_restrictions as restrictions
from kubesim.scheduler.plugins import volume_zone as zones
from kubesim.scheduler.plugins.node_volume_limits import NodeVolumeLimits
from kubesim.scheduler.plugins.pod_volumes import disk_of


def volume_binding(seen: Seen) -> str:
    """Volumes that cannot be reached from the node, and claims that cannot be bound there."""
    notes: binding.Notes = seen.state.read(binding.VolumeBinding.name)
    volumes, problems = seen.plugin.handle.informer(PERSISTENT_VOLUMES), []
    for claim in notes.bound:
        name = claim.object["spec"]["volumeName"]
        volume = volumes.get(name)
        if volume is None:
            problems.append(f"the claim {claim.name} is bound to the volume {name}, which does not exist")
        elif not binding.reaches(volume, seen.node.known):
            problems.append(
                f"the claim {claim.name} is bound to the volume {name}, which can be reached only from nodes with "
                f"{_reach(volume)}"
            )
    if binding.BIND_CONFLICT in seen.status.reasons:
        names = listed(claim.name for claim in notes.waiting)
        noun = "claim" if len(notes.waiting) == 1 else "claims"
        problems.append(f"no volume for the {noun} {names} is free there, and none can be made there")
    return "; ".join(problems)


def _reach(volume: Stored) -> str:
    affinity = volume.view(PersistentVolume).spec.node_affinity
    required = affinity.required if affinity else None
    terms = required.node_selector_terms if required else ()
    told = [" and ".join(_expression(one.key, one.operator, one.values) for one in t.match_expressions) for t in terms]
    return ", or ".join(text for text in told if text) or "what its nodeAffinity says"


def _expression(key: str, operator: str, values: tuple[str, ...]) -> str:
    if operator == "In" and len(values) == 1:
        return f"{key}={values[0]}"
    return f"{key} {operator} {', '.join(values)}".rstrip()


def volume_restrictions(seen: Seen) -> str:
    """Who has the disk, or the claim, that only one Pod may use."""
    pod, node = seen.pod, seen.node
    for volume in pod.pod.spec.volumes:
        for other in node.pods.values() if disk_of(volume) else ():
            if any(restrictions.conflict(volume, theirs) for theirs in other.pod.spec.volumes):
                return f"{other.key} there uses the disk of the volume {volume.name}, which two Pods cannot share"
    notes: restrictions.Notes = seen.state.read(restrictions.VolumeRestrictions.name)
    users = [
        other.key
        for anywhere in seen.snapshot.nodes
        for other in anywhere.pods.values()
        if restrictions.uses(other, pod.namespace, notes.claims)
    ]
    claims = listed(sorted(notes.claims))
    return f"the claim {claims} is for one Pod in the whole cluster (ReadWriteOncePod), and {listed(users)} uses it"


def volume_limits(seen: Seen) -> str:
    """Which driver has too many volumes there."""
    plugin = seen.plugin
    assert isinstance(plugin, NodeVolumeLimits)
    over = [
        f"it may attach {counted(limit, 'volume')} of {driver} and has {attached}, the Pod brings {more} more"
        for driver, limit, attached, more in plugin.counts(seen.pod, seen.node)
        if more and attached + more > limit
    ]
    return "; ".join(over)


def volume_zone(seen: Seen) -> str:
    """Where the volumes are, and where the node is."""
    places: zones.Places = seen.state.read(zones.VolumeZone.name)
    labels = {zones.LABELS.get(key, key): value for key, value in seen.node.known.metadata.labels.items()}
    for key, values in places:
        if labels.get(key) not in values:
            what = key.rpartition("/")[2]
            here = f"it is in {what} {labels[key]}" if key in labels else f"it does not say in which {what} it is"
            return f"the Pod's volume is in {what} {listed(sorted(values), word='or')}, {here}"
    return ""
