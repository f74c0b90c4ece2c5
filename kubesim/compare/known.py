"""Differences whose reason is known: artefacts of a recording that are not copied, and what we say of ourselves.

A known difference is still one; it only comes with its explanation.
"""

from __future__ import annotations

import re

import msgspec

from kubesim.compare.findings import Finding

FIDELITY = "docs/fidelity.md"


class Known(msgspec.Struct, frozen=True):
    """Why a difference is there, and where to read of it. Patterns may match anywhere in scenario, object and words."""

    why: str
    link: str
    object: str = ""
    words: str = ""
    scenario: str = ""
    aspects: tuple[str, ...] = ()
    verdicts: tuple[str, ...] = ()

    def explains(self, finding: Finding, scenario: str) -> bool:
        """Whether this is what was found."""
        words = f"{finding.what} {finding.expected} {finding.found}"
        return (
            (not self.aspects or finding.aspect in self.aspects)
            and (not self.verdicts or finding.verdict in self.verdicts)
            and re.search(self.scenario, scenario) is not None
            and re.search(self.object, finding.object) is not None
            and re.search(self.words, words) is not None
        )


RECORDINGS = f"{FIDELITY}#the-recordings"
SIMPLIFIED = f"{FIDELITY}#what-is-simplified"
ABSENT = f"{FIDELITY}#what-is-absent"
KNOWN: tuple[Known, ...] = (
    Known(
        "whether a node has an image already depends on what ran there before (and hollow nodes tell nothing of it)",
        RECORDINGS, words="^event Pull(ing|ed) .* from kubelet", aspects=("event", "time"),
    ),
    Known(
        "hollow nodes (kubemark) tell no events of the kubelet, real and simulated ones do", RECORDINGS,
        words=r'^event .* from kubelet( |$)', aspects=("event",),
        verdicts=("missing", "extra"),
    ),
    Known(
        "containers of hollow nodes (kubemark) end without a reason; ours say Completed or Error", RECORDINGS,
        object="^Pod/", words=r"^ended\.", aspects=("change",),
    ),
    Known(
        "an artefact of the build that was recorded: no such event upstream", RECORDINGS, words="^event KubeAPIReadyz ",
    ),
    Known(
        "the real controller told SawCompletedJob of one Job twice", RECORDINGS,
        scenario="^cronjob-history$", words="^event SawCompletedJob ",
    ),
    Known(
        "a budget is told to have no Pods: in simulation `apply` takes no time", RECORDINGS,
        object="^PodDisruptionBudget/", words="^event NoPods ",
    ),
    Known(
        "our back-off is one doubling behind, since no sync of ours fails on a stale read", RECORDINGS,
        scenario="^resource-quota$", aspects=("time",),
    ),
    Known(
        "one attempt between the ends of two victims is not made: simulated decisions take no time", RECORDINGS,
        scenario="^preemption$", words="Unschedulable|FailedScheduling",
    ),
    Known(
        "of a state that lasted some milliseconds one Pod more is told: simulated decisions take no time", RECORDINGS,
        scenario="^(topology-spread|anti-affinity)$", words="Unschedulable|FailedScheduling",
    ),
    Known(
        "a readiness that flips while a Pod ends, and which Pod returns where, is chance here", RECORDINGS,
        scenario="^node-crash-return-400$",
    ),
)  # fmt: skip


def known_for(finding: Finding, scenario: str) -> Known | None:
    """What explains a difference, if anything does."""
    return next((known for known in KNOWN if known.explains(finding, scenario)), None)
