"""A Pod's spec as Go's internal type shows it: all fields in the order of the struct, the unset ones null or zero.

Refusals of a change show the difference of two such texts, with line numbers, so every field counts.
Upstream: pkg/apis/core/types.go. Left out: the fields of what is rarely set (affinity, exotic volumes), which
are shown as they were sent, with a capital letter.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, NamedTuple

from kubesim.api.go_names import wire_name

# One struct a line: "Name: fields". A field alone is null when unset, `=zero` gives another zero, `>Struct` is a
# pointer to a struct, `*Struct` a list of them, `!Struct` a struct by value, `+Struct` one whose fields are its own.
STRUCTS = """
PodSpec: Volumes*Volume InitContainers*Container Containers*Container EphemeralContainers*EphemeralContainer \
RestartPolicy="" TerminationGracePeriodSeconds ActiveDeadlineSeconds DNSPolicy="" NodeSelector \
ServiceAccountName="" AutomountServiceAccountToken NodeName="" SecurityContext>PodSecurityContext \
ImagePullSecrets*LocalObjectReference Hostname="" Subdomain="" SetHostnameAsFQDN Affinity SchedulerName="" \
Tolerations*Toleration HostAliases*HostAlias PriorityClassName="" Priority PreemptionPolicy DNSConfig>DNSConfig \
ReadinessGates*ReadinessGate RuntimeClassName Overhead EnableServiceLinks TopologySpreadConstraints*Spread \
OS>OS SchedulingGates*LocalObjectReference ResourceClaims*PodClaim Resources>Resources HostnameOverride SchedulingGroup
PodSecurityContext: HostNetwork=false HostPID=false HostIPC=false ShareProcessNamespace HostUsers SELinuxOptions \
WindowsOptions RunAsUser RunAsGroup RunAsNonRoot SupplementalGroups SupplementalGroupsPolicy FSGroup \
FSGroupChangePolicy Sysctls SeccompProfile>Seccomp AppArmorProfile>Seccomp SELinuxChangePolicy
Container: Name="" Image="" Command Args WorkingDir="" Ports*Port EnvFrom*EnvFrom Env*Env Resources!Resources \
ResizePolicy*Resize RestartPolicy RestartPolicyRules VolumeMounts*Mount VolumeDevices*Device LivenessProbe>Probe \
ReadinessProbe>Probe StartupProbe>Probe Lifecycle>Lifecycle TerminationMessagePath="" TerminationMessagePolicy="" \
ImagePullPolicy="" SecurityContext>SecurityContext Stdin=false StdinOnce=false TTY=false
EphemeralContainer: +Container TargetContainerName=""
Resources: Limits Requests Claims*Claim
Claim: Name="" Request=""
PodClaim: Name="" ResourceClaimName ResourceClaimTemplateName
Resize: ResourceName="" RestartPolicy=""
Port: Name="" HostPort=0 ContainerPort=0 Protocol="" HostIP=""
Env: Name="" Value="" ValueFrom>EnvSource
EnvSource: FieldRef>FieldRef ResourceFieldRef>ResourceFieldRef ConfigMapKeyRef>KeyRef SecretKeyRef>KeyRef FileKeyRef
EnvFrom: Prefix="" ConfigMapRef>Reference SecretRef>Reference
FieldRef: APIVersion="" FieldPath=""
ResourceFieldRef: ContainerName="" Resource="" Divisor="0"
KeyRef: Name="" Key="" Optional
Reference: Name="" Optional
LocalObjectReference: Name=""
Mount: Name="" ReadOnly=false RecursiveReadOnly MountPath="" SubPath="" MountPropagation SubPathExpr=""
Device: Name="" DevicePath=""
Probe: +Handler InitialDelaySeconds=0 TimeoutSeconds=0 PeriodSeconds=0 SuccessThreshold=0 FailureThreshold=0 \
TerminationGracePeriodSeconds
Handler: Exec>Exec HTTPGet>HTTPGet TCPSocket>TCPSocket GRPC>GRPC
Exec: Command
HTTPGet: Path="" Port=0 Host="" Scheme="" HTTPHeaders*Header
Header: Name="" Value=""
TCPSocket: Port=0 Host=""
GRPC: Port=0 Service
Lifecycle: PostStart>Hook PreStop>Hook StopSignal
Hook: Exec>Exec HTTPGet>HTTPGet TCPSocket>TCPSocket Sleep>Sleep
Sleep: Seconds=0
SecurityContext: Capabilities>Capabilities Privileged SELinuxOptions WindowsOptions RunAsUser RunAsGroup RunAsNonRoot \
ReadOnlyRootFilesystem AllowPrivilegeEscalation ProcMount SeccompProfile>Seccomp AppArmorProfile>Seccomp
Capabilities: Add Drop
Seccomp: Type="" LocalhostProfile
Toleration: Key="" Operator="" Value="" Effect="" TolerationSeconds
HostAlias: IP="" Hostnames
DNSConfig: Nameservers Searches Options*DNSOption
DNSOption: Name="" Value
ReadinessGate: ConditionType=""
OS: Name=""
Spread: MaxSkew=0 TopologyKey="" WhenUnsatisfiable="" LabelSelector MinDomains NodeAffinityPolicy \
NodeTaintsPolicy MatchLabelKeys
Volume: Name="" HostPath>HostPath EmptyDir>EmptyDir GCEPersistentDisk AWSElasticBlockStore GitRepo \
Secret>SecretVolume NFS ISCSI Glusterfs PersistentVolumeClaim>ClaimVolume RBD Quobyte FlexVolume Cinder CephFS \
Flocker DownwardAPI>DownwardVolume FC AzureFile ConfigMap>ConfigVolume VsphereVolume AzureDisk \
PhotonPersistentDisk Projected>Projected PortworxVolume ScaleIO StorageOS CSI Ephemeral Image
HostPath: Path="" Type
EmptyDir: Medium="" SizeLimit
SecretVolume: SecretName="" Items*KeyPath DefaultMode Optional
ConfigVolume: Name="" Items*KeyPath DefaultMode Optional
DownwardVolume: Items*DownwardFile DefaultMode
ClaimVolume: ClaimName="" ReadOnly=false
PersistentVolumeClaimSpec: AccessModes Selector Resources!StorageResources VolumeName="" StorageClassName VolumeMode \
DataSource DataSourceRef VolumeAttributesClassName
StorageResources: Limits Requests
PersistentVolumeSource: GCEPersistentDisk AWSElasticBlockStore HostPath>HostPath Glusterfs NFS RBD Quobyte ISCSI \
FlexVolume Cinder CephFS FC Flocker AzureFile VsphereVolume AzureDisk PhotonPersistentDisk PortworxVolume ScaleIO \
Local>LocalVolume StorageOS CSI
LocalVolume: Path="" FSType
KeyPath: Key="" Path="" Mode
DownwardFile: Path="" FieldRef>FieldRef ResourceFieldRef>ResourceFieldRef Mode
Projected: Sources*Projection DefaultMode
Projection: Secret>ProjectedItems DownwardAPI>ProjectedDownward ConfigMap>ProjectedItems ServiceAccountToken>Token \
ClusterTrustBundle PodCertificate
ProjectedItems: Name="" Items*KeyPath Optional
ProjectedDownward: Items*DownwardFile
Token: Audience="" ExpirationSeconds=0 Path=""
"""
ZEROS = {"": None, '""': "", '"0"': "0", "0": 0, "false": False}
CAPITALISED = ("Affinity", "SELinuxOptions", "WindowsOptions", "CSI", "NFS", "Ephemeral", "LabelSelector")
POINTER, LIST, VALUE = ">", "*", "!"

Object = dict[str, Any]


class Field(NamedTuple):
    """One field: its names in Go and on the wire, what it is when unset, how it holds another struct, and which."""

    name: str
    wire_name: str
    zero: Any = None
    holds: str = ""
    struct: str = ""


def pod_spec(spec: Object) -> Object:
    """A Pod's spec; what lies beside the security context on the wire is inside of it here."""
    host = {name: spec[name] for name in ("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace", "hostUsers")
            if name in spec}  # fmt: skip
    context = spec.get("securityContext")
    if host or context is not None:
        spec = {**spec, "securityContext": {**(context or {}), **host}}
    return shown(spec, "PodSpec")


def ephemeral_container(container: Object) -> Object:
    """One ephemeral container."""
    return shown(container, "EphemeralContainer")


def shown(value: Object, struct: str) -> Object:
    """A struct with all of its fields."""
    return {field.name: _field(value.get(field.wire_name), field) for field in fields_of(struct)}


def _field(value: Any, field: Field) -> Any:
    if field.holds == VALUE:
        return shown(value or {}, field.struct)
    if value is None:
        return field.zero
    if field.holds == LIST:
        return [shown(item, field.struct) for item in value] or None
    if field.holds == POINTER:
        return shown(value, field.struct)
    return _plain(value) if isinstance(value, dict) and field.name in CAPITALISED else value


def _plain(value: Any) -> Any:
    """What has no table of its own."""
    if isinstance(value, dict):
        return {name[:1].upper() + name[1:]: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


@cache
def fields_of(struct: str) -> tuple[Field, ...]:
    """The fields of a struct, in order."""
    texts = dict(line.split(": ", 1) for line in STRUCTS.strip().splitlines())
    found: list[Field] = []
    for text in texts[struct].split():
        if text.startswith("+"):
            found += fields_of(text[1:])
            continue
        match = re.fullmatch(r"(\w+)(?:([>*!])(\w+)|=(.+))?", text)
        assert match is not None, f"{text} is a field"
        name, holds, other, zero = match.groups()
        found.append(Field(name, wire_name(name), ZEROS[zero or ""], holds or "", other or ""))
    return tuple(found)
