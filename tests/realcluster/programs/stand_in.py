"""Stands in for `minikube` and `docker`: accepts exactly what their documentation says of the verbs that we use.

The first word says for which. What it accepts is added to $STAND_IN_LOG, a line each; anything else ends with
code 64, as their own parsers refuse it. With $STAND_IN_PROFILE it acts upon the nodes of that simulated cluster.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys

NODE = r"[a-z0-9][a-z0-9-]*"
# https://minikube.sigs.k8s.io/docs/commands/{node,ssh}, https://docs.docker.com/reference/cli/docker
ACCEPTED = {
    "minikube": (
        (rf"node stop (?P<node>{NODE}) -p {NODE}", "stop"),
        (rf"node start (?P<node>{NODE}) -p {NODE}", "start"),
        (rf"node add -p {NODE}", "add"),
        (rf"node delete (?P<node>{NODE}) -p {NODE}", "delete"),
        (rf"ssh -p {NODE} -n (?P<node>{NODE}) -- sudo systemctl stop kubelet", "stop"),
        (rf"ssh -p {NODE} -n (?P<node>{NODE}) -- sudo systemctl start kubelet", "start"),
    ),
    "docker": (
        (rf"pause (?P<node>{NODE})", "stop"),
        (rf"unpause (?P<node>{NODE})", "start"),
        (rf"stop(?: --time \d+)? (?P<node>{NODE})", "stop"),
        (rf"start (?P<node>{NODE})", "start"),
        (rf"network disconnect {NODE} (?P<node>{NODE})", "stop"),
        (rf"network connect {NODE} (?P<node>{NODE})", "start"),
    ),
}


def main() -> int:
    program, line = sys.argv[1], " ".join(sys.argv[2:])
    for pattern, deed in ACCEPTED[program]:
        match = re.fullmatch(pattern, line)
        if match is None:
            continue
        with open(os.environ["STAND_IN_LOG"], "a") as log:
            log.write(f"{program} {line}\n")
        return act(deed, match.groupdict().get("node", ""))
    print(f'unknown command or flag: "{program} {line}"', file=sys.stderr)
    return 64


def act(deed: str, node: str) -> int:
    profile = os.environ.get("STAND_IN_PROFILE")
    if not profile:
        return 0
    command = [sys.executable, "-m", "kubesim.cli.main", "node", deed, *([node] if node else []), "-p", profile]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
