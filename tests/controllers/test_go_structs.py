"""Templates as Go prints them, and the hashes that a real control plane made of them."""

from __future__ import annotations

from typing import Any

import pytest

from kubesim.api.schema.definitions import read_definitions
from kubesim.controllers.deployment_revision import template_hash
from kubesim.controllers.go_structs import UnknownFieldError, dump, structs, wire_names


def template(image: str = "nginx", pull: str = "Always", **spec: Any) -> dict[str, Any]:
    """As the API server defaults it."""
    resources = spec.pop("resources", {})
    container = {
        "name": spec.pop("name", "c"),
        "image": image,
        "resources": resources,
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": pull,
    }
    return {
        "metadata": {"labels": {"app": spec.pop("app", "web")}},
        "spec": {
            "containers": [container],
            "restartPolicy": "Always",
            "terminationGracePeriodSeconds": 30,
            "dnsPolicy": "ClusterFirst",
            "securityContext": {},
            "schedulerName": "default-scheduler",
            **spec,
        },
    }


SELECTOR = {"matchLabels": {"app": "web"}}
APART = {
    "podAntiAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": [
            {"labelSelector": SELECTOR, "topologyKey": "kubernetes.io/hostname"}
        ]
    }
}
SPREAD = {
    "maxSkew": 1,
    "topologyKey": "topology.kubernetes.io/zone",
    "whenUnsatisfiable": "DoNotSchedule",
    "labelSelector": SELECTOR,
}


@pytest.mark.parametrize(
    ("given", "hash_"),
    [
        (template(), "64586f5df"),
        (template(name="nginx"), "7887448d46"),
        (template("nginx:1", "IfNotPresent"), "7866ccff64"),
        (template("nginx:2", "IfNotPresent"), "57dbd5bc75"),
        (template(name="nginx", resources={"requests": {"cpu": "10m"}}), "87f9d5999"),
        (template("nginx:1", "IfNotPresent", resources={"requests": {"cpu": "5"}}), "9c6f97c8"),
        (
            template(app="low", resources={"requests": {"cpu": "450m"}}, priorityClassName="tl-low"),
            "595f854ff7",
        ),
        (template(affinity=APART), "644dd87789"),
        (template(readinessGates=[{"conditionType": "example.com/gate"}]), "6c57df4bb4"),
        (template(topologySpreadConstraints=[SPREAD]), "64cdfd495"),
    ],
)
def test_a_template_has_the_hash_that_a_real_control_plane_gave_it(given: dict[str, Any], hash_: str) -> None:
    """Teaches: pod-template-hash is no secret; the same template has the same hash on every v1.36 cluster."""
    assert template_hash(given, None) == hash_


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        ("100m", "{i:(resource.int64Amount){value:(int64)100 scale:(resource.Scale)-3} d:(resource.infDecAmount)"
         "{Dec:(*inf.Dec)<nil>} s:(string)100m Format:(resource.Format)DecimalSI}"),
        ("1024Mi", "{i:(resource.int64Amount){value:(int64)1073741824 scale:(resource.Scale)0} d:"
         "(resource.infDecAmount){Dec:(*inf.Dec)<nil>} s:(string)1Gi Format:(resource.Format)BinarySI}"),
        ("0", "{i:(resource.int64Amount){value:(int64)0 scale:(resource.Scale)0} d:(resource.infDecAmount)"
         "{Dec:(*inf.Dec)<nil>} s:(string)0 Format:(resource.Format)}"),
    ],
)  # fmt: skip
def test_a_quantity_is_digits_and_a_scale(value: str, printed: str) -> None:
    """Teaches: what a Quantity is made of in Go."""
    assert dump(value, "resource.Quantity") == f"(resource.Quantity){printed}"


def test_embedded_structs_and_ports_are_shown_as_go_has_them() -> None:
    """Teaches: an embedded struct has its name; an int-or-string has a type, a number and a text."""
    probe = {"httpGet": {"path": "/", "port": "web"}, "periodSeconds": 5}
    printed = dump(probe, "*v1.Probe")
    assert printed.startswith("(*v1.Probe){ProbeHandler:(v1.ProbeHandler){Exec:(*v1.ExecAction)<nil> HTTPGet:")
    assert "Port:(intstr.IntOrString){Type:(intstr.Type)1 IntVal:(int32)0 StrVal:(string)web}" in printed
    assert "PeriodSeconds:(int32)5" in printed


def test_what_the_table_does_not_know_still_has_a_hash() -> None:
    """Teaches: a vendor's volume must not stop a rollout."""
    volume = {"name": "v", "rbd": {"monitors": ["a"], "image": "i"}}
    with pytest.raises(UnknownFieldError):
        dump(template(volumes=[volume]), "v1.PodTemplateSpec")
    assert template_hash(template(volumes=[volume]), None) != template_hash(template(), None)


def test_the_table_has_every_field_of_the_schema() -> None:
    """Teaches: a field that the table lacks would give another hash; the published schema names them all."""
    definitions = read_definitions()
    for name, fields in structs().items():
        for group in ("core", "meta"):
            prefix = "io.k8s.api.core.v1" if group == "core" else "io.k8s.apimachinery.pkg.apis.meta.v1"
            definition = definitions.get(f"{prefix}.{name}")
            if definition is not None:
                assert wire_names(fields) == set(definition["properties"]), name
