"""What two clusters may differ in without being different: uids, times, ages, addresses, names that were drawn.

Each is replaced by a placeholder. Those that stand for something (a uid, the hash of a template, the random end of
a name) are numbered by their first appearance within a case, so that "the same uid as before" still shows.
The published transcripts were made on a build that adds a ConfigMap of its own to every namespace: it is left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

from kubesim.fidelity.kubectl.transcripts import Answer, Command

# The characters of generated names: no vowels, and nothing that looks like another.
DRAWN = "bcdfghjklmnpqrstvwxz2456789"
UID = re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b")
HASH_LABEL = re.compile(
    r'((?:pod-template-hash|controller-revision-hash|deployment\.kubernetes\.io/hash)\\?"?[=:]\s*\\?"?)([\w.-]+)', re.A
)
GENERATED = re.compile(
    rf"(?<=[a-z0-9]-)([{DRAWN}]{{8,10}}-[{DRAWN}]{{5}}|[{DRAWN}]{{8,10}}|[{DRAWN}]{{5}})(?![A-Za-z0-9])"
)
LOOPBACK = r"(?:127\.0\.0\.1|localhost|\[::1\])"
REPLACED: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.DOTALL), to)
    for pattern, to in (
        (r"eyJ[\w-]+\.[\w-]+\.[\w-]+", "<JWT>"),
        (r"-----BEGIN [A-Z ]+-----.*?-----END [A-Z ]+-----(\\n|\n)?", "<PEM>"),
        (r"LS0t[A-Za-z0-9+/=]{40,}", "<PEM64>"),
        (rf"https?://{LOOPBACK}:\d+", "<SERVER>"),
        (rf"\b{LOOPBACK}:\d+", "<HOSTPORT>"),
        (r'\b[a-zA-Z]+://[\w.-]*_[^\s",]*', "<CID>"),
        (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", "<TIME>"),
        (r"\b[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}", "<TIME>"),
        (r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? [+-]\d{4} \w+", "<TIME>"),
        (r"([EWIF])\d{4} \d\d:\d\d:\d\d\.\d+\s+\d+ ", r"\1<KLOG> "),
        (r"\b(\d{1,3}\.){3}\d{1,3}\b", "<IP>"),
        (r"(\d+):3[0-2]\d{3}/", r"\1:<NP>/"),
        (r'((?:NodePort:\s+\S+|nodePort"?:)\s+)3[0-2]\d{3}', r"\1<NP>"),
        (r'(resourceVersion\\?"?[:=]\s*\\?"?)\d+', r"\1<RV>"),
        (r"((?:Image ID|Container ID|imageID|containerID):\s+)\S+", r"\1<CID>"),
        (r"(Expected resource version to be \S+, was )\d+", r"\1<RV>"),
        (r"(Resource Version:\s+)\d+", r"\1<RV>"),
        (r"/tmp/\S*parity[^/\s]*", "<TMP>"),
        (r"/tmp/kubectl-edit-\d+", "/tmp/kubectl-edit-N"),
        (r"/tmp/(LIVE|MERGED)-\d+", r"/tmp/\1-N"),
    )
)
DURATION = r"(?:\d+y)?(?:\d+d)?(?:\d+h)?(?:\d+m)?(?:\d+(?:\.\d+)?(?:s|ms|µs))?"
AGE = re.compile(rf"(?:(?<=[\s(])|^)(?=\d){DURATION}(?=[\s),]|$)")
NO_AGE = re.compile(r"<invalid>|<unknown>(?=\s+Normal|\s+Warning)")
TIMES_SEEN = re.compile(r"\s*\(x\d+ over <AGE>\)")
RULE = re.compile(r"(-[- ]*-|=+)")
EXPLAINED = re.compile(r"(GROUP|KIND|VERSION|FIELD|RESOURCE|FIELDS|error)\b|\s*[\w$-]+\t<|\s*enum: ")

# The ConfigMap of the recorded build: in a list of objects, as the source of a volume, and as `describe` shows it.
ARTEFACT = "openshift-service-ca.crt"
ARTEFACT_DESCRIBED = re.compile(
    rf"^ *ConfigMapName: +{re.escape(ARTEFACT)}\n *(ConfigMap)?Optional: .*\n", re.MULTILINE
)
ARTEFACT_PROJECTED = re.compile(
    r"^ *- configMap:\n +items:\n +- key: service-ca\.crt\n +path: service-ca\.crt\n"
    rf" +name: {re.escape(ARTEFACT)}\n",
    re.MULTILINE,
)
NOISE = re.compile(rf"WARNING: version difference between client|{re.escape(ARTEFACT)}|^[WE]\d{{4}} .* reflector\.go")
HOST_FIELDS = ("nodeInfo", "images", "capacity", "allocatable", "addresses", "daemonEndpoints")


class NormalForm:
    """The normal form of one case's answers, in their order. `nodes` are the names of the cluster's nodes."""

    def __init__(self, nodes: Iterable[str]) -> None:
        self._numbers: dict[str, dict[str, int]] = {}
        names = "|".join(re.escape(name) for name in sorted(nodes, key=len, reverse=True))
        self._node = re.compile(rf"(?<![\w.-])({names})(?![\w-])") if names else None

    def answer(self, command: Command, answer: Answer) -> dict[str, Any]:
        """Exit code and both outputs, as far as the command says that they count."""
        if command.rc_only:
            return {"rc": answer.rc}
        parsed = parse_json(answer.stdout)
        if parsed is None:
            stdout = self._text(answer.stdout, command)
        else:
            stdout = json.dumps(self._json(parsed, command), indent=1, sort_keys=True)
        stderr = self._text(answer.stderr, Command("", sort=command.sort))
        return {"rc": answer.rc, "stdout": stdout, "stderr": stderr}

    def _text(self, text: str, command: Command) -> str:
        text = ARTEFACT_PROJECTED.sub("", ARTEFACT_DESCRIBED.sub("", text))
        lines = [line for line in text.split("\n") if not NOISE.search(line)]
        if "kubectl explain" in command.cmd:  # Structure, names and types; not the prose.
            lines = [line for line in lines if EXPLAINED.match(line)]
        if command.grep:
            lines = [line for line in lines if re.search(command.grep, line)]
        if command.drop:
            lines = [line for line in lines if not re.search(command.drop, line)]
        lines = [normal_line(line) for line in self._replace("\n".join(lines)).split("\n")]
        return "\n".join(sorted(lines) if command.sort else lines)

    def _replace(self, text: str) -> str:
        text = UID.sub(lambda match: self._placeholder("UID", match[0]), text)
        text = HASH_LABEL.sub(self._hash_label, text)
        if self._node is not None:
            text = self._node.sub("<NODE>", text)
        for pattern, to in REPLACED:
            text = pattern.sub(to, text)
        return GENERATED.sub(self._generated, text)

    def _hash_label(self, match: re.Match[str]) -> str:
        return match[1] + self._placeholder("HASH", match[2].rsplit("-", 1)[-1])

    def _generated(self, match: re.Match[str]) -> str:
        drawn = match[1]
        if drawn in self._numbers.get("HASH", {}):
            return self._placeholder("HASH", drawn)
        if "-" in drawn:
            hash_, _, suffix = drawn.rpartition("-")
            return f"{self._placeholder('HASH', hash_)}-{self._placeholder('GEN', suffix)}"
        return self._placeholder("HASH" if len(drawn) > 5 else "GEN", drawn)

    def _placeholder(self, kind: str, token: str) -> str:
        seen = self._numbers.setdefault(kind, {})
        return f"<{kind}{seen.setdefault(token, len(seen) + 1)}>"

    def _json(self, value: Any, command: Command) -> Any:
        if isinstance(value, dict):
            kept = (key for key in sorted(value) if command.managed or key != "managedFields")
            return {self._replace(key): self._field(value, key, command) for key in kept}
        if isinstance(value, list):
            return [self._json(item, command) for item in value if not is_artefact(item)]
        return self._replace(value) if isinstance(value, str) else value

    def _field(self, owner: dict[str, Any], key: str, command: Command) -> Any:
        value = owner[key]
        fixed = placeholder_of(owner, key)
        if fixed is not None:
            return fixed
        if key == "managedFields":
            timeless = ({name: part for name, part in entry.items() if name != "time"} for entry in value)
            value = sorted(timeless, key=by("manager", "operation", "subresource"))
        elif key == "conditions" and isinstance(value, list) and all(isinstance(item, dict) for item in value):
            value = sorted(value, key=by("type"))
        elif key == "sources" and isinstance(value, list):
            value = [item for item in value if ARTEFACT not in json.dumps(item)]
        return self._json(value, command)


def placeholder_of(owner: dict[str, Any], key: str) -> str | None:
    """What stands for a field whose value is the cluster's own affair."""
    value = owner[key]
    if key == "nodePort" and isinstance(value, int):
        return "<NP>"
    if key in ("resourceVersion", "selfLink") and isinstance(value, str) and value:
        return "<RV>"
    if key in ("imageID", "containerID") and value:
        return "<CID>"
    if key in HOST_FIELDS and "nodeInfo" in owner:
        return "<HOST>"
    return None


def by(*keys: str) -> Callable[[dict[str, Any]], tuple[str, ...]]:
    """A sort key made of fields that may be missing."""
    return lambda entry: tuple(str(entry.get(key, "")) for key in keys)


def is_artefact(item: Any) -> bool:
    """Whether an object exists in the recorded build only."""
    metadata = item.get("metadata") if isinstance(item, dict) else None
    return isinstance(metadata, dict) and metadata.get("name") == ARTEFACT


def normal_line(line: str) -> str:
    """One line of text without ages and without the width of its columns."""
    line = AGE.sub("<AGE>", NO_AGE.sub("<AGE>", line))
    line = TIMES_SEEN.sub("", line)
    indent = line[: len(line) - len(line.lstrip(" "))]
    line = indent + re.sub(r"(\t| {2,})+", "  ", line[len(indent) :]).rstrip()
    return "---" if RULE.fullmatch(line) else line


def parse_json(text: str) -> Any:
    """The JSON document that a text is, or None."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None
