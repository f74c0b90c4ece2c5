"""The driver `exec`: commands from a file, so that any cluster can be driven.

    node:
      crash: ssh root@{node} 'echo o > /proc/sysrq-trigger'
      restart:
      - ipmitool -H bmc-{node} power on
    kubelet:
      stop: ssh root@{node} systemctl stop kubelet
    link:                      # between a node and the control plane
      partition: ssh root@{node} iptables -I OUTPUT -p tcp --dport 6443 -j DROP

A value is one command or a list of them, run one after the other without a shell. {node} is the cluster's name of the
node, {context} that of the kubeconfig's context.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import yaml

from kubesim.realcluster.drivers.driver import KUBELET, LINK, NODE, Templates
from kubesim.realcluster.errors import RealClusterError

VERBS = {
    NODE: ("crash", "stop", "restart", "pause", "resume"),
    KUBELET: ("crash", "stop", "restart"),
    LINK: ("partition", "repair"),
}
FIELDS = ("node", "context")


def read_templates(path: Path) -> Templates:
    """The file's commands; RealClusterError in one sentence."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise RealClusterError(f"the driver file {path} cannot be read ({getattr(error, 'strerror', error)})") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark is not None else ""
        raise RealClusterError(f"the driver file {path}{place} is not valid YAML") from None
    if not isinstance(content, dict) or not content:
        raise RealClusterError(f"{path} is no driver file: it has {', '.join(VERBS)} with commands by verb")
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for what, commands in content.items():
        if what not in VERBS or not isinstance(commands, dict):
            raise RealClusterError(f'{path}: "{what}" is unknown; a driver file has {", ".join(VERBS)}')
        for verb, command in commands.items():
            if verb not in VERBS[what]:
                raise RealClusterError(f'{path}: {what} has no verb "{verb}"; there is {", ".join(VERBS[what])}')
            lines = tuple(command) if isinstance(command, list) else (command,)
            for line in lines:
                check(line, f"{path}: {what}.{verb}")
            found[what, verb] = lines
    return found


def check(line: Any, where: str) -> None:
    """Whether a template can be used."""
    if not isinstance(line, str) or not line.strip():
        raise RealClusterError(f"{where}: a command is a text")
    try:
        words = shlex.split(line)
        for word in words:
            word.format(**dict.fromkeys(FIELDS, "x"))
    except (KeyError, IndexError, ValueError) as error:
        fields = ", ".join(f"{{{field}}}" for field in FIELDS)
        raise RealClusterError(f"{where}: {line!r} cannot be used ({error!r}); it may name {fields}") from None
