"""The rows of the groups below the workloads: coordination, discovery, events, networking, node, storage, devices.

Upstream: pkg/registry/{coordination,discovery,events,networking,node,storage,resource}.
"""

from __future__ import annotations

from kubesim.api.resource_rows.row import Resource

LEASES = Resource(
    "coordination.k8s.io", "v1", "Lease", "leases", True, (), (), (), (), ("metadata.name",), has_generation=False
)
ENDPOINT_SLICES = Resource("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices")
EVENTS_V1 = Resource(
    "events.k8s.io", "v1", "Event", "events", True, ("ev",), (), (),
    ("regarding.kind", "regarding.namespace", "regarding.name", "regarding.uid", "regarding.apiVersion",
     "regarding.resourceVersion", "regarding.fieldPath", "reason", "reportingController", "type"),
    has_generation=False, stored_as="v1",
)  # fmt: skip

_NETWORKING = ("networking.k8s.io", "v1")
INGRESSES = Resource(*_NETWORKING, "Ingress", "ingresses", True, ("ing",), (), ("status",))
INGRESS_CLASSES = Resource(*_NETWORKING, "IngressClass", "ingressclasses", False)
NETWORK_POLICIES = Resource(*_NETWORKING, "NetworkPolicy", "networkpolicies", True, ("netpol",))
IP_ADDRESSES = Resource(*_NETWORKING, "IPAddress", "ipaddresses", False, ("ip",), has_generation=False)
SERVICE_CIDRS = Resource(*_NETWORKING, "ServiceCIDR", "servicecidrs", False, (), (), ("status",), has_generation=False)

RUNTIME_CLASSES = Resource("node.k8s.io", "v1", "RuntimeClass", "runtimeclasses", False, has_generation=False)

_STORAGE = ("storage.k8s.io", "v1")
STORAGE_CLASSES = Resource(*_STORAGE, "StorageClass", "storageclasses", False, ("sc",), has_generation=False)
VOLUME_ATTACHMENTS = Resource(
    *_STORAGE, "VolumeAttachment", "volumeattachments", False, (), (), ("status",), has_generation=False
)
VOLUME_ATTRIBUTES_CLASSES = Resource(
    *_STORAGE, "VolumeAttributesClass", "volumeattributesclasses", False, ("vac",), has_generation=False
)
CSI_DRIVERS = Resource(*_STORAGE, "CSIDriver", "csidrivers", False, has_generation=False)
CSI_NODES = Resource(*_STORAGE, "CSINode", "csinodes", False, has_generation=False)
CSI_STORAGE_CAPACITIES = Resource(*_STORAGE, "CSIStorageCapacity", "csistoragecapacities", has_generation=False)

_DEVICES = ("resource.k8s.io", "v1")
DEVICE_CLASSES = Resource(*_DEVICES, "DeviceClass", "deviceclasses", False)
RESOURCE_CLAIMS = Resource(
    *_DEVICES, "ResourceClaim", "resourceclaims", True, (), (), ("status",), has_generation=False
)
RESOURCE_CLAIM_TEMPLATES = Resource(*_DEVICES, "ResourceClaimTemplate", "resourceclaimtemplates", has_generation=False)
RESOURCE_SLICES = Resource(
    *_DEVICES, "ResourceSlice", "resourceslices", False, (), (), (), ("spec.nodeName", "spec.driver")
)

ROWS: tuple[Resource, ...] = (
    LEASES, ENDPOINT_SLICES, EVENTS_V1, INGRESS_CLASSES, INGRESSES, IP_ADDRESSES, NETWORK_POLICIES, SERVICE_CIDRS,
    RUNTIME_CLASSES, CSI_DRIVERS, CSI_NODES, CSI_STORAGE_CAPACITIES, STORAGE_CLASSES, VOLUME_ATTACHMENTS,
    VOLUME_ATTRIBUTES_CLASSES, DEVICE_CLASSES, RESOURCE_CLAIMS, RESOURCE_CLAIM_TEMPLATES, RESOURCE_SLICES,
)  # fmt: skip
