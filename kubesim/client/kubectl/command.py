"""Reading a kubectl command line: words, flags, and the resources that they name."""

from __future__ import annotations

import difflib
import shlex

import msgspec

from kubesim.api.resources import RESOURCES, Resource

SHORT_FLAGS = {
    "-n": "namespace",
    "-l": "selector",
    "-f": "filename",
    "-p": "patch",
    "-c": "container",
    "-A": "all-namespaces",
}
SWITCHES = {"force", "all", "all-namespaces", "overwrite", "now", "ignore-not-found", "command", "ignore-daemonsets"}
VALUES = {
    "namespace", "selector", "filename", "patch", "type", "image", "replicas", "grace-period", "cascade", "port",
    "field-selector", "subresource", "container", "to-revision", "labels", "restart",
    "wait", "validate", "timeout", "env", "from-literal", "requests", "limits",
}  # fmt: skip


class KubectlError(Exception):
    """The command is not one that kubesim understands, or it names what does not exist."""


class RefusedError(KubectlError):
    """The apiserver refused an object of a manifest; the message says which file and line."""


class Command(msgspec.Struct, frozen=True):
    """`words` are what is no flag; `rest` is what follows `--`. A flag may be given more than once."""

    words: tuple[str, ...]
    flags: dict[str, tuple[str, ...]]
    rest: tuple[str, ...] = ()

    def flag(self, name: str, default: str = "") -> str:
        """The last value given for a flag."""
        return self.flags.get(name, (default,))[-1]

    def switch(self, name: str) -> bool:
        """Whether a yes-or-no flag is on."""
        return self.flag(name, "false") in ("", "true")

    def number(self, name: str) -> int | None:
        """A flag's value as a whole number; None if it was not given."""
        text = self.flag(name)
        if not text:
            return None
        try:
            return int(text)
        except ValueError:
            raise KubectlError(f'--{name} takes a whole number, not "{text}"') from None


def parse_command(line: str) -> Command:
    """Splits a command line as a shell would; a leading `kubectl` is optional."""
    try:
        parts = shlex.split(line)
    except ValueError as error:
        raise KubectlError(f"the command does not parse as shell words ({error}): {line}") from None
    if parts[:1] == ["kubectl"]:
        parts = parts[1:]
    rest: tuple[str, ...] = ()
    if "--" in parts:
        at = parts.index("--")
        parts, rest = parts[:at], tuple(parts[at + 1 :])
    words: list[str] = []
    flags: dict[str, tuple[str, ...]] = {}
    queue = iter(parts)
    for part in queue:
        if not part.startswith("-") or part == "-":
            words.append(part)
            continue
        name, given, value = part.partition("=")
        name = SHORT_FLAGS.get(name, name.removeprefix("--"))
        if name not in SWITCHES | VALUES:
            raise KubectlError(unknown(f"flag --{name}", name, sorted(SWITCHES | VALUES)))
        if not given and name in VALUES:
            value = next(queue, "")
            if not value:
                raise KubectlError(f"flag needs an argument: --{name}")
        flags[name] = (*flags.get(name, ()), value or ("" if name in VALUES else "true"))
    if not words:
        raise KubectlError("the command is empty; for instance: kubectl scale deployment/web --replicas=3")
    return Command(tuple(words), flags, rest)


def resource_named(name: str) -> Resource:
    """The kind behind `deploy`, `deployment`, `Deployments` or `deployments.apps`."""
    wanted = name.lower()
    for row in RESOURCES:
        if wanted in (row.plural, row.singular, row.qualified, *row.short_names):
            return row
    known = [word for row in RESOURCES for word in (row.plural, row.singular)]
    raise KubectlError(unknown(f'resource type "{name}"', wanted, known))


def targets(words: tuple[str, ...]) -> list[tuple[Resource, str]]:
    """What `deployment/web`, `pod a b` or `deploy,rs` name; a name of "" stands for the whole kind."""
    found: list[tuple[Resource, str]] = []
    if not words:
        raise KubectlError("a resource is missing; for instance: deployment/web")
    if "/" in words[0]:
        for word in words:
            kind, _, name = word.partition("/")
            found.append((resource_named(kind), name))
        return found
    for kind in words[0].split(","):
        found.extend((resource_named(kind), name) for name in words[1:] or ("",))
    return found


def unknown(what: str, word: str, known: list[str]) -> str:
    """A sentence for something unknown, with the nearest known word."""
    near = difflib.get_close_matches(word, known, n=1)
    return f"unknown {what}" + (f'; did you mean "{near[0]}"?' if near else "")
