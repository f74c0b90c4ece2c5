"""Why a node is out for the Pods around it: topology spread, and affinity between Pods."""

from __future__ import annotations

from collections.abc import Mapping

from kubesim.scheduler.explain.seen import Seen, counted, listed
from kubesim.scheduler.plugins import inter_pod_affinity as affinity
from kubesim.scheduler.plugins import pod_topology_spread as spreading
from kubesim.scheduler.plugins.spread_constraints import DO_NOT_SCHEDULE, HOSTNAME, Constraint, constraints_of
from kubesim.scheduler.pod_group import AffinityTerm, PodGroup


def topology_spread(seen: Seen) -> str:
    """The constraint that would be violated, with its counts."""
    notes: spreading.Notes = seen.state.read(spreading.PodTopologySpread.name)
    labels = seen.node.known.metadata.labels
    for number, constraint in enumerate(constraints_of(seen.pod, DO_NOT_SCHEDULE)):
        domain = labels.get(constraint.topology_key)
        if domain is None:
            return f"the Pod is to be spread over {constraint.topology_key}, and it has no such label"
        count, fewest = notes.counts[number].get(domain, 0), notes.fewest(number, constraint)
        itself = constraint.selector.matches(seen.pod.group.labels)
        if count + itself - fewest > constraint.max_skew:
            return _skew(constraint, domain, count, fewest, itself=itself, domains=len(notes.counts[number]))
    return ""


def _skew(constraint: Constraint, domain: str, count: int, fewest: int, *, itself: bool, domains: int) -> str:
    where = _place(constraint.topology_key, domain)
    text = f"{where} has {counted(count, 'Pod')} with {constraint.selector}, the emptiest {fewest}"
    if domains < constraint.min_domains:
        text = (
            f"{where} has {counted(count, 'Pod')} with {constraint.selector}, and with {domains} of at least "
            f"{constraint.min_domains} domains the emptiest counts as 0"
        )
    skew = count + itself - fewest
    more = "one more makes" if itself else "that is"
    return f"{text}: {more} a difference of {skew}, and maxSkew allows {constraint.max_skew}"


def inter_pod_affinity(seen: Seen) -> str:
    """Whose requirement is not met: the Pod's, or that of Pods that are there."""
    plugin = seen.plugin
    assert isinstance(plugin, affinity.InterPodAffinity)
    notes: affinity.Notes = seen.state.read(plugin.name)
    labels, terms = seen.node.known.metadata.labels, seen.pod.group.terms
    if seen.status.reasons == affinity.AFFINITY_RULES.reasons:
        return _no_company(notes, terms.required, labels)
    if seen.status.reasons == affinity.ANTI_AFFINITY_RULES.reasons:
        for term in terms.anti_required:
            count = notes.anti.get((term.topology_key, labels.get(term.topology_key, "")), 0)
            if count > 0:
                near = _place(term.topology_key, labels[term.topology_key])
                return f"the Pod may not be near Pods with {term.selector}, and {near} has {counted(count, 'such Pod')}"
        return ""
    return _kept_away(seen, plugin, labels)


def _no_company(notes: affinity.Notes, required: tuple[AffinityTerm, ...], labels: Mapping[str, str]) -> str:
    missed = []
    for term in required:
        value = labels.get(term.topology_key)
        if value is None:
            missed.append(f"the Pod must be near Pods by {term.topology_key}, and it has no such label")
        elif notes.affinity.get((term.topology_key, value), 0) <= 0:
            where = _place(term.topology_key, value)
            missed.append(f"the Pod must be near Pods with {term.selector}, and {where} has none")
    return "; ".join(missed)


def _kept_away(seen: Seen, plugin: affinity.InterPodAffinity, labels: Mapping[str, str]) -> str:
    """Pods that are there do not want the new one near; the first few of them by name."""
    found: list[str] = []
    why: AffinityTerm | None = None
    for node in seen.snapshot.affine_nodes():
        for group in node.affine_groups:
            term = _refusing(plugin, group, seen.pod.group, node.known.metadata.labels, labels)
            if term is not None:
                why = why or term
                found += [pod.key for pod in node.pods.values() if pod.group == group]
    if why is None:
        return ""
    where = _place(why.topology_key, labels[why.topology_key])
    wants = "does" if len(found) == 1 else "do"
    return f"{listed(sorted(found))} in {where} {wants} not want Pods with {why.selector} near (anti-affinity)"


def _refusing(
    plugin: affinity.InterPodAffinity, group: PodGroup, new: PodGroup, there: Mapping[str, str], here: Mapping[str, str]
) -> AffinityTerm | None:
    """The term by which Pods of `group` keep the new one away from this node."""
    for term in group.terms.anti_required:
        key = term.topology_key
        if key in here and there.get(key) == here[key] and term.matches(new, plugin.namespace_labels):
            return term
    return None


def _place(key: str, value: str) -> str:
    return "it" if key == HOSTNAME else f"{key.rpartition('/')[2]} {value}"
