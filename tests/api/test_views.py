from __future__ import annotations

import msgspec
import pytest

import kubesim.api.views as views
from kubesim.api.stored import Stored
from kubesim.api.views import Deployment, EndpointSlice, Event, Node, Pod, Service, View, read
from kubesim.api.views.base import wire_name, without_nulls


def view_of(obj):
    return getattr(views, obj["kind"], None)


def test_every_recorded_object_of_a_viewed_kind_converts(recorded):
    """Teaches: what the real server sends, nulls included, is readable through the views."""
    kinds = set()
    for obj in recorded:
        type_ = view_of(obj)
        if type_ is not None:
            assert read(obj, type_).metadata.name == obj["metadata"]["name"]
            kinds.add(obj["kind"])
    assert kinds >= {
        "Pod",
        "Node",
        "Deployment",
        "ReplicaSet",
        "Service",
        "EndpointSlice",
        "Event",
        "Job",
        "StatefulSet",
    }


def test_an_absent_field_reads_as_empty_and_a_pointer_as_none():
    """Teaches: the rule that every view follows, so that readers need no checks."""
    pod = read({"metadata": {"name": "web"}}, Pod)
    assert pod.spec.node_name == ""
    assert pod.spec.containers == ()
    assert pod.spec.node_selector == {}
    assert pod.spec.priority is None
    assert pod.spec.host_network is False
    assert pod.spec.affinity is None
    assert pod.status.phase == ""
    assert pod.metadata.deletion_timestamp == ""
    assert pod.metadata.generation == 0


def test_a_null_reads_like_an_absent_field():
    """Teaches: Go writes zero times and nil lists as null; readers see no difference."""
    obj = {"metadata": {"name": "e", "creationTimestamp": None}, "eventTime": None, "firstTimestamp": None, "count": 2}
    event = read(obj, Event)
    assert (event.event_time, event.first_timestamp, event.metadata.creation_timestamp, event.count) == ("", "", "", 2)
    assert read({"metadata": {"name": "s"}, "endpoints": None, "ports": None}, EndpointSlice).endpoints == ()
    condition = {"type": "Ready", "status": "True", "lastProbeTime": None, "lastTransitionTime": None}
    pod = read({"metadata": {"name": "p"}, "status": {"conditions": [condition]}}, Pod)
    assert pod.status.conditions[0].last_transition_time == ""


def test_zero_is_not_the_same_as_absent_where_go_has_a_pointer():
    """Teaches: replicas 0 means none, no replicas means one."""
    assert read({"spec": {"replicas": 0}}, Deployment).spec.replicas == 0
    assert read({"spec": {}}, Deployment).spec.replicas is None


@pytest.mark.parametrize(
    ("attribute", "name"),
    [
        ("pod_ip", "podIP"), ("pod_ips", "podIPs"), ("host_ip", "hostIP"), ("host_ips", "hostIPs"),
        ("cluster_ip", "clusterIP"), ("cluster_ips", "clusterIPs"), ("external_ips", "externalIPs"),
        ("load_balancer_ip", "loadBalancerIP"), ("provider_id", "providerID"), ("pod_cidr", "podCIDR"),
        ("container_id", "containerID"), ("image_id", "imageID"), ("host_pid", "hostPID"), ("uid", "uid"),
        ("node_name", "nodeName"), ("http_get", "httpGet"), ("qos_class", "qosClass"), ("name", "name"),
    ],
)  # fmt: skip
def test_attributes_are_the_wire_names_in_snake_case(attribute, name):
    """Teaches: acronyms keep their capitals on the wire and lose them in Python."""
    assert wire_name(attribute) == name


def test_every_field_of_every_view_is_a_field_of_the_schema(schema):
    """Teaches: a misspelt view field would read as absent for ever; the schema knows better."""
    for name in views.__all__:
        type_ = getattr(views, name)
        if not (isinstance(type_, type) and issubclass(type_, View)) or type_ is View:
            continue
        group = {"apps": "apps/v1", "batch": "batch/v1", "policy": "policy/v1", "storage": "storage.k8s.io/v1"}
        known = schema.kind("v1", name)
        for api_version in (*group.values(), "autoscaling/v2", "discovery.k8s.io/v1", "coordination.k8s.io/v1"):
            known = known or schema.kind(api_version, name)
        known = known or schema.kind("scheduling.k8s.io/v1", name)
        if known is not None:
            assert_fields_known(type_, known, name)


def assert_fields_known(type_, node, path):
    for field in msgspec.structs.fields(type_):
        child = node.fields.get(field.encode_name)
        assert child is not None, f"{path}.{field.encode_name}"
        for part in (field.type, *getattr(field.type, "__args__", ())):
            if isinstance(part, type) and issubclass(part, View):
                inner = child.item if child.item is not None else child
                assert_fields_known(part, inner, f"{path}.{field.encode_name}")


def test_views_are_frozen_and_hold_tuples():
    """Teaches: a cache hands out one view to everybody, so nobody may change it."""
    pod = read({"metadata": {"name": "web"}, "spec": {"containers": [{"name": "c"}]}}, Pod)
    with pytest.raises(AttributeError):
        pod.metadata.name = "other"
    assert isinstance(pod.spec.containers, tuple)


def test_a_stored_object_makes_each_view_once():
    """Teaches: views are memoised on the revision's handle, not in a global cache."""
    stored = Stored(7, {"metadata": {"name": "n1"}, "spec": {"podCIDR": "10.0.0.0/24"}})
    node = stored.view(Node)
    assert stored.view(Node) is node
    assert node.spec.pod_cidr == "10.0.0.0/24"


def test_numbers_and_strings_mix_where_the_api_lets_them():
    """Teaches: a target port is a number or a name, a quantity a string or a number."""
    spec = {"clusterIP": "10.0.0.1", "ports": [{"port": 80, "targetPort": "http"}, {"port": 81, "targetPort": 8081}]}
    service = read({"spec": spec}, Service)
    assert [port.target_port for port in service.spec.ports] == ["http", 8081]
    assert service.spec.cluster_ip == "10.0.0.1"
    assert read({"status": {"allocatable": {"cpu": 4, "memory": "1Gi"}}}, Node).status.allocatable["cpu"] == 4


def test_dropping_nulls_keeps_list_items_and_leaves_the_original_alone():
    """Teaches: a null field is nothing, a null item is an item."""
    obj = {"a": None, "b": [{"c": None, "d": 1}, None]}
    assert without_nulls(obj) == {"b": [{"d": 1}, None]}
    assert obj["a"] is None
    assert "a" in obj


def test_an_object_of_a_wrong_shape_is_an_error_still():
    """Teaches: only nulls are forgiven."""
    with pytest.raises(msgspec.ValidationError):
        read({"spec": {"replicas": "three"}}, Deployment)
