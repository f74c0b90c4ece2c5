"""Which types fit where: parameters of generic functions are filled in as arguments are seen.

Upstream: cel-go checker/types.go (isAssignable, substitute).
"""

from __future__ import annotations

from collections.abc import Sequence

from kubesim.apiserver.cel.functions import Overload
from kubesim.apiserver.cel.types import ANY, DYN, NULL, Type

_NOT_NULL = ("bool", "int", "uint", "double", "string", "bytes", "list", "map", "type")


class Unifier:
    """What is known of type variables so far."""

    def __init__(self) -> None:
        self._known: dict[str, Type] = {}
        self._count = 0

    def fresh(self) -> Type:
        """A type of which nothing is known yet."""
        self._count += 1
        return Type(f"?{self._count}")

    def resolve(self, type_: Type, *, final: bool = False) -> Type:
        """The type with what is known filled in; at the end, what is unknown is dyn."""
        if type_.name.startswith("?"):
            known = self._known.get(type_.name)
            if known is not None:
                return self.resolve(known, final=final)
            return DYN if final else type_
        if not type_.params:
            return type_
        return Type(type_.name, tuple(self.resolve(param, final=final) for param in type_.params), type_.fields)

    def fits(self, wanted: Type, given: Type) -> bool:
        """Whether a value of the given type may stand where the other is wanted; learns from it if so."""
        before = dict(self._known)
        if self._fits(wanted, given):
            return True
        self._known = before
        return False

    def match(self, overload: Overload, arguments: Sequence[Type]) -> Type | None:
        """The result's type if the overload takes these arguments."""
        if len(arguments) != len(overload.params):
            return None
        names: dict[str, Type] = {}
        before = dict(self._known)
        for param, argument in zip(overload.params, arguments, strict=True):
            if not self._fits(self._instance(param, names), argument):
                self._known = before
                return None
        return self._instance(overload.result, names)

    def _instance(self, type_: Type, names: dict[str, Type]) -> Type:
        if type_.is_variable:
            if type_.name not in names:
                names[type_.name] = self.fresh()
            return names[type_.name]
        if not type_.params:
            return type_
        return Type(type_.name, tuple(self._instance(param, names) for param in type_.params))

    def _fits(self, wanted: Type, given: Type) -> bool:
        wanted, given = self.resolve(wanted), self.resolve(given)
        if wanted == given or wanted in ANY:
            return True
        if wanted.name.startswith("?"):
            self._known[wanted.name] = given
            return True
        if given.name.startswith("?"):
            self._known[given.name] = wanted
            return True
        if given in ANY:
            return True
        if NULL in (wanted, given):
            other = given if wanted == NULL else wanted
            return other.name not in _NOT_NULL
        return wanted.name == given.name == "type" or (
            wanted.name == given.name
            and len(wanted.params) == len(given.params)
            and all(map(self._fits, wanted.params, given.params))
        )
