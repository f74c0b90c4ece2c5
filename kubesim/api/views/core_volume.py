"""Volumes of a Pod: the sources that a kubelet or a scheduler reads by field.

The many others (cloud disks and the like) are not in the view. Upstream: k8s.io/api/core/v1/types.go.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.views.base import View


class Volume(View, frozen=True):
    """A name and one source. The sources are dicts with wire names."""

    name: str = ""
    aws_elastic_block_store: dict[str, Any] | None = None
    config_map: dict[str, Any] | None = None
    csi: dict[str, Any] | None = None
    downward_api: dict[str, Any] | None = None
    empty_dir: dict[str, Any] | None = None
    ephemeral: dict[str, Any] | None = None
    gce_persistent_disk: dict[str, Any] | None = None
    host_path: dict[str, Any] | None = None
    image: dict[str, Any] | None = None
    iscsi: dict[str, Any] | None = None
    nfs: dict[str, Any] | None = None
    persistent_volume_claim: dict[str, Any] | None = None
    projected: dict[str, Any] | None = None
    rbd: dict[str, Any] | None = None
    secret: dict[str, Any] | None = None
