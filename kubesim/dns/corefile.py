"""The Corefile: which plugins answer, in CoreDNS' own order whatever the file's. Pure.

Known here: kubernetes, hosts, rewrite name, forward, and those that change no answer (errors, health, ready, cache,
loop, reload, loadbalance, log, prometheus). Upstream: github.com/coredns/coredns, plugin.cfg.
"""

from __future__ import annotations

from dataclasses import dataclass, field

SILENT = frozenset(
    ("errors", "health", "ready", "cache", "loop", "reload", "loadbalance", "log", "prometheus", "debug", "lameduck")
)


class CorefileError(ValueError):
    """The file is no good; CoreDNS would not start with it, or keeps its last good one."""


@dataclass(frozen=True)
class Corefile:
    """What matters of one server block for `.`."""

    domain: str = ""  # Of the plugin `kubernetes`, without the last dot; "" without that plugin.
    hosts: dict[str, str] = field(default_factory=dict)
    rewrites: dict[str, str] = field(default_factory=dict)  # Exact names.
    forwards: bool = False


def parse(text: str) -> Corefile:
    """The first server block that answers for everything."""
    lines = [line for raw in text.splitlines() if (line := raw.partition("#")[0].split())]
    if not lines or lines[0][-1] != "{" or not lines[0][0].startswith("."):
        raise CorefileError("Corefile:1 - a server block such as .:53 { is expected")
    domain, forwards = "", False
    hosts: dict[str, str] = {}
    rewrites: dict[str, str] = {}
    within: list[str] = []
    for number, words in enumerate(lines[1:], 2):
        if words == ["}"]:
            if not within:
                return Corefile(domain, hosts, rewrites, forwards)
            within.pop()
            continue
        if not within:
            plugin = words[0]
            if plugin == "kubernetes":
                domain = words[1].rstrip(".") if len(words) > 1 and words[1] != "{" else "cluster.local"
            elif plugin == "forward":
                forwards = True
            elif plugin == "rewrite" and len(words) >= 4 and words[1] == "name":
                rewrites[words[-2].rstrip(".")] = words[-1].rstrip(".")
            elif plugin not in SILENT and plugin != "hosts":
                raise CorefileError(f"Corefile:{number} - Error during parsing: Unknown directive '{plugin}'")
            if words[-1] == "{":
                within.append(plugin)
        elif within[-1] == "hosts" and len(words) > 1 and words[0][0].isdigit():
            hosts |= {name.rstrip("."): words[0] for name in words[1:]}
        elif words[-1] == "{":
            within.append(words[0])
    raise CorefileError(f"Corefile:{len(lines)} - Error during parsing: Unexpected EOF, expecting '}}'")
