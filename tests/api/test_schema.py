from __future__ import annotations

from typing import Any

import pytest

from kubesim.api.errors import BadRequestError
from kubesim.api.quantity import FORMAT_WRONG
from kubesim.api.resources import CONFIG_MAPS, DEPLOYMENTS, PODS, SERVED
from kubesim.api.schema import IGNORE, STRICT, WARN, DecodeError, Schema, is_fine


def deployment(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": spec}


def pod(container: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    containers = [{"name": "c", **container}] if container is not None else []
    spec = {"containers": containers, **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec}


def decode(schema: Schema, obj: dict[str, Any], mode: str = STRICT):
    return schema.decode(obj["apiVersion"], obj["kind"], obj, mode)


def test_what_the_real_server_sent_is_in_canonical_form(schema, served):
    """Teaches: decoding a stored object changes nothing, so the common path copies nothing."""
    for obj in served:
        decoded = decode(schema, obj)
        assert decoded.object is obj
        assert decoded.warnings == ()


def test_every_row_of_the_table_of_kinds_has_a_schema(schema):
    """Teaches: the two sources of what a kind is fit together."""
    assert [row.kind for row in SERVED if schema.node(row) is None] == []


@pytest.mark.parametrize(
    ("obj", "message"),
    [
        (deployment(replicas="3"), "string into Go struct field DeploymentSpec.spec.replicas of type int32"),
        (deployment(replicas=1.5), "number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32"),
        (deployment(replicas=2**31),
         "number 2147483648 into Go struct field DeploymentSpec.spec.replicas of type int32"),
        (deployment(paused="yes"), "string into Go struct field DeploymentSpec.spec.paused of type bool"),
        (deployment(template=[]), "array into Go struct field DeploymentSpec.spec.template of type v1.PodTemplateSpec"),
        (pod(containers="x"), "string into Go struct field PodSpec.spec.containers of type []v1.Container"),
        (pod({"env": [{"value": 5}]}), "number into Go struct field EnvVar.spec.containers.env.value of type string"),
        (pod({"command": [1]}), "number into Go struct field Container.spec.containers.command of type string"),
        (pod(nodeSelector={"a": True}), "bool into Go struct field PodSpec.spec.nodeSelector of type string"),
        (pod(restartPolicy=1), "number into Go struct field PodSpec.spec.restartPolicy of type v1.RestartPolicy"),
        (pod({"resources": {"limits": "x"}}),
         "string into Go struct field ResourceRequirements.spec.containers.resources.limits of type v1.ResourceList"),
        ({"apiVersion": "v1", "kind": "Pod", "metadata": "x"},
         "string into Go struct field Pod.metadata of type v1.ObjectMeta"),
        (pod({"livenessProbe": {"httpGet": {"port": True}}}), "bool into Go value of type int32"),
    ],
)  # fmt: skip
def test_a_wrong_type_is_reported_as_gos_decoder_does(schema, obj, message):
    """Teaches: the struct is the one that holds the field; the path has neither indexes nor map keys."""
    with pytest.raises(DecodeError) as caught:
        decode(schema, obj)
    assert str(caught.value) == f"json: cannot unmarshal {message}"


def test_the_first_wrong_type_in_a_schema_of_a_custom_resource_is_reported(schema):
    """Teaches: a schema may contain itself, and so does its compiled form."""
    inner = {"type": "object", "properties": {"a": {"minimum": "x"}}}
    versions = [{"name": "v1", "schema": {"openAPIV3Schema": {"properties": {"spec": inner}}}}]
    obj = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "spec": {"versions": versions}}
    path = "JSONSchemaProps.spec.versions.schema.openAPIV3Schema.properties.properties.minimum"
    with pytest.raises(DecodeError, match=f"cannot unmarshal string into Go struct field {path} of type float64"):
        decode(schema, obj)


def test_where_a_schema_may_be_something_else_both_are_fine(schema):
    """Teaches: `items` is a schema or a list of them, `additionalProperties` a schema or a boolean."""
    properties = {
        "items": {"type": "string"},
        "additionalProperties": True,
        "x-kubernetes-preserve-unknown-fields": True,
    }
    versions = [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": properties}}]
    obj = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "spec": {"versions": versions}}
    assert decode(schema, obj).object is obj
    properties["items"] = [{"type": "string"}]
    assert decode(schema, obj).object is obj
    properties["items"] = {"typo": 1}
    with pytest.raises(DecodeError, match=r'unknown field "spec\.versions\[0\]\.schema\.openAPIV3Schema\.items\.typo"'):
        decode(schema, obj)


def test_unknown_fields_are_refused_warned_about_or_ignored(schema):
    """Teaches: the three modes of field validation; kubectl asks for Strict, the default is Warn."""
    obj = deployment(replicas=1, x=1, template={"spec": {"containers": [{"name": "c", "foo": 1}]}})
    paths = ('unknown field "spec.x"', 'unknown field "spec.template.spec.containers[0].foo"')
    with pytest.raises(DecodeError) as caught:
        decode(schema, obj, STRICT)
    assert str(caught.value) == f"strict decoding error: {', '.join(paths)}"
    warned = decode(schema, obj, WARN)
    assert warned.warnings == paths
    assert warned.object["spec"] == {"replicas": 1, "template": {"spec": {"containers": [{"name": "c"}]}}}
    assert decode(schema, obj, IGNORE).warnings == ()
    assert obj["spec"]["x"] == 1, "the sender's object is left alone"


def test_check_words_it_like_the_server(schema):
    """Teaches: how the apiserver answers a body that it cannot decode."""
    obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "dta": {}}
    assert schema.check(CONFIG_MAPS, obj, WARN) == ['unknown field "dta"']
    with pytest.raises(BadRequestError) as caught:
        schema.check(CONFIG_MAPS, obj, STRICT)
    prefix = 'ConfigMap in version "v1" cannot be handled as a ConfigMap: '
    assert caught.value.message == f'{prefix}strict decoding error: unknown field "dta"'
    with pytest.raises(BadRequestError, match='Deployment in version "v1" cannot be handled as a Deployment: json: '):
        schema.check(DEPLOYMENTS, deployment(replicas="3"), IGNORE)


def test_quantities_take_their_canonical_form(schema):
    """Teaches: a manifest's 0.5 cpu is stored as 500m; nonsense is refused."""
    made = decode(schema, pod({"resources": {"requests": {"cpu": 0.5, "memory": "1024Mi"}, "limits": {"cpu": "100u"}}}))
    resources = made.object["spec"]["containers"][0]["resources"]
    assert resources == {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"cpu": "1m"}}
    for wrong in ("abc", True, []):
        with pytest.raises(DecodeError) as caught:
            decode(schema, pod({"resources": {"requests": {"cpu": wrong}}}))
        assert str(caught.value) == FORMAT_WRONG


def test_nulls_and_empty_optional_fields_vanish_but_pointers_stay(schema):
    """Teaches: what a round trip through Go's structs does, `omitempty` and all."""
    obj = deployment(replicas=0, paused=False, minReadySeconds=0, template={"metadata": {"labels": {}}}, strategy=None)
    assert decode(schema, obj).object["spec"] == {"replicas": 0, "template": {"metadata": {}}}
    obj = pod({"stdin": False, "command": [], "env": [{"name": "a", "value": ""}], "ports": None}, hostNetwork=False)
    assert decode(schema, obj).object["spec"] == {"containers": [{"name": "c", "env": [{"name": "a"}]}]}


def test_times_that_go_writes_as_null_stay_null(schema):
    """Teaches: a Pod's conditions always carry `lastProbeTime: null`."""
    condition = {"type": "Ready", "status": "True", "lastProbeTime": None, "lastTransitionTime": "2024-01-13T09:00:00Z"}
    obj = pod() | {"status": {"conditions": [condition]}}
    obj["spec"]["containers"] = [{"name": "c"}]
    assert decode(schema, obj).object is obj
    obj["metadata"] = {"name": "p", "creationTimestamp": None}
    decoded = decode(schema, obj).object
    assert decoded["metadata"] == {"name": "p"}
    assert decoded["status"] is obj["status"], "what is fine is shared"


def test_null_items_become_gos_zero_values(schema):
    """Teaches: a null in a list of strings is an empty string, in a map of quantities a zero."""
    obj = pod({"command": ["a", None], "resources": {"limits": {"cpu": None}}})
    container = decode(schema, obj).object["spec"]["containers"][0]
    assert container == {"name": "c", "command": ["a", ""], "resources": {"limits": {"cpu": "0"}}}


def test_an_earlier_value_vouches_for_the_parts_that_are_shared(schema):
    """Teaches: a change of metadata is checked as that change, at the cost of one field."""
    field = schema.node(PODS).fields["metadata"]
    labels = {"a": 5}
    old = {"name": "p", "labels": labels}
    assert not is_fine(field, old)
    assert is_fine(field, {**old, "uid": "1"}, trusted=old), "labels are shared, so trusted"
    assert not is_fine(field, {**old, "uid": 1}, trusted=old)
    assert not is_fine(field, {**old, "typo": "1"}, trusted=old)
    assert not is_fine(field, {**old, "uid": None}, trusted={})
    assert is_fine(field.fields["name"], "p")
    assert not is_fine(field.fields["name"], ""), "an empty name is not written"


def test_a_kind_that_is_not_built_in_is_left_alone(schema):
    """Teaches: custom resources bring their own schemas."""
    obj = {"apiVersion": "example.com/v1", "kind": "Sofa", "spec": {"any": None}}
    assert decode(schema, obj).object is obj
    assert schema.kind("example.com/v1", "Sofa") is None


def test_pruning_is_decoding_that_does_not_complain(schema):
    """Teaches: what the server drops silently."""
    obj = pod({"bogus": 1})
    assert schema.prune(PODS, obj)["spec"]["containers"] == [{"name": "c"}]


@pytest.mark.parametrize(
    ("path", "merge_key", "strategies", "list_type", "map_keys"),
    [
        ("spec.template.spec.containers", "name", ("merge",), "map", ("name",)),
        ("spec.template.spec.containers.ports", "containerPort", ("merge",), "map", ("containerPort", "protocol")),
        ("spec.template.spec.volumes", "name", ("merge", "retainKeys"), "map", ("name",)),
        ("spec.template.spec.tolerations", "", (), "atomic", ()),
        ("spec.strategy", "", ("retainKeys",), "", ()),
        ("metadata.finalizers", "", ("merge",), "set", ()),
        ("metadata.ownerReferences", "uid", ("merge",), "map", ("uid",)),
    ],
)
def test_the_schema_says_how_lists_merge(schema, path, merge_key, strategies, list_type, map_keys):
    """Teaches: strategic merge patch and server-side apply are driven by one table."""
    node = schema.look_up("apps/v1", "Deployment", path)
    assert (node.merge_key, node.patch_strategies) == (merge_key, strategies)
    assert (node.list_type, node.list_map_keys) == (list_type, map_keys)
    assert node.merges_list == ("merge" in strategies)


def test_looking_up_what_is_not_there_finds_nothing(schema):
    """Teaches: map values are stepped into by any key, objects only by their fields."""
    assert schema.look_up("apps/v1", "Deployment", "spec.nope.deeper") is None
    assert schema.look_up("apps/v1", "Deployment", "metadata.labels.anything").kind == "string"
    assert schema.look_up("apps/v1", "Nope", "spec") is None
    assert repr(schema.look_up("apps/v1", "Deployment", "spec.replicas")) == "<Node int32 int32>"


def test_the_converters_words_differ_from_the_decoders(schema):
    """Teaches: what comes out of a strategic merge patch is converted, not decoded, and complains in other words."""
    cases = {
        "cannot convert int64 to string": {"data": {"a": 1}},
        "cannot restore map from string": {"data": "x"},
        "cannot restore slice from map": {"metadata": {"finalizers": {}}},
        "cannot restore struct from: slice": {"metadata": []},
        "cannot convert map[string]interface {} to bool": {"immutable": {}},
    }
    for words, fields in cases.items():
        with pytest.raises(DecodeError) as caught:
            schema.decode("v1", "ConfigMap", {"apiVersion": "v1", "kind": "ConfigMap", **fields})
        assert caught.value.conversion == words
