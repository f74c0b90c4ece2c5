from __future__ import annotations

import pytest

from kubesim.api.errors import (
    ERRORS_BY_REASON,
    ApiError,
    FieldError,
    ServerTimeoutError,
    TransportError,
    already_exists,
    conflict,
    forbidden,
    invalid,
    not_found,
)
from kubesim.api.resources import DEPLOYMENTS, PODS


def test_messages_are_upstreams_word_for_word():
    """Teaches: what kubectl prints behind `Error from server`."""
    assert not_found(PODS, "web").message == 'pods "web" not found'
    assert already_exists(DEPLOYMENTS, "web").message == 'deployments.apps "web" already exists'
    assert conflict(PODS, "web").message.startswith('Operation cannot be fulfilled on pods "web": the object has been')
    assert forbidden(PODS, "web", "no").message == 'pods "web" is forbidden: no'
    assert forbidden(PODS, "", "no").message == "pods is forbidden: no"


def test_an_error_becomes_a_status():
    """Teaches: errors cross the wire as objects of kind Status."""
    assert not_found(DEPLOYMENTS, "web").status() == {
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": "NotFound", "code": 404,
        "message": 'deployments.apps "web" not found',
        "details": {"name": "web", "group": "apps", "kind": "deployments"},
    }  # fmt: skip
    assert ApiError("boom").status() == {
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": "boom", "code": 500,
    }  # fmt: skip


def test_an_invalid_object_lists_every_field_that_is_wrong():
    """Teaches: one problem stands alone, several in brackets, doubles once."""
    image = FieldError("FieldValueRequired", "spec.containers[0].image", "Required value")
    name = FieldError("FieldValueInvalid", "metadata.name", 'Invalid value: "X"')
    assert invalid(PODS, "web", [image]).message == 'Pod "web" is invalid: spec.containers[0].image: Required value'
    both = invalid(DEPLOYMENTS, "web", [image, name, image])
    assert both.message == (
        'Deployment.apps "web" is invalid: '
        '[spec.containers[0].image: Required value, metadata.name: Invalid value: "X"]'
    )
    assert both.status()["details"]["causes"][1] == {
        "reason": "FieldValueInvalid", "message": 'Invalid value: "X"', "field": "metadata.name",
    }  # fmt: skip


def test_errors_are_found_by_their_reason_and_say_whether_they_are_definite():
    """Teaches: after a timeout nobody knows whether the write happened."""
    assert ERRORS_BY_REASON["NotFound"].code == 404
    assert ERRORS_BY_REASON["Timeout"] is ServerTimeoutError
    assert not ServerTimeoutError("late").definite
    assert not_found(PODS, "x").definite
    with pytest.raises(TransportError) as caught:
        raise TransportError("connection refused", definite=True)
    assert caught.value.definite
