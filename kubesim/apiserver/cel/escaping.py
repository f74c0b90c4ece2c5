"""Names of properties that are no identifiers of CEL are written escaped: `self.x__dash__y`, `self.__namespace__`.

Upstream: k8s.io/apiserver/pkg/cel/escaping.go.
"""

from __future__ import annotations

import re

RESERVED = frozenset(
    ("true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if", "import",
     "let", "loop", "package", "namespace", "return", "var", "void", "while")
)  # fmt: skip
_SIGNS = {"__": "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__"}
_PLAIN = {escaped: sign for sign, escaped in _SIGNS.items()}
_SPECIAL = re.compile(r"__|[.\-/]")
_ESCAPED = re.compile("|".join(_PLAIN))
_ALLOWED = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*\Z")


def escape(name: str) -> str | None:
    """How expressions name the property; None: they cannot."""
    if name in RESERVED:
        return f"__{name}__"
    if not _ALLOWED.match(name):
        return None
    return _SPECIAL.sub(lambda found: _SIGNS[found.group()], name)


def unescape(name: str) -> str:
    """The property that an identifier means."""
    if "__" not in name:
        return name
    if name.startswith("__") and name.endswith("__") and name[2:-2] in RESERVED:
        return name[2:-2]
    return _ESCAPED.sub(lambda found: _PLAIN[found.group()], name)
