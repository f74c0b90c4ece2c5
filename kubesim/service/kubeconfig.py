"""Our cluster, user and context in a kubeconfig that belongs to somebody else.

The file is changed as a tree of YAML nodes, never as Python values: a password that looks like a number, a date, a
`yes` keep their letters. Only comments are lost. Each of our entries carries an extension that says whose it is, as
minikube's do; an entry of our name without it is not ours, and is left alone. While it is changed the file is locked
the way kubectl locks it, by a file PATH.lock, and it is replaced as a whole.

Upstream: k8s.io/client-go/tools/clientcmd/{config,loader}.go.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import NamedTuple

import yaml

from kubesim.service.errors import ServiceError
from kubesim.service.profile import write_atomically

MARK = "kubesim.dev"
SECTIONS = ("clusters", "users", "contexts")
LOCK_TRIES = 100
LOCK_RETRY_SECONDS = 0.03

Entry = tuple[yaml.Node, yaml.Node]


class Access(NamedTuple):
    """How to reach a cluster. `owner` is the profile's folder: two homes may have profiles of one name."""

    name: str
    owner: str
    server: str
    authority: bytes
    certificate: bytes
    key: bytes


def target(given: Path | None) -> Path:
    """Which file to change: as given, else the first of $KUBECONFIG, else ~/.kube/config."""
    if given is not None:
        return given.expanduser().absolute()
    for entry in os.environ.get("KUBECONFIG", "").split(os.pathsep):
        if entry:
            return Path(entry).expanduser().absolute()
    return Path.home() / ".kube" / "config"


def check(path: Path, name: str) -> None:
    """ServiceError if a context of that name cannot be written there."""
    root = read(path)
    for section in SECTIONS:
        for item in items(root, section):
            if text_of(item, "name") == name and owner_of(item, section) is None:
                raise ServiceError(
                    f'{path} already has "{name}" among its {section}, and it is not ours; '
                    "choose another profile with -p or another file with --kubeconfig"
                )
    folder = path.resolve().parent
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK) or path.is_dir():
        raise ServiceError(f"the kubeconfig {path} cannot be written; choose another with --kubeconfig")


def merge(path: Path, access: Access) -> None:
    """Adds our entries, or replaces those of an earlier start, and makes our context current."""
    with locked(path):
        check(path, access.name)
        root = read(path)
        for section, content in contents(access).items():
            put(root, section, node_of({"name": access.name, section[:-1]: content}), access.name)
        set_text(root, "current-context", access.name)
        write(path, root)


def remove(path: Path, name: str, owner: str) -> bool:
    """Removes our entries of that name, and the current context if it is ours. Whether there were any."""
    if not path.exists():
        return False
    with locked(path):
        root, found = read(path), False
        for section in SECTIONS:
            for sequence in sequences(root, section):
                kept = [
                    item for item in sequence.value if text_of(item, "name") != name or owner_of(item, section) != owner
                ]
                found |= len(kept) < len(sequence.value)
                sequence.value = kept
        if found:
            if text_of(root, "current-context") == name:
                set_text(root, "current-context", "")
            write(path, root)
    return found


# -- our entries ----------------------------------------------------------------------------------------


def contents(access: Access) -> dict[str, dict[str, object]]:
    """What stands in each section."""
    mark = {"extensions": [{"name": MARK, "extension": {"provider": MARK, "profile": access.owner}}]}
    return {
        "clusters": {"certificate-authority-data": encoded(access.authority), **mark, "server": access.server},
        "users": {
            "client-certificate-data": encoded(access.certificate),
            "client-key-data": encoded(access.key),
            **mark,
        },
        "contexts": {"cluster": access.name, **mark, "namespace": "default", "user": access.name},
    }


def encoded(content: bytes) -> str:
    """As a kubeconfig embeds a file."""
    return base64.b64encode(content).decode()


def owner_of(item: yaml.Node, section: str) -> str | None:
    """The profile folder that an entry of ours belongs to; None for an entry of somebody else."""
    for extension in items(child(item, section[:-1]), "extensions"):
        if text_of(extension, "name") == MARK:
            return text_of(child(extension, "extension"), "profile")
    return None


# -- the tree -------------------------------------------------------------------------------------------


def read(path: Path) -> yaml.MappingNode:
    """The file as a tree; an empty one if there is no file yet."""
    try:
        text = path.read_text(encoding="utf-8")
        root = yaml.compose(text, Loader=yaml.CSafeLoader)
    except FileNotFoundError:
        root = None
    except OSError as error:
        raise ServiceError(
            f"the kubeconfig {path} cannot be read ({error.strerror}); choose another with --kubeconfig"
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        where = getattr(error, "problem_mark", None)
        place = f", line {where.line + 1}" if where is not None else ""
        raise ServiceError(
            f"{path}{place} is not valid YAML; mend the kubeconfig, or choose another with --kubeconfig"
        ) from None
    if root is None:
        root = node_of({"apiVersion": "v1", "kind": "Config", "preferences": {}})
    if not isinstance(root, yaml.MappingNode) or not all(is_list(child(root, section)) for section in SECTIONS):
        raise ServiceError(f"{path} is not a kubeconfig; choose another with --kubeconfig")
    return root


def write(path: Path, root: yaml.MappingNode) -> None:
    """Replaces the file; where a link points, and the link stays."""
    text = yaml.serialize(root, Dumper=yaml.CSafeDumper, allow_unicode=True, width=1 << 30)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomically(path.resolve(), text.encode())
    except OSError as error:
        raise ServiceError(f"the kubeconfig {path} cannot be written ({error.strerror})") from None


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Nobody else changes the file meanwhile; kubectl keeps to the same lock."""
    lock = path.with_name(path.name + ".lock")
    for _ in range(LOCK_TRIES):
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(lock, os.O_CREAT | os.O_EXCL, 0o600))
            break
        except FileExistsError:
            Event().wait(LOCK_RETRY_SECONDS)
        except OSError as error:
            raise ServiceError(f"the kubeconfig {path} cannot be written ({error.strerror})") from None
    else:
        raise ServiceError(f"{lock} says that a program is changing the kubeconfig; remove it if none is")
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)


def child(node: yaml.Node | None, key: str) -> yaml.Node | None:
    """The value of a key of a mapping."""
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if name.value == key:
                found: yaml.Node = value
                return found
    return None


def text_of(node: yaml.Node | None, key: str) -> str:
    """The text of a key's scalar; "" if there is none."""
    value = child(node, key)
    return str(value.value) if isinstance(value, yaml.ScalarNode) else ""


def sequences(node: yaml.Node | None, key: str) -> list[yaml.SequenceNode]:
    """The list under a key, if there is one."""
    value = child(node, key)
    return [value] if isinstance(value, yaml.SequenceNode) else []


def items(node: yaml.Node | None, key: str) -> list[yaml.Node]:
    """What is in the list under a key."""
    return [item for sequence in sequences(node, key) for item in sequence.value]


def put(root: yaml.MappingNode, section: str, entry: yaml.Node, name: str) -> None:
    """Replaces the entry of that name in a section, or adds it at the end."""
    for sequence in sequences(root, section):
        names = [text_of(item, "name") for item in sequence.value]
        if name in names:
            sequence.value[names.index(name)] = entry
        else:
            sequence.value.append(entry)
            sequence.flow_style = False
        return
    set_node(root, section, yaml.SequenceNode("tag:yaml.org,2002:seq", [entry], flow_style=False))


def is_list(node: yaml.Node | None) -> bool:
    """Whether a section is one: a list, null, or not there at all."""
    if isinstance(node, yaml.ScalarNode):
        return node.value in ("", "null", "~")
    return node is None or isinstance(node, yaml.SequenceNode)


def set_text(root: yaml.MappingNode, key: str, text: str) -> None:
    """Sets a key to a text."""
    set_node(root, key, node_of(text))


def set_node(root: yaml.MappingNode, key: str, value: yaml.Node) -> None:
    """Sets a key, in its place or at the end."""
    for position, (name, _) in enumerate(root.value):
        if name.value == key:
            root.value[position] = (name, value)
            return
    root.value.append((node_of(key), value))
    root.flow_style = False


def node_of(value: object) -> yaml.Node:
    """Our own values as a tree; in the order in which they are written here."""
    node = yaml.compose(yaml.dump(value, Dumper=yaml.CSafeDumper, sort_keys=False), Loader=yaml.CSafeLoader)
    assert node is not None, "every value is written as something"
    return node
