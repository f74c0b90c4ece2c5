"""`stress`, the program that lessons use to fill memory and keep processors busy: its arguments as a behaviour.

`stress --vm 1 --vm-bytes 250M --vm-hang 1` (polinux/stress, stress-ng) and `-cpus 2 -mem-total 250Mi` (vish/stress).
"""

from __future__ import annotations

import re

import msgspec

from kubesim.kubelet.runtime.model import Behaviour, Usage

UNITS = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
OWN_BYTES = 1 << 20
FILL_SECONDS = 0.5  # Until the memory is touched.
PROGRAMS = ("stress", "stress-ng")


def stressed(image: str, words: tuple[str, ...], behaviour: Behaviour) -> Behaviour:
    """What the arguments ask for, if the container runs stress; else `behaviour`."""
    if not words or not (words[0].rsplit("/", 1)[-1] in PROGRAMS or image in PROGRAMS):
        return behaviour
    options = options_of(words)
    cores = float(options.get("cpu", options.get("c", options.get("cpus", "0"))) or 0)
    workers = int(options.get("vm", options.get("m", "0")) or 0)
    total = size(options.get("mem-total", "0")) + workers * size(options.get("vm-bytes", "256M"))
    timeout = seconds(options.get("timeout", options.get("t", "")))
    return msgspec.structs.replace(
        behaviour,
        start_error="",
        run_seconds=timeout,
        cpu_milli=round(1000 * (cores + workers)),
        memory_bytes=OWN_BYTES,
        usage=(Usage(FILL_SECONDS, round(1000 * (cores + workers)), OWN_BYTES + total, ramp=True),) if total else (),
        stop_seconds=0.1,
    )


def options_of(words: tuple[str, ...]) -> dict[str, str]:
    """`--vm 1`, `--vm-bytes=250M`, `-cpus 2`: names without dashes, with their values."""
    found: dict[str, str] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word.startswith("-"):
            name, equals, value = word.lstrip("-").partition("=")
            if not equals and rest and not rest[0].startswith("-"):
                value = rest.pop(0)
            found[name] = value
    return {name: value if re.match(r"[\d.]", value) else "0" for name, value in found.items()}


def size(text: str) -> int:
    """`250M`, `150Mi`, `1g` in bytes; stress counts in powers of two."""
    match = re.fullmatch(r"([\d.]+)([bkmg]?)i?b?", text.lower())
    return round(float(match[1]) * UNITS[match[2]]) if match else 0


def seconds(text: str) -> float | None:
    """`60s`, `5m`; None: without an end."""
    match = re.fullmatch(r"([\d.]+)([smhd]?)", text)
    return float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}[match[2]] if match else None
