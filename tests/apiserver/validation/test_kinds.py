"""Tests of what is wrong with Services, Ingresses, policies, autoscalers, volumes, data and Endpoints."""

from __future__ import annotations

from typing import Any

import pytest

from kubesim.api.errors import FieldError
from kubesim.apiserver.validation.addresses import validate_address, validate_range
from kubesim.apiserver.validation.autoscaler import validate_autoscaler
from kubesim.apiserver.validation.config_map import validate_config_map
from kubesim.apiserver.validation.endpoints import validate_endpoints
from kubesim.apiserver.validation.ingress import validate_ingress, validate_ingress_class
from kubesim.apiserver.validation.network_policy import validate_network_policy
from kubesim.apiserver.validation.persistent_volume import validate_persistent_volume
from kubesim.apiserver.validation.scheduling import validate_taints
from kubesim.apiserver.validation.service import service_warnings, validate_service, validate_service_update
from kubesim.apiserver.validation.volume_claim import validate_claim_spec

SERVICE = {"type": "ClusterIP", "sessionAffinity": "None", "ports": [{"port": 80, "protocol": "TCP"}]}
VOLUME = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"]}
TARGET = {"kind": "D", "name": "d", "apiVersion": "apps/v1"}
CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}


def texts(problems: list[FieldError]) -> list[str]:
    return [str(problem) for problem in problems]


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"clusterIP": "bad"}, 'spec.clusterIPs[0]: Invalid value: "bad": must be a valid IP address, (e.g. 10.9.8.7 '
                               "or 2001:db8::ffff)"),
        ({"externalIPs": ["127.0.0.1"], "externalTrafficPolicy": "Cluster"},
         'spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)'),
        ({"ipFamilies": ["IPv5"]},
         'spec.ipFamilies[0]: Unsupported value: "IPv5": supported values: "IPv4", "IPv6"'),
        ({"sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 0}}},
         "spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 0: must be greater than 0 and less than "
         "86400"),
        ({"trafficDistribution": "Far"},
         'spec.trafficDistribution: Unsupported value: "Far": supported values: "PreferClose", "PreferSameZone", '
         '"PreferSameNode"'),
    ],
)  # fmt: skip
def test_a_service_that_cannot_be_is_refused(spec: dict[str, Any], words: str) -> None:
    """Teaches: addresses, families, affinity and traffic of a Service."""
    assert texts(validate_service({**SERVICE, **spec})) == [words]


def test_a_service_keeps_its_address_and_hears_of_oddities() -> None:
    """Teaches: an address may not change once set; external addresses are on their way out."""
    old = {**SERVICE, "clusterIP": "10.96.0.2", "clusterIPs": ["10.96.0.2"]}
    new = {**SERVICE, "clusterIP": "10.96.0.3", "clusterIPs": ["10.96.0.3"]}
    assert texts(validate_service_update(new, old)) == [
        'spec.clusterIPs[0]: Invalid value: ["10.96.0.3"]: may not change once set'
    ]
    assert service_warnings({"metadata": {}, "spec": {**SERVICE, "externalIPs": ["1.2.3.4"]}}) == [
        "spec.externalIPs is deprecated and may no longer be implemented in some clusters"
    ]


def test_addresses_are_unambiguous() -> None:
    """Teaches: some programs read leading zeros as octal, so nobody may write them."""
    assert texts(validate_address("1.2.3.04", "a")) == ['a: Invalid value: "1.2.3.04": must not have leading 0s']
    assert texts(validate_address("::ffff:1.2.3.4", "a"))[0].endswith("must not be an IPv4-mapped IPv6 address")
    assert texts(validate_range("10.0.0.1/8", "a"))[0].endswith("must not have bits set beyond the prefix length")
    assert validate_range("10.0.0.0/8", "a") == validate_address("fe80::1", "a") == []


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (validate_ingress({}), ["spec: Invalid value: null: either `defaultBackend` or `rules` must be specified"]),
        (validate_ingress({"defaultBackend": {"service": {"name": "s"}}}),
         ["spec.defaultBackend: Required value: port name or number is required"]),
        (validate_ingress({"rules": [{"host": "1.2.3.4", "http": {}}]}),
         ['spec.rules[0].host: Invalid value: "1.2.3.4": must be a DNS name, not an IP address',
          "spec.rules[0].http.paths: Required value"]),
        (validate_ingress_class({"controller": "nginx"}),
         ['spec.controller: Invalid value: "nginx": must be a domain-prefixed path (such as "acme.io/foo")']),
        (validate_network_policy({"ingress": [{"from": [{}], "ports": [{"endPort": 5}]}]}),
         ["spec.ingress[0].ports[0].endPort: Invalid value: 5: may not be specified when `port` is not specified",
          "spec.ingress[0].from[0]: Required value: must specify a peer"]),
        (validate_network_policy({"egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["11.0.0.0/8"]}}]}]}),
         ['spec.egress[0].to[0].ipBlock.except[0]: Invalid value: "11.0.0.0/8": must be a strict subset of `cidr`']),
        (validate_autoscaler({"maxReplicas": 1, "scaleTargetRef": TARGET, "metrics": [{"type": "Pods"}]}),
         ["spec.metrics[0].pods: Required value: must populate information for the given metric source"]),
        (validate_persistent_volume({**VOLUME, "local": {"path": "/x"}}),
         ["spec.nodeAffinity: Required value: Local volume requires node affinity"]),
        (validate_claim_spec({**CLAIM, "volumeMode": "Tape"}, "spec"),
         ['spec.volumeMode: Unsupported value: "Tape": supported values: "Block", "Filesystem"']),
        (validate_config_map({"a b": "", "c": ""}, {"c": ""}),
         ['data[a b]: Invalid value: "a b": a valid config key must consist of alphanumeric characters, \'-\', \'_\' '
          "or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
          'data[c]: Invalid value: "c": duplicate of key present in binaryData']),
        (validate_config_map({"a": "x" * 1048577}, {}), ["[]: Too long: may not be more than 1048576 bytes"]),
        (validate_endpoints([{}]), ["subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`"]),
        (validate_taints([{"key": "a", "effect": "Bad"}], "metadata.taints"),
         ['metadata.taints[0].effect: Unsupported value: "Bad": supported values: "NoSchedule", "PreferNoSchedule", '
          '"NoExecute"']),
    ],
)  # fmt: skip
def test_a_mistake_is_named_in_upstreams_words(found: list[FieldError], words: list[str]) -> None:
    """Teaches: what each kind must say, field by field."""
    assert texts(found) == words
