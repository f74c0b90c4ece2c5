"""The rules of custom objects: one strategy for each version of each custom resource.

Upstream: pkg/registry/customresource in k8s.io/apiextensions-apiserver.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from kubesim.api.errors import FieldError
from kubesim.api.stored import Object
from kubesim.apiserver.crd.list_types import validate_embedded, validate_lists
from kubesim.apiserver.crd.rule_rules import has_rules
from kubesim.apiserver.crd.values import ABSENT, BLOCKING, validate
from kubesim.apiserver.crd.version import CustomVersion
from kubesim.apiserver.registry.strategy import Strategy, keep
from kubesim.apiserver.validation.field import invalid

if TYPE_CHECKING:
    from kubesim.apiserver.crd.rules import Rules

INT32_MAX = 2**31 - 1
NOT_CHECKED = (
    "some validation rules were not checked because the object was invalid; "
    "correct the existing errors to complete validation"
)
SERVER_FIELDS = ("metadata", "apiVersion", "kind")


class CustomStrategy(Strategy):
    """One version of a custom resource."""

    def __init__(self, version: CustomVersion) -> None:
        super().__init__(version.resource)
        self.version = version

    @cached_property
    def _rules(self) -> Rules | None:
        if not has_rules(self.version.schema):
            return None
        from kubesim.apiserver.crd.rules import compiled_rules  # CEL is loaded by those who use it.

        return compiled_rules(self.version.schema)

    def prepare_for_create(self, obj: Object) -> None:
        """The first generation; a status that defaults have made goes again."""
        if self.has_status:
            obj.pop("status", None)
        obj["metadata"]["generation"] = 1

    def is_new_generation(self, obj: Object, old: Object) -> bool:
        """Any change but of metadata (and, where it is written apart, of the status, which has been taken back)."""
        names = [name for name in (*obj, *old) if name not in SERVER_FIELDS]
        return any(obj.get(name) != old.get(name) for name in names)

    def prepare_for_status_update(self, obj: Object, old: Object) -> None:
        """Only the status counts, not even labels."""
        for name in (*obj, *old):
            if name not in ("status", "metadata"):
                keep(obj, old, name)
        managed = obj["metadata"].get("managedFields")
        obj["metadata"].clear()
        obj["metadata"].update(old["metadata"])
        if managed is not None:
            obj["metadata"]["managedFields"] = managed

    def validate(self, obj: Object) -> list[FieldError]:
        """What is wrong with a new object."""
        return self._validate(obj, ABSENT)

    def validate_update(self, obj: Object, old: Object) -> list[FieldError]:
        """What is wrong with a change: what it leaves as it was is tolerated."""
        return self._validate(obj, old)

    def validate_status_update(self, obj: Object, old: Object) -> list[FieldError]:
        """The same: a status is held against the whole schema."""
        return self._validate(obj, old)

    def _validate(self, obj: Object, old: Any) -> list[FieldError]:
        if obj["kind"] != self.resource.kind:
            return [invalid("kind", obj["kind"], f"must be {self.resource.kind}")]
        schema = self.version.schema
        problems = validate(obj, schema, "", old) + self._scale_problems(obj)
        problems += validate_embedded(obj, schema)
        if old is ABSENT or obj != old:
            problems += validate_lists(obj, schema)
        if self._rules is not None:
            if any(problem.reason in BLOCKING for problem in problems):
                return [*problems, invalid("<nil>", None, NOT_CHECKED)]
            problems += self._rules.validate(obj, None if old is ABSENT else old)
        return problems

    def _scale_problems(self, obj: Object) -> list[FieldError]:
        scale = self.version.scale
        if not scale:
            return []
        problems = []
        for name in ("specReplicasPath", "statusReplicasPath"):
            path = scale[name]
            number = value_at(obj, path)
            if type(number) is not int:
                continue
            field = path.removeprefix(".").partition(".")[0]
            if number < 0:
                problems.append(invalid(path, obj[field], "should be a non-negative integer"))
            elif number > INT32_MAX:
                problems.append(invalid(path, obj[field], f"should be less than or equal to {INT32_MAX}"))
        return problems


def value_at(obj: Object, path: str) -> Any:
    """What lies at a simple path such as `.spec.replicas`; None if nothing does."""
    value: Any = obj
    for name in path.removeprefix(".").split("."):
        value = value.get(name) if type(value) is dict else None
    return value
