"""Templates and revisions: which ReplicaSet belongs to the present template, and what number it bears.

Every template a Deployment ever had lives on in a ReplicaSet named after the template's hash. The newest one
carries the highest revision number; rolling back gives an old set a new number and notes the old one in its
revision history.
The hash is the real one: of the template as Go's debugging printer shows it (`go_structs`). A template with something
that is not in its table (a vendor's volume) gets a hash of its JSON, which looks alike but differs.
Upstream: util/deployment_util.go in pkg/controller/deployment, pkg/util/hash.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import orjson

from kubesim.api.stored import Object, Stored
from kubesim.controllers.go_structs import UnknownFieldError, dump
from kubesim.sim.chance import NAME_ALPHABET

POD_TEMPLATE_HASH = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
REVISION_HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED_REPLICAS = "deployment.kubernetes.io/desired-replicas"
MAX_REPLICAS = "deployment.kubernetes.io/max-replicas"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
ROLLBACK_TO = "deprecated.deployment.rollback.to"
NOT_COPIED = (LAST_APPLIED, REVISION, REVISION_HISTORY, DESIRED_REPLICAS, MAX_REPLICAS, ROLLBACK_TO)
REVISION_HISTORY_CHARACTERS_MAX = 2000

FNV_OFFSET, FNV_PRIME = 2166136261, 16777619


def template_hash(template: Object, collision_count: int | None) -> str:
    """The name suffix of a template's ReplicaSet, such as 7887448d46. A collision count gives another one."""
    try:
        data = dump(template, "v1.PodTemplateSpec").encode()
    except UnknownFieldError:
        data = orjson.dumps(template, option=orjson.OPT_SORT_KEYS)
    if collision_count is not None:
        data += collision_count.to_bytes(8, "little")
    digits = str(fnv32a(data))
    # Only digits arise, so only ten of the alphabet's letters do.
    return "".join(NAME_ALPHABET[ord(digit) % len(NAME_ALPHABET)] for digit in digits)


def fnv32a(data: bytes) -> int:
    """The FNV-1a hash of 32 bits."""
    value = FNV_OFFSET
    for byte in data:
        value = (value ^ byte) * FNV_PRIME & 0xFFFFFFFF
    return value


def same_template(first: Object, second: Object) -> bool:
    """Whether two Pod templates are equal but for the label pod-template-hash."""
    return first.get("spec") == second.get("spec") and _bare_metadata(first) == _bare_metadata(second)


def find_new_set(template: Object, sets: Iterable[Stored]) -> Stored | None:
    """The set of this template; of several the oldest."""
    matching = [stored for stored in sets if same_template(stored.object["spec"]["template"], template)]
    return min(matching, key=by_creation, default=None)


def by_creation(stored: Stored) -> tuple[str, str]:
    """Sorts objects by age, those of one second by name."""
    return stored.object["metadata"].get("creationTimestamp", ""), stored.name


def revision_of(stored: Stored) -> int:
    """The revision number of a set or a Deployment; 0 without one."""
    return number(annotations_of(stored).get(REVISION)) or 0


def next_revision(old_sets: Sequence[Stored]) -> int:
    """One more than that of any older set."""
    return 1 + max(map(revision_of, old_sets), default=0)


def annotations_of(stored: Stored) -> Mapping[str, str]:
    """The annotations, {} if there are none."""
    return stored.object["metadata"].get("annotations") or {}


def set_annotations(deployment: Mapping[str, str], current: Mapping[str, str], revision: int) -> dict[str, str]:
    """What the new set's annotations should be: the Deployment's own, the revision, and what it was before."""
    wanted = {**current, **{name: text for name, text in deployment.items() if name not in NOT_COPIED}}
    old_text = current.get(REVISION, "")
    old = number(old_text)
    if old is None and old_text:
        return wanted  # Somebody wrote nonsense there; upstream leaves it alone too.
    if (old or 0) >= revision:
        return wanted
    wanted[REVISION] = str(revision)
    if old_text:
        history = extended_history(current.get(REVISION_HISTORY, ""), old_text)
        if history:
            wanted[REVISION_HISTORY] = history
    return wanted


def extended_history(history: str, revision: str) -> str:
    """`history`, a list with commas, with one more at the end; the oldest go when it gets too long."""
    revisions = [*history.split(","), revision] if history else [revision]
    while len(revisions) > 1 and len(",".join(revisions)) > REVISION_HISTORY_CHARACTERS_MAX:
        del revisions[0]
    return ",".join(revisions)


def replicas_annotations(desired: int, most: int) -> dict[str, str]:
    """What every set remembers of the Deployment's size, to notice later that it was scaled."""
    return {DESIRED_REPLICAS: str(desired), MAX_REPLICAS: str(most)}


def number(text: str | None) -> int | None:
    """The number that an annotation holds; None if it is absent or no number."""
    try:
        return int(text) if text is not None else None
    except ValueError:
        return None


def with_hash_label(labels: Mapping[str, str] | None, hash_: str) -> dict[str, str]:
    """Labels with pod-template-hash."""
    return {**(labels or {}), POD_TEMPLATE_HASH: hash_}


def _bare_metadata(template: Object) -> Object:
    """The template's metadata without the hash and without what is empty."""
    metadata = template.get("metadata") or {}
    labels = metadata.get("labels") or {}
    if POD_TEMPLATE_HASH in labels:
        labels = {name: value for name, value in labels.items() if name != POD_TEMPLATE_HASH}
    return {name: value for name, value in {**metadata, "labels": labels}.items() if value}
