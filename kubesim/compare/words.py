"""Changes in words, and how alike two of them are."""

from __future__ import annotations

from collections import Counter

from kubesim.recording import Entry

Family = tuple[object, ...]
SAME_WORDS, SAME_REASON, SAME_SLOT = 3, 2, 1
ALIKE_SHARE = 0.6
NOT_THERE = "(none)"


def change_in_words(entry: Entry) -> str:
    """`phase Pending->Running`, `Scheduled "Successfully assigned …"`, `Ready True/… → Unknown/…`."""
    change = entry.change
    if entry.kind == "Event":
        kind = "" if change.get("type") in ("Normal", "", None) else f" ({change['type']})"
        return f'event {change["reason"]}{kind} "{change["message"]}" from {change["from"]}'
    if "condition" in change:
        message = f' "{change["message"]}"' if change.get("message") else ""
        return f"condition {change['condition']} {change['from'] or NOT_THERE} → {change['to'] or NOT_THERE}{message}"
    if change.get("life") == "deleting":
        return f"deleting, grace {change.get('grace')}"
    if "life" in change:
        return str(change["life"])
    if "node" in change:
        return "bound to a node"
    return ", ".join(f"{key} {str(value).replace('->', ' → ').strip()}" for key, value in change.items())


def family_of(entry: Entry) -> Family:
    """What entries have in common that tell one thing with other counts or sizes."""
    change = entry.change
    telling = change.get("reason") or change.get("condition") or ",".join(change)
    return entry.step, entry.kind, entry.name, telling


def shared_words(ours: str, theirs: str) -> float:
    """Which share of the words of the longer one both texts have."""
    left, right = Counter(ours.split()), Counter(theirs.split())
    return (left & right).total() / max(left.total(), right.total(), 1)


def likeness(entry: Entry, other: Entry) -> int:
    """Whether two entries are the same thing told otherwise; 0: they are not. They may be in neighbouring steps."""
    if (entry.kind, entry.name) != (other.kind, other.name) or abs(entry.step - other.step) > 1:
        return 0
    ours, theirs = entry.change, other.change
    alike = 0
    if entry.kind == "Event":
        if ours["message"] == theirs["message"]:
            alike = SAME_WORDS
        elif ours["reason"] == theirs["reason"]:
            alike = SAME_REASON
        elif shared_words(ours["message"], theirs["message"]) >= ALIKE_SHARE:
            alike = SAME_SLOT
    elif "condition" in ours:
        if ours["condition"] == theirs.get("condition"):
            alike = SAME_REASON + (ours["to"] == theirs["to"])
    elif ours.keys() == theirs.keys() and ours.get("life") in (None, "deleting"):
        alike = SAME_SLOT
    return alike * 2 + (entry.step == other.step) if alike else 0
