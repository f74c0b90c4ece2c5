from __future__ import annotations

from kubesim.api.meta import controller_of, field, owner_reference, with_fields

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web", "namespace": "a", "uid": "1", "resourceVersion": "7"},
    "spec": {"nodeName": "n1", "containers": []},
}


def test_a_copy_shares_what_did_not_change():
    """Teaches: copy on write; nobody ever changes an object that came out of a store."""
    copy = with_fields(POD, {"phase": "Running"}, "status")
    assert copy["status"] == {"phase": "Running"}
    assert "status" not in POD
    assert copy["spec"] is POD["spec"]
    renamed = with_fields(POD, {"nodeName": None, "priority": 1}, "spec")
    assert renamed["spec"] == {"containers": [], "priority": 1}
    assert renamed["spec"]["containers"] is POD["spec"]["containers"]
    assert with_fields(POD, {"kind": None})["metadata"] is POD["metadata"]


def test_a_field_is_read_by_its_path():
    """Teaches: a missing step is no error."""
    assert field(POD, "spec.nodeName") == "n1"
    assert field(POD, "status.phase") is None
    assert field(POD, "spec.nodeName.x") is None


def test_an_object_has_one_controlling_owner():
    """Teaches: owners may be many, the controller is one."""
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "rs", "uid": "9"}}
    reference = owner_reference(owner)
    owned = with_fields(POD, {"ownerReferences": [{"uid": "8"}, reference]}, "metadata")
    assert controller_of(owned) is reference
    assert controller_of(POD) is None
    assert (reference["controller"], reference["blockOwnerDeletion"]) == (True, True)
