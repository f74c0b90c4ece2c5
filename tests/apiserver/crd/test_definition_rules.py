"""What a CustomResourceDefinition is refused for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kubesim.api.defaults.others import custom_resource_definition
from kubesim.api.stored import Object
from kubesim.apiserver.crd.definition_rules import validate_definition, validate_definition_update
from kubesim.apiserver.crd.definition_strategy import _remember_storage

SCHEMA = "spec.validation.openAPIV3Schema"


def complete(obj: Object) -> Object:
    """As it is when it is validated."""
    obj = dict(custom_resource_definition(obj))
    obj["status"] = {}
    _remember_storage(obj)
    return obj


def version(obj: Object) -> Object:
    """Its one version."""
    found: Object = obj["spec"]["versions"][0]
    return found


def spec_schema(obj: Object) -> Object:
    """The schema of its spec."""
    found: Object = version(obj)["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return found


CASES: list[tuple[Callable[[Object], Any], str]] = [
    (lambda obj: obj["metadata"].update(name="x.example.com"),
     'metadata.name: Invalid value: "x.example.com": must be spec.names.plural+"."+spec.group'),
    (lambda obj: obj["spec"].update(scope="Galaxy"),
     'spec.scope: Unsupported value: "Galaxy": supported values: "Cluster", "Namespaced"'),
    (lambda obj: version(obj).pop("schema"), "spec.versions[0].schema.openAPIV3Schema: Required value"),
    (lambda obj: version(obj).update(deprecationWarning="x"),
     'spec.versions[0].deprecationWarning: Invalid value: "x": can only be set for deprecated versions'),
    (lambda obj: version(obj)["subresources"]["scale"].update(specReplicasPath=".status.x"),
     'spec.subresources.scale.specReplicasPath: Invalid value: ".status.x": should be a json path under .spec'),
    (lambda obj: version(obj).update(additionalPrinterColumns=[{"name": "A", "type": "text", "jsonPath": ".a"}]),
     'spec.additionalPrinterColumns[0].type: Invalid value: "text": must be one of boolean,date,integer,number,string'),
    (lambda obj: version(obj).update(selectableFields=[{"jsonPath": ".spec"}]),
     'spec.selectableFields[0].jsonPath: Invalid value: ".spec": must point to a field of type string, boolean or '
     "integer. Enum string fields and strings with formats are allowed."),
    (lambda obj: spec_schema(obj).pop("type"),
     f"{SCHEMA}.properties[spec].type: Required value: must not be empty for specified object fields"),
    (lambda obj: spec_schema(obj)["properties"].update(list={"type": "array"}),
     f"{SCHEMA}.properties[spec].properties[list].items: Required value: must be specified"),
    (lambda obj: spec_schema(obj).update(anyOf=[{"properties": {"x": {"minimum": 1}}}]),
     f"{SCHEMA}.properties[spec].properties[x]: Required value: because it is defined in "
     f"{SCHEMA}.properties[spec].anyOf[0].properties[x]"),
    (lambda obj: spec_schema(obj).update(anyOf=[{"type": "object"}]),
     f"{SCHEMA}.properties[spec].anyOf[0].type: Forbidden: must be empty to be structural"),
    (lambda obj: spec_schema(obj)["properties"]["size"].update(default="x"),
     f'{SCHEMA}.properties[spec].properties[size].default: Invalid value: "string":  in body must be of type integer: '
     '"string"'),
    (lambda obj: spec_schema(obj)["properties"].update(l={
        "type": "array", "x-kubernetes-list-type": "map", "items": {"type": "object"}}),
     f"{SCHEMA}.properties[spec].properties[l].x-kubernetes-list-map-keys: Required value: must not be empty if "
     "x-kubernetes-list-type is map"),
    (lambda obj: spec_schema(obj).update(uniqueItems=True),
     f"{SCHEMA}.properties[spec].uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime "
     "complexity becomes quadratic"),
    (lambda obj: spec_schema(obj).update({"x-kubernetes-validations": [{"rule": " "}]}),
     f"{SCHEMA}.properties[spec].x-kubernetes-validations[0].rule: Required value: rule is not specified"),
    (lambda obj: obj["spec"].update(conversion={"strategy": "Webhook"}),
     "spec.conversion.webhookClientConfig: Required value: required when strategy is set to Webhook"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "complaint"), CASES)
def test_a_definition_is_refused_in_the_words_of_the_real_server(
    change: Callable[[Object], Any], complaint: str, definitions: Any
) -> None:
    """Teaches: what all versions share is complained about at the top, as the server's internal form has it."""
    obj = definitions.make(spec={"type": "object", "properties": {"size": {"type": "integer"}}})
    change(obj)
    assert complaint in [str(problem) for problem in validate_definition(complete(obj))]


def test_a_good_definition_is_accepted(definitions: Any) -> None:
    """Teaches: singular, list kind and conversion need not be said."""
    assert validate_definition(complete(definitions.make())) == []


def test_exactly_one_version_is_stored(definitions: Any) -> None:
    """Teaches: the complaint shows the versions as the server's Go type prints them."""
    obj = definitions.make(storage=False)
    first, second = map(str, validate_definition(complete(obj)))
    assert first == (
        'spec.versions: Invalid value: [{"Name":"v1","Served":true,"Storage":false,"Deprecated":false,'
        '"DeprecationWarning":null,"Schema":null,"Subresources":null,"AdditionalPrinterColumns":null,'
        '"SelectableFields":null}]: must have exactly one version marked as storage version'
    )
    assert second == "status.storedVersions: Invalid value: null: must have at least one stored version"


def test_names_and_scope_stay_once_they_are_established(definitions: Any) -> None:
    """Teaches: where objects lie in etcd depends on them."""
    old = complete(definitions.make())
    new = complete(definitions.make())
    new["spec"] = {**new["spec"], "scope": "Cluster"}
    problems = validate_definition_update(new, old, established=True)
    assert [str(problem) for problem in problems] == ['spec.scope: Invalid value: "Cluster": field is immutable']


def test_groups_of_the_community_need_an_approval(definitions: Any) -> None:
    """Teaches: nobody may pretend to be Kubernetes."""
    obj = definitions.make()
    obj["spec"]["group"] = "x.k8s.io"
    obj["metadata"]["name"] = "vases.x.k8s.io"
    (problem,) = validate_definition(complete(obj))
    assert str(problem).startswith("metadata.annotations[api-approved.kubernetes.io]: Required value: protected groups")
    obj["metadata"]["annotations"] = {"api-approved.kubernetes.io": "unapproved, an experiment"}
    assert validate_definition(complete(obj)) == []
