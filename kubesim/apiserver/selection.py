"""Which objects a list or watch asks for: namespace, label selector and field selector, as one function.

Upstream: SelectionPredicate in k8s.io/apiserver/pkg/storage.
"""

from __future__ import annotations

from kubesim.api.errors import BadRequestError
from kubesim.api.field_selectors import FieldSelector, parse_field_selector
from kubesim.api.resources import Resource
from kubesim.api.selectors import Selector, parse_label_selector
from kubesim.api.stored import Object
from kubesim.api.wire import Options
from kubesim.apiserver.validation.names import label_value, qualified_name
from kubesim.apiserver.watcher import Matches

FIELD_NAME = "metadata.name"
FIELD_NAMESPACE = "metadata.namespace"


class Selection:
    """The parsed selectors of one request. `matches` is None when everything in the namespace is asked for."""

    def __init__(self, resource: Resource, namespace: str, options: Options) -> None:
        self.namespace = namespace if resource.namespaced else ""
        self._namespaced = resource.namespaced
        try:
            self.fields = parse_field_selector(options.field_selector)
            labels = parse_label_selector(options.label_selector)
            _check_labels(labels)
        except ValueError as error:
            raise BadRequestError(str(error)) from None
        if complaint := self.fields.unsupported(resource):
            raise BadRequestError(complaint)
        self.matches = _compile(labels, self.fields)
        self.index_key = self._index_key(resource)

    def _index_key(self, resource: Resource) -> tuple[str, str] | None:
        """The indexed field of which only one value is asked for, if there is one."""
        for path in resource.indexed_fields:
            value = self.fields.exact_value(path)
            if value is not None:
                return path, value
        return None

    def only_key(self) -> str | None:
        """The key of the one object that is asked for by its name, as a kubelet asks for its Node."""
        name = self.fields.exact_value(FIELD_NAME)
        if name is None or not self._namespaced:
            return name
        namespace = self.namespace or self.fields.exact_value(FIELD_NAMESPACE)
        return f"{namespace}/{name}" if namespace else None

    def full_match(self) -> Matches | None:
        """As `matches`, but also tells whether the namespace is the right one: for watchers kept by a field."""
        namespace, matches = self.namespace, self.matches
        if not namespace or self.index_key is None:
            return matches

        def match(obj: Object) -> bool:
            return obj["metadata"].get("namespace") == namespace and (matches is None or matches(obj))

        return match


def _check_labels(labels: Selector) -> None:
    """ValueError if a key or value could not be one of a label: the selector would never match."""
    for requirement in labels.requirements:
        where, text, problems = "<nil>", requirement.key, qualified_name(requirement.key)
        for index, value in enumerate(() if problems else requirement.values):
            if problems := label_value(value):
                where, text = f"values[{index}][{requirement.key}]", value
                break
        if problems:
            raise ValueError(f'unable to parse requirement: {where}: Invalid value: "{text}": {"; ".join(problems)}')


def _compile(labels: Selector, fields: FieldSelector) -> Matches | None:
    if labels.empty:
        return None if fields.empty else fields.matches
    if fields.empty:
        return lambda obj: labels.matches(obj["metadata"].get("labels"))
    return lambda obj: fields.matches(obj) and labels.matches(obj["metadata"].get("labels"))
