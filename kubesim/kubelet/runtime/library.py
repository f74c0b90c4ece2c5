"""Well-known images: sizes and what they do with no annotation at all.

Sizes are those that a kubelet reports for amd64 (compressed layers), rounded: they only have to make a big
image slow and a small one quick.
"""

from __future__ import annotations

from kubesim.kubelet.runtime.model import Behaviour, KnownImage

MEGABYTE = 1_000_000

EXITS_AT_ONCE = Behaviour(run_seconds=0.0)

WELL_KNOWN: dict[str, KnownImage] = {
    "agnhost": KnownImage(53 * MEGABYTE),
    "alpine": KnownImage(4 * MEGABYTE, EXITS_AT_ONCE),
    "busybox": KnownImage(2 * MEGABYTE, EXITS_AT_ONCE),
    "coredns": KnownImage(20 * MEGABYTE, Behaviour(stop_seconds=5.0, memory_bytes=20 << 20)),
    "curl": KnownImage(10 * MEGABYTE, EXITS_AT_ONCE),
    "debian": KnownImage(49 * MEGABYTE, EXITS_AT_ONCE),
    "hello-world": KnownImage(10_000, EXITS_AT_ONCE),
    "httpd": KnownImage(59 * MEGABYTE, Behaviour(start_seconds=0.3, memory_bytes=12 << 20)),
    "metrics-server": KnownImage(22 * MEGABYTE, Behaviour(cpu_milli=4, memory_bytes=24 << 20)),
    "mongo": KnownImage(310 * MEGABYTE, Behaviour(start_seconds=0.5, ready_after_seconds=3.0, stop_seconds=1.0)),
    "mysql": KnownImage(240 * MEGABYTE, Behaviour(start_seconds=0.5, ready_after_seconds=8.0, stop_seconds=2.0)),
    "nginx": KnownImage(72 * MEGABYTE, Behaviour(memory_bytes=10 << 20)),
    "node": KnownImage(400 * MEGABYTE, EXITS_AT_ONCE),
    "pause": KnownImage(320_000, Behaviour(start_seconds=0.05, stop_seconds=0.05, memory_bytes=1 << 20)),
    "perl": KnownImage(340 * MEGABYTE, EXITS_AT_ONCE),
    "postgres": KnownImage(160 * MEGABYTE, Behaviour(start_seconds=0.5, ready_after_seconds=4.0, stop_seconds=0.5)),
    "python": KnownImage(370 * MEGABYTE, EXITS_AT_ONCE),
    "redis": KnownImage(45 * MEGABYTE, Behaviour(ready_after_seconds=0.2, memory_bytes=8 << 20)),
    "ubuntu": KnownImage(30 * MEGABYTE, EXITS_AT_ONCE),
    "whoami": KnownImage(3 * MEGABYTE, Behaviour(memory_bytes=4 << 20)),
}
