from __future__ import annotations

import subprocess
import sys

import pytest

from kubesim.api.schema import SchemaFileError, read_definitions
from kubesim.api.schema.definitions import restored

CORE = "io.k8s.api.core.v1."


def test_definitions_are_read_without_importing_the_package_that_holds_them():
    """Teaches: that package would load jsonschema, which costs more than a whole run."""
    code = "import sys, kubesim.api.schema as s; s.Schema.load(); print([m for m in sys.modules if 'jsonschema' in m])"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert printed.stdout.strip() == "[]"


def test_a_parsed_file_is_shared():
    """Teaches: two clusters read one file once; it never changes."""
    assert read_definitions() is read_definitions()


def test_an_unknown_version_says_what_to_install():
    """Teaches: the error names the version and the package."""
    with pytest.raises(SchemaFileError, match=r"no definitions of Kubernetes v1\.99\.0.*kubernetes-validate"):
        read_definitions("v1.99.0")


def test_restored_definitions_have_no_trace_of_the_rewriting(schema):
    """Teaches: optional types lose their null, kinds their enum; references with siblings are wrapped."""
    pod = schema.definition(CORE + "Pod")
    assert pod["type"] == "object"
    assert "enum" not in pod["properties"]["kind"]
    assert pod["properties"]["spec"]["allOf"] == [{"$ref": f"#/components/schemas/{CORE}PodSpec"}]
    assert pod["properties"]["kind"]["type"] == "string"
    containers = schema.definition(CORE + "PodSpec")["properties"]["containers"]
    assert containers["items"] == {"$ref": f"#/components/schemas/{CORE}Container"}
    assert containers["x-kubernetes-patch-merge-key"] == "name"
    port = schema.definition("io.k8s.apimachinery.pkg.util.intstr.IntOrString")
    assert port == {"type": "string", "format": "int-or-string"}
    assert schema.definition(CORE + "Secret")["properties"]["data"]["additionalProperties"]["type"] == "string"


def test_restoring_leaves_the_shared_file_alone():
    """Teaches: what is cached is read-only."""
    definition = read_definitions()[CORE + "Pod"]
    before = repr(definition)
    restored(CORE + "Pod", definition)
    assert repr(definition) == before
