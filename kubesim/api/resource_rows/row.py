"""One row of the table of kinds."""

from __future__ import annotations

import msgspec

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
CREATE_ONLY = ("create",)


class Resource(msgspec.Struct, frozen=True):
    """One kind under one group and version."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()
    selectable_fields: tuple[str, ...] = ()  # Beyond METADATA_FIELDS.
    indexed_fields: tuple[str, ...] = ()  # Watchers that name one value of such a field cost others nothing.
    has_generation: bool = True  # metadata.generation counts changes of spec.
    verbs: tuple[str, ...] = ALL_VERBS  # Without get, nothing is stored: the kind is a question, and an answer.
    stored_as: str = ""  # The apiVersion whose rows these objects are stored as, where that is another.
    custom: bool = False  # Served because of a CustomResourceDefinition.
    singular_name: str = ""  # Where it is not the kind in lower case.
    list_kind_name: str = ""  # Where it is not the kind with "List" behind it.

    @property
    def api_version(self) -> str:
        """`apps/v1`, or `v1` for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def gvk(self) -> tuple[str, str]:
        """(apiVersion, kind): what `Schema.kind` and strategic merge patches want."""
        return self.api_version, self.kind

    @property
    def qualified(self) -> str:
        """How error messages name it: `deployments.apps`, `pods`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def singular(self) -> str:
        """Nearly always the kind in lower case."""
        return self.singular_name or self.kind.lower()

    @property
    def list_kind(self) -> str:
        """`PodList`."""
        return self.list_kind_name or f"{self.kind}List"
