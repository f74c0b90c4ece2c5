"""A cluster of this process at an HTTPS endpoint of its own, for as long as somebody needs it.

What plays recordings with the real kubectl uses it: the cluster lives on the loop of the caller, who also moves its
time (the loop must be paced while a client talks to it). Certificates lie in a folder of the caller's and serve any
number of clusters, one after the other.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from kubesim.apiserver.http import HttpFront
from kubesim.cluster import SimCluster
from kubesim.service import certificates
from kubesim.service.frontage import HOST
from kubesim.service.kubeconfig import Access, contents

NAME = "kubesim"


@asynccontextmanager
async def served(cluster: SimCluster, folder: Path, kubeconfig: Path, namespace: str) -> AsyncIterator[None]:
    """Serves a running cluster and writes a kubeconfig whose namespace is `namespace`."""
    files = certificates.ensure(folder)
    server = cluster.apiserver
    assert server is not None, "the cluster has booted"
    front = HttpFront(server, host=HOST)
    port = await front.start(0, certificates.server_context(folder))
    try:
        parts = [path.read_bytes() for path in (files.authority, files.admin, files.admin_key)]
        write(kubeconfig, Access(NAME, str(folder), f"https://{HOST}:{port}", *parts), namespace)
        yield
    finally:
        await front.stop()


def write(path: Path, access: Access, namespace: str) -> None:
    """A kubeconfig with nothing but this cluster."""
    sections = contents(access)
    sections["contexts"]["namespace"] = namespace
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": access.name,
        **{section: [{"name": access.name, section[:-1]: content}] for section, content in sections.items()},
    }
    path.write_text(json.dumps(config), encoding="utf-8")
    path.chmod(0o600)
