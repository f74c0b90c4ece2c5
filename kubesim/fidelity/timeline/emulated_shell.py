"""As much of a shell as the recorded scenarios need: kubectl commands, and names that other commands print.

A step is a line of bash. It knows `;`, `$(kubectl get … -o name | head -1)`, arrays made of such names, what a file
keeps of one object (`> FILE`, `$(cat FILE)`), and `bash FILE` for a script that is one loop over them. Commands that
only look are left out, and one that the apiserver refuses is no reason to stop, as in any shell. What is missing in
`kubesim.client.kubectl` because a scenario of ours does not need it (`set resources`, `create configmap`,
`autoscale`) is done here with the client.
"""

from __future__ import annotations

import asyncio
import re
import shlex
from collections.abc import Iterator
from contextlib import suppress

from kubesim.api.errors import ApiError
from kubesim.api.meta import field
from kubesim.api.resources import CONFIG_MAPS, HORIZONTAL_POD_AUTOSCALERS
from kubesim.api.wire import Options
from kubesim.client.kubectl import Kubectl
from kubesim.client.kubectl.command import RefusedError, targets

KUBECTL = "$KUBECTL "
COMMAND_SECONDS = 0.3  # What a kubectl of the recordings takes before the next command of its line begins.
SUBSTITUTION = re.compile(r"\$\(([^()]*)\)")
ARRAY = re.compile(r"(\w+)=\((.*)\)")
ELEMENT = re.compile(r"\$\{(\w+)\[(\d+)\]\}")
KEPT = re.compile(r"(.*) > (\w+)")
FIRST_PATH = re.compile(r"\{\.items\[0\]\.([\w.]+)\}")
LOOP = re.compile(r"for (\w+) in (.*?); do (.*); done", re.DOTALL)
LOOKING = {"get", "describe", "logs", "top", "wait", "true"}
LOOKING_TWICE = {("rollout", "status"), ("rollout", "history")}


class ShellError(Exception):
    """A command line that cannot be played."""


class Shell:
    """Runs the lines of one scenario; arrays live from line to line."""

    def __init__(self, kubectl: Kubectl) -> None:
        self._kubectl = kubectl
        self._arrays: dict[str, list[str]] = {}

    async def run(self, line: str) -> tuple[int, str]:
        """Runs every command of a line; what it prints is not known here."""
        for number, command in enumerate(commands(line)):
            if number:
                await asyncio.sleep(COMMAND_SECONDS)
            if (assigned := ARRAY.fullmatch(command)) is not None:
                self._arrays[assigned[1]] = (await self._substitute(assigned[2])).split()
                continue
            if (kept := KEPT.fullmatch(command)) is not None:
                await self._keep(kept[1], kept[2])
                continue
            text = ELEMENT.sub(lambda match: self._arrays[match[1]][int(match[2])], await self._substitute(command))
            with suppress(ApiError, RefusedError):
                await self._command(text)
        return 0, ""

    async def _keep(self, query: str, file: str) -> None:
        """`kubectl get … -o jsonpath={.items[0].PATH} > FILE`: what is at the path of the first one."""
        value = await self._value(query.removeprefix(KUBECTL))
        (self._kubectl.folder / file).write_text(value, encoding="utf-8")

    async def _value(self, query: str) -> str:
        """What `get … -o jsonpath={.items[0].PATH}` prints."""
        words = shlex.split(query)
        path = FIRST_PATH.fullmatch(flag(words, "-o").removeprefix("jsonpath="))
        if words[:1] != ["get"] or path is None:
            raise ShellError(f"a command whose output is not known here: {query}")
        options = Options(label_selector=flag(words, "-l"), field_selector=flag(words, "--field-selector"))
        found = await self._kubectl.client.list(targets((words[1],))[0][0], self._kubectl.namespace, options)
        return str(field(found.items[0].object, path[1]))

    async def _command(self, text: str) -> None:
        if text.startswith("bash "):
            await self._script(shlex.split(text)[1:])
            return
        words = shlex.split(text.removeprefix(KUBECTL))
        verbs = [word for word in without_namespace(words) if not word.startswith("-")]
        if verbs[0] in LOOKING or tuple(verbs[:2]) in LOOKING_TWICE:
            return
        if not text.startswith(KUBECTL) or "$" in text.removeprefix(KUBECTL):
            raise ShellError(f"a shell command that is not known here: {text}")
        if verbs[:2] == ["set", "resources"]:
            await self._set_resources("/".join(verbs[2:4]), words)
        elif verbs[:2] == ["create", "configmap"]:
            await self._create_config_map(verbs[2], words)
        elif verbs[0] == "autoscale":
            await self._autoscale(verbs[1], verbs[2], words)
        else:
            await self._kubectl.run(text.removeprefix(KUBECTL))

    async def _script(self, words: list[str]) -> None:
        """A file that is one loop; `$1` and `$2` are the words after its name."""
        text = (self._kubectl.folder / words[0]).read_text(encoding="utf-8").strip()
        for number, word in enumerate(words[1:], 1):
            text = text.replace(f"'${number}'", word).replace(f"${number}", word)
        loop = LOOP.fullmatch(text)
        if loop is None:
            raise ShellError(f"a script that is not known here: {text}")
        for value in loop[2].split():
            await self.run(loop[3].replace(f"${loop[1]}", value))

    async def _substitute(self, text: str) -> str:
        """Replaces `$(kubectl get …)` by the names that it would print."""
        while (match := SUBSTITUTION.search(text)) is not None:
            query, _, filtered = match[1].partition(" | ")
            names = await self._names(query.removeprefix(KUBECTL))
            if filtered:
                if filtered not in ("head -1", "tail -1"):
                    raise ShellError(f"a filter that is not known here: {filtered}")
                names = names[:1] if filtered == "head -1" else names[-1:]
            text = text[: match.start()] + " ".join(names) + text[match.end() :]
        return text

    async def _names(self, query: str) -> list[str]:
        """What `get KIND … -o name` prints, by name; or one value."""
        words = shlex.split(query)
        if flag(words, "-o").startswith("jsonpath="):
            return [await self._value(query)]
        if words[:1] == ["cat"] and (kept := self._kubectl.folder / words[1]).is_file():
            return kept.read_text(encoding="utf-8").split()
        if words[:1] != ["get"] or "-o name" not in query:
            raise ShellError(f"a command whose output is not known here: {query}")
        resource = targets((words[1],))[0][0]
        options = Options(label_selector=flag(words, "-l"), field_selector=flag(words, "--field-selector"))
        found = await self._kubectl.client.list(resource, self._kubectl.namespace, options)
        return [f"{resource.singular}/{name}" for name in sorted(item.name for item in found.items)]

    async def _set_resources(self, target: str, words: list[str]) -> None:
        resource, name = targets((target,))[0]
        requests = dict(pair.split("=", 1) for pair in flag(words, "--requests").split(","))
        stored = await self._kubectl.client.get(resource, name, self._kubectl.namespace)
        containers = [
            {"name": container["name"], "resources": {"requests": requests}}
            for container in stored.object["spec"]["template"]["spec"]["containers"]
        ]
        patch = {"spec": {"template": {"spec": {"containers": containers}}}}
        await self._kubectl.client.patch(resource, name, patch, self._kubectl.namespace)

    async def _autoscale(self, kind: str, name: str, words: list[str]) -> None:
        resource = targets((f"{kind}/{name}",))[0][0]
        target = {"type": "Utilization", "averageUtilization": int(flag(words, "--cpu").removesuffix("%"))}
        spec = {
            "scaleTargetRef": {"kind": resource.kind, "name": name, "apiVersion": resource.api_version},
            "minReplicas": int(flag(words, "--min")),
            "maxReplicas": int(flag(words, "--max")),
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
        }
        metadata = {"name": name, "namespace": self._kubectl.namespace}
        row = HORIZONTAL_POD_AUTOSCALERS
        made = {"apiVersion": row.api_version, "kind": row.kind, "metadata": metadata, "spec": spec}
        await self._kubectl.client.create(row, made)

    async def _create_config_map(self, name: str, words: list[str]) -> None:
        data = dict([flag(words, "--from-literal").split("=", 1)])
        metadata = {"name": name, "namespace": flag(words, "-n") or self._kubectl.namespace}
        made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
        await self._kubectl.client.create(CONFIG_MAPS, made)


def commands(line: str) -> Iterator[str]:
    """The commands of a line: split at `;` and line ends outside of quotes and brackets."""
    quote, depth, start = "", 0, 0
    for at, letter in enumerate(line + ";"):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter in "()":
            depth += 1 if letter == "(" else -1
        elif letter in ";\n" and not depth:
            if command := line[start:at].strip():
                yield command
            start = at + 1


def flag(words: list[str], name: str) -> str:
    """The value of a flag, behind `=` or as the next word; "" if it was not given."""
    for at, word in enumerate(words):
        if word == name:
            return words[at + 1]
        if word.startswith(f"{name}="):
            return word.removeprefix(f"{name}=")
    return ""


def without_namespace(words: list[str]) -> list[str]:
    """The words without `-n NAMESPACE`."""
    at = words.index("-n") if "-n" in words else len(words)
    return words[:at] + words[at + 2 :]
