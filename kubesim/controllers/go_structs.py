"""A Pod template as Go's debugging printer shows it: the text that the real controllers hash.

kube-controller-manager hashes `%#v` of a PodTemplateSpec as the package spew writes it: every field in the order of
the struct, with its type, set or not. So a new field in a release gives every template another hash. Here the
structs are a table: one a line, each field with its type, `Name` alone for an embedded struct of that name. A type
without a line of its own is a string with a name.

Left out: volumes of vendors and what else is hardly ever written (`UnknownFieldError`).
Upstream: k8s.io/apimachinery/pkg/util/dump, core/v1/types.go in k8s.io/api.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, NamedTuple

from kubesim.api.go_names import wire_name
from kubesim.api.quantity import canonical
from kubesim.api.stored import Object

STRUCTS = """
PodTemplateSpec ObjectMeta Spec:v1.PodSpec
ObjectMeta Name:string GenerateName:string Namespace:string SelfLink:string UID:types.UID ResourceVersion:string \
Generation:int64 CreationTimestamp:v1.Time DeletionTimestamp:*v1.Time DeletionGracePeriodSeconds:*int64 \
Labels:map[string]string Annotations:map[string]string OwnerReferences:[]v1.OwnerReference Finalizers:[]string \
ManagedFields:[]v1.ManagedFieldsEntry
PodSpec Volumes:[]v1.Volume InitContainers:[]v1.Container Containers:[]v1.Container \
EphemeralContainers:[]v1.EphemeralContainer RestartPolicy:v1.RestartPolicy TerminationGracePeriodSeconds:*int64 \
ActiveDeadlineSeconds:*int64 DNSPolicy:v1.DNSPolicy NodeSelector:map[string]string ServiceAccountName:string \
DeprecatedServiceAccount:string AutomountServiceAccountToken:*bool NodeName:string HostNetwork:bool \
HostPID:bool HostIPC:bool ShareProcessNamespace:*bool SecurityContext:*v1.PodSecurityContext \
ImagePullSecrets:[]v1.LocalObjectReference Hostname:string Subdomain:string Affinity:*v1.Affinity \
SchedulerName:string Tolerations:[]v1.Toleration HostAliases:[]v1.HostAlias PriorityClassName:string Priority:*int32 \
DNSConfig:*v1.PodDNSConfig ReadinessGates:[]v1.PodReadinessGate RuntimeClassName:*string EnableServiceLinks:*bool \
PreemptionPolicy:*v1.PreemptionPolicy Overhead:v1.ResourceList \
TopologySpreadConstraints:[]v1.TopologySpreadConstraint SetHostnameAsFQDN:*bool OS:*v1.PodOS \
HostUsers:*bool SchedulingGates:[]v1.PodSchedulingGate ResourceClaims:[]v1.PodResourceClaim \
Resources:*v1.ResourceRequirements HostnameOverride:*string SchedulingGroup:*v1.PodSchedulingGroup
Container Name:string Image:string Command:[]string Args:[]string WorkingDir:string Ports:[]v1.ContainerPort \
EnvFrom:[]v1.EnvFromSource Env:[]v1.EnvVar Resources:v1.ResourceRequirements \
ResizePolicy:[]v1.ContainerResizePolicy RestartPolicy:*v1.ContainerRestartPolicy \
RestartPolicyRules:[]v1.ContainerRestartRule VolumeMounts:[]v1.VolumeMount VolumeDevices:[]v1.VolumeDevice \
LivenessProbe:*v1.Probe ReadinessProbe:*v1.Probe StartupProbe:*v1.Probe Lifecycle:*v1.Lifecycle \
TerminationMessagePath:string TerminationMessagePolicy:v1.TerminationMessagePolicy ImagePullPolicy:v1.PullPolicy \
SecurityContext:*v1.SecurityContext Stdin:bool StdinOnce:bool TTY:bool
ContainerPort Name:string HostPort:int32 ContainerPort:int32 Protocol:v1.Protocol HostIP:string
EnvFromSource Prefix:string ConfigMapRef:*v1.ConfigMapEnvSource SecretRef:*v1.SecretEnvSource
ConfigMapEnvSource LocalObjectReference Optional:*bool
SecretEnvSource LocalObjectReference Optional:*bool
LocalObjectReference Name:string
EnvVar Name:string Value:string ValueFrom:*v1.EnvVarSource
EnvVarSource FieldRef:*v1.ObjectFieldSelector ResourceFieldRef:*v1.ResourceFieldSelector \
ConfigMapKeyRef:*v1.ConfigMapKeySelector SecretKeyRef:*v1.SecretKeySelector FileKeyRef:*v1.FileKeySelector
ObjectFieldSelector APIVersion:string FieldPath:string
ResourceFieldSelector ContainerName:string Resource:string Divisor:resource.Quantity
ConfigMapKeySelector LocalObjectReference Key:string Optional:*bool
SecretKeySelector LocalObjectReference Key:string Optional:*bool
FileKeySelector VolumeName:string Path:string Key:string Optional:*bool
ResourceRequirements Limits:v1.ResourceList Requests:v1.ResourceList Claims:[]v1.ResourceClaim
ResourceClaim Name:string Request:string
ContainerResizePolicy ResourceName:v1.ResourceName RestartPolicy:v1.ResourceResizeRestartPolicy
ContainerRestartRule Action:v1.ContainerRestartRuleAction ExitCodes:*v1.ContainerRestartRuleOnExitCodes
ContainerRestartRuleOnExitCodes Operator:v1.ContainerRestartRuleOnExitCodesOperator Values:[]int32
VolumeMount Name:string ReadOnly:bool RecursiveReadOnly:*v1.RecursiveReadOnlyMode MountPath:string SubPath:string \
MountPropagation:*v1.MountPropagationMode SubPathExpr:string
VolumeDevice Name:string DevicePath:string
Probe ProbeHandler InitialDelaySeconds:int32 TimeoutSeconds:int32 PeriodSeconds:int32 SuccessThreshold:int32 \
FailureThreshold:int32 TerminationGracePeriodSeconds:*int64
ProbeHandler Exec:*v1.ExecAction HTTPGet:*v1.HTTPGetAction TCPSocket:*v1.TCPSocketAction GRPC:*v1.GRPCAction
ExecAction Command:[]string
HTTPGetAction Path:string Port:intstr.IntOrString Host:string Scheme:v1.URIScheme HTTPHeaders:[]v1.HTTPHeader
HTTPHeader Name:string Value:string
TCPSocketAction Port:intstr.IntOrString Host:string
GRPCAction Port:int32 Service:*string
Lifecycle PostStart:*v1.LifecycleHandler PreStop:*v1.LifecycleHandler StopSignal:*v1.Signal
LifecycleHandler Exec:*v1.ExecAction HTTPGet:*v1.HTTPGetAction TCPSocket:*v1.TCPSocketAction Sleep:*v1.SleepAction
SleepAction Seconds:int64
SecurityContext Capabilities:*v1.Capabilities Privileged:*bool SELinuxOptions:*v1.SELinuxOptions \
WindowsOptions:*v1.WindowsSecurityContextOptions RunAsUser:*int64 RunAsGroup:*int64 RunAsNonRoot:*bool \
ReadOnlyRootFilesystem:*bool AllowPrivilegeEscalation:*bool ProcMount:*v1.ProcMountType \
SeccompProfile:*v1.SeccompProfile AppArmorProfile:*v1.AppArmorProfile
Capabilities Add:[]v1.Capability Drop:[]v1.Capability
SELinuxOptions User:string Role:string Type:string Level:string
WindowsSecurityContextOptions GMSACredentialSpecName:*string GMSACredentialSpec:*string RunAsUserName:*string \
HostProcess:*bool
SeccompProfile Type:v1.SeccompProfileType LocalhostProfile:*string
AppArmorProfile Type:v1.AppArmorProfileType LocalhostProfile:*string
PodSecurityContext SELinuxOptions:*v1.SELinuxOptions WindowsOptions:*v1.WindowsSecurityContextOptions \
RunAsUser:*int64 RunAsGroup:*int64 RunAsNonRoot:*bool SupplementalGroups:[]int64 \
SupplementalGroupsPolicy:*v1.SupplementalGroupsPolicy FSGroup:*int64 Sysctls:[]v1.Sysctl \
FSGroupChangePolicy:*v1.PodFSGroupChangePolicy SeccompProfile:*v1.SeccompProfile \
AppArmorProfile:*v1.AppArmorProfile SELinuxChangePolicy:*v1.PodSELinuxChangePolicy
Sysctl Name:string Value:string
Affinity NodeAffinity:*v1.NodeAffinity PodAffinity:*v1.PodAffinity PodAntiAffinity:*v1.PodAntiAffinity
NodeAffinity RequiredDuringSchedulingIgnoredDuringExecution:*v1.NodeSelector \
PreferredDuringSchedulingIgnoredDuringExecution:[]v1.PreferredSchedulingTerm
NodeSelector NodeSelectorTerms:[]v1.NodeSelectorTerm
NodeSelectorTerm MatchExpressions:[]v1.NodeSelectorRequirement MatchFields:[]v1.NodeSelectorRequirement
NodeSelectorRequirement Key:string Operator:v1.NodeSelectorOperator Values:[]string
PreferredSchedulingTerm Weight:int32 Preference:v1.NodeSelectorTerm
PodAffinity RequiredDuringSchedulingIgnoredDuringExecution:[]v1.PodAffinityTerm \
PreferredDuringSchedulingIgnoredDuringExecution:[]v1.WeightedPodAffinityTerm
PodAntiAffinity RequiredDuringSchedulingIgnoredDuringExecution:[]v1.PodAffinityTerm \
PreferredDuringSchedulingIgnoredDuringExecution:[]v1.WeightedPodAffinityTerm
PodAffinityTerm LabelSelector:*v1.LabelSelector Namespaces:[]string TopologyKey:string \
NamespaceSelector:*v1.LabelSelector MatchLabelKeys:[]string MismatchLabelKeys:[]string
WeightedPodAffinityTerm Weight:int32 PodAffinityTerm:v1.PodAffinityTerm
LabelSelector MatchLabels:map[string]string MatchExpressions:[]v1.LabelSelectorRequirement
LabelSelectorRequirement Key:string Operator:v1.LabelSelectorOperator Values:[]string
Toleration Key:string Operator:v1.TolerationOperator Value:string Effect:v1.TaintEffect TolerationSeconds:*int64
HostAlias IP:string Hostnames:[]string
PodDNSConfig Nameservers:[]string Searches:[]string Options:[]v1.PodDNSConfigOption
PodDNSConfigOption Name:string Value:*string
PodReadinessGate ConditionType:v1.PodConditionType
TopologySpreadConstraint MaxSkew:int32 TopologyKey:string WhenUnsatisfiable:v1.UnsatisfiableConstraintAction \
LabelSelector:*v1.LabelSelector MinDomains:*int32 NodeAffinityPolicy:*v1.NodeInclusionPolicy \
NodeTaintsPolicy:*v1.NodeInclusionPolicy MatchLabelKeys:[]string
PodOS Name:v1.OSName
PodSchedulingGate Name:string
PodResourceClaim Name:string ResourceClaimName:*string ResourceClaimTemplateName:*string
Volume Name:string VolumeSource
VolumeSource HostPath:*v1.HostPathVolumeSource EmptyDir:*v1.EmptyDirVolumeSource \
GCEPersistentDisk:*v1.GCEPersistentDiskVolumeSource AWSElasticBlockStore:*v1.AWSElasticBlockStoreVolumeSource \
GitRepo:*v1.GitRepoVolumeSource Secret:*v1.SecretVolumeSource NFS:*v1.NFSVolumeSource ISCSI:*v1.ISCSIVolumeSource \
Glusterfs:*v1.GlusterfsVolumeSource PersistentVolumeClaim:*v1.PersistentVolumeClaimVolumeSource \
RBD:*v1.RBDVolumeSource FlexVolume:*v1.FlexVolumeSource Cinder:*v1.CinderVolumeSource \
CephFS:*v1.CephFSVolumeSource Flocker:*v1.FlockerVolumeSource DownwardAPI:*v1.DownwardAPIVolumeSource \
FC:*v1.FCVolumeSource AzureFile:*v1.AzureFileVolumeSource ConfigMap:*v1.ConfigMapVolumeSource \
VsphereVolume:*v1.VsphereVirtualDiskVolumeSource Quobyte:*v1.QuobyteVolumeSource \
AzureDisk:*v1.AzureDiskVolumeSource PhotonPersistentDisk:*v1.PhotonPersistentDiskVolumeSource \
Projected:*v1.ProjectedVolumeSource PortworxVolume:*v1.PortworxVolumeSource ScaleIO:*v1.ScaleIOVolumeSource \
StorageOS:*v1.StorageOSVolumeSource CSI:*v1.CSIVolumeSource Ephemeral:*v1.EphemeralVolumeSource \
Image:*v1.ImageVolumeSource
HostPathVolumeSource Path:string Type:*v1.HostPathType
EmptyDirVolumeSource Medium:v1.StorageMedium SizeLimit:*resource.Quantity
SecretVolumeSource SecretName:string Items:[]v1.KeyToPath DefaultMode:*int32 Optional:*bool
ConfigMapVolumeSource LocalObjectReference Items:[]v1.KeyToPath DefaultMode:*int32 Optional:*bool
KeyToPath Key:string Path:string Mode:*int32
NFSVolumeSource Server:string Path:string ReadOnly:bool
PersistentVolumeClaimVolumeSource ClaimName:string ReadOnly:bool
DownwardAPIVolumeSource Items:[]v1.DownwardAPIVolumeFile DefaultMode:*int32
DownwardAPIVolumeFile Path:string FieldRef:*v1.ObjectFieldSelector ResourceFieldRef:*v1.ResourceFieldSelector \
Mode:*int32
ProjectedVolumeSource Sources:[]v1.VolumeProjection DefaultMode:*int32
VolumeProjection Secret:*v1.SecretProjection DownwardAPI:*v1.DownwardAPIProjection \
ConfigMap:*v1.ConfigMapProjection ServiceAccountToken:*v1.ServiceAccountTokenProjection \
ClusterTrustBundle:*v1.ClusterTrustBundleProjection PodCertificate:*v1.PodCertificateProjection
SecretProjection LocalObjectReference Items:[]v1.KeyToPath Optional:*bool
ConfigMapProjection LocalObjectReference Items:[]v1.KeyToPath Optional:*bool
DownwardAPIProjection Items:[]v1.DownwardAPIVolumeFile
ServiceAccountTokenProjection Audience:string ExpirationSeconds:*int64 Path:string
CSIVolumeSource Driver:string ReadOnly:*bool FSType:*string VolumeAttributes:map[string]string \
NodePublishSecretRef:*v1.LocalObjectReference
ImageVolumeSource Reference:string PullPolicy:v1.PullPolicy
"""
NAMED_MAPS = {"v1.ResourceList": "map[v1.ResourceName]resource.Quantity"}
TIME_ZERO = "{Time:(time.Time){wall:(uint64)0 ext:(int64)0 loc:(*time.Location)<nil>}}"
FIELD = re.compile(r"(\w+):(.+)")
QUANTITY = re.compile(r"(-?\d+)([numkMGTPE]?|[KMGTPE]i)")
DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
DIGITS_MAX = 18


class UnknownFieldError(LookupError):
    """A template uses something that the table does not have."""


class Field(NamedTuple):
    """One field; without a wire name it is an embedded struct, whose fields JSON shows as the parent's own."""

    name: str
    wire_name: str
    type: str


def dump(value: Any, type_: str) -> str:
    """A value with its type in front."""
    if type_.startswith("*") and value is not None:
        return f"({type_}){_bare(value, type_[1:])}"
    return f"({type_}){_bare(value, type_)}"


def _bare(value: Any, type_: str) -> str:
    """A value without its own type: what stands in a list or a map."""
    if type_ in NAMED_MAPS:
        type_ = NAMED_MAPS[type_]
    if value is None and type_.startswith(("*", "[]", "map[")):
        return "<nil>"
    if type_.startswith("[]"):
        return f"[{' '.join(_bare(item, type_[2:]) for item in value)}]"
    if type_.startswith("map["):
        values = type_.partition("]")[2]
        return f"map[{' '.join(f'{key}:{_bare(item, values)}' for key, item in sorted(value.items()))}]"
    if type_ == "v1.Time":
        return TIME_ZERO
    if type_ == "resource.Quantity":
        return quantity(value)
    if type_ == "intstr.IntOrString":
        return int_or_string(value)
    if (fields := structs().get(type_.removeprefix("v1."))) is not None:
        return _struct(value or {}, fields)
    return _scalar(value, type_)


def _struct(value: Object, fields: tuple[Field, ...]) -> str:
    known = wire_names(fields)
    if not known.issuperset(value):
        raise UnknownFieldError(sorted(set(value) - known))
    parts = []
    for name, on_wire, type_ in fields:
        inner = value.get(on_wire) if on_wire else own_part(value, type_)
        parts.append(f"{name}:{dump(inner, type_)}")
    return f"{{{' '.join(parts)}}}"


def own_part(value: Object, type_: str) -> Object:
    """Of an object what belongs to a struct that is embedded in it."""
    known = wire_names(structs()[type_.removeprefix("v1.")])
    return {name: part for name, part in value.items() if name in known}


def _scalar(value: Any, type_: str) -> str:
    if isinstance(value, dict | list):
        raise UnknownFieldError(type_)
    if type_ == "bool":
        return "true" if value else "false"
    if type_ in ("int32", "int64"):
        return str(value or 0)
    return str(value or "")


def quantity(value: Any) -> str:
    """A resource.Quantity that was read from its canonical text: digits, moved by a power of ten."""
    if value is None:
        return _quantity(0, 0, "", "")
    text = canonical(value)
    if text == "0":
        return _quantity(0, 0, text, "")
    match = QUANTITY.fullmatch(text)
    if match is None:
        raise UnknownFieldError(text)
    digits, suffix = match[1], match[2]
    binary = BINARY.get(suffix)
    digits_max = DIGITS_MAX if binary is None else 14 - binary * 3 // 10
    if len(digits) > digits_max:  # Then it is kept as a big number, whose inside depends on the machine.
        raise UnknownFieldError(text)
    if binary is None:
        return _quantity(int(digits), DECIMAL[suffix], text, "DecimalSI")
    return _quantity(int(digits) << binary, 0, text, "BinarySI")


def _quantity(value: int, scale: int, text: str, format_: str) -> str:
    amount = f"(resource.int64Amount){{value:(int64){value} scale:(resource.Scale){scale}}}"
    exact = "(resource.infDecAmount){Dec:(*inf.Dec)<nil>}"
    return f"{{i:{amount} d:{exact} s:(string){text} Format:(resource.Format){format_}}}"


def int_or_string(value: int | str | None) -> str:
    """An intstr.IntOrString: type 0 is a number, 1 a string."""
    is_text = isinstance(value, str)
    number, text = (0, value) if is_text else (value or 0, "")
    return f"{{Type:(intstr.Type){int(is_text)} IntVal:(int32){number} StrVal:(string){text}}}"


@cache
def structs() -> dict[str, tuple[Field, ...]]:
    """The table, by the name of the struct."""
    rows = (line.split() for line in STRUCTS.strip().splitlines())
    return {name: tuple(map(field, fields)) for name, *fields in rows}


def field(text: str) -> Field:
    """One field of the table."""
    match = FIELD.fullmatch(text)
    if match is None:
        return Field(text, "metadata" if text == "ObjectMeta" else "", f"v1.{text}")
    return Field(match[1], wire_name(match[1]), match[2])


@cache
def wire_names(fields: tuple[Field, ...]) -> frozenset[str]:
    """All names that an object of this struct may have in JSON."""
    names: set[str] = set()
    for _, name, type_ in fields:
        names |= {name} if name else wire_names(structs()[type_.removeprefix("v1.")])
    return frozenset(names)
