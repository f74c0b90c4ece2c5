from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubesim.api.selectors import (
    EVERYTHING,
    NOTHING,
    Requirement,
    equality_selector,
    expression_selector,
    label_selector,
    parse_label_selector,
)
from kubesim.api.views import LabelSelector, LabelSelectorRequirement, NodeSelectorRequirement

WEB = {"app": "web", "tier": "front", "size": "5"}


@pytest.mark.parametrize(
    ("text", "selected"),
    [
        ("", True), ("app=web", True), ("app==web", True), ("app=db", False), ("app!=db", True), ("app!=web", False),
        ("gone!=x", True), ("gone=x", False), ("app", True), ("gone", False), ("!gone", True), ("!app", False),
        ("app in (web,db)", True), ("app in (db)", False), ("app notin (db)", True), ("app notin (web,db)", False),
        ("gone notin (x)", True), ("gone in (x)", False), ("size>4", True), ("size>5", False), ("size<6", True),
        ("app>1", False), ("gone>1", False), ("app=web,tier=front,!gone", True), ("app=web,tier=back", False),
        ("app in ( web , db ), tier", True), ("app = web , tier != back", True), ("app=", False),
    ],
)  # fmt: skip
def test_a_selector_text_selects_by_labels(text, selected):
    """Teaches: the whole syntax of `kubectl -l`."""
    assert parse_label_selector(text).matches(WEB) is selected


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("tier=a,app=b", "app=b,tier=a"), ("a==b", "a=b"), ("a in (z, y)", "a in (y,z)"),
        ("a notin (b)", "a notin (b)"), ("!b", "!b"), ("a", "a"), ("a!=b", "a!=b"), ("a>1,b<2", "a>1,b<2"),
        ("a in (,b)", "a in (,b)"), ("a=", "a="),
    ],
)  # fmt: skip
def test_the_canonical_text_is_sorted_and_without_spaces(text, canonical):
    """Teaches: equal selectors have equal texts, which caches use as keys."""
    assert str(parse_label_selector(text)) == canonical


@pytest.mark.parametrize(
    "text", ["a=b=c", "a,,b", "a in b", "a in (b", "(a)", "a b", ",a", "!", "a>x", "=b", "a in (b c)"]
)
def test_what_does_not_parse_is_an_error(text):
    """Teaches: a selector that is misread would delete the wrong things."""
    with pytest.raises(ValueError):
        parse_label_selector(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"),
        ("a=b=c", "found '=', expected: ',' or 'end of string'"),
        ("a,,b", "found ',', expected: identifier after ','"),
        ("=b", "found '=', expected: !, identifier, or 'end of string'"),
        ("a in b", "unable to parse requirement: found 'b' expected: '('"),
        ("a in (", "unable to parse requirement: found '', expected: ',', ')' or identifier"),
        ("a in (b", "unable to parse requirement: found '', expected: ',' or ')'"),
        ("!a=b", "found '=', expected: ',' or 'end of string'"),
    ],
)
def test_a_selector_that_does_not_parse_says_what_was_expected(text, words):
    """Teaches: how to read what kubectl says of `-l`."""
    with pytest.raises(ValueError) as refusal:
        parse_label_selector(text)
    assert str(refusal.value) == words


def test_no_selector_selects_nothing_and_an_empty_one_everything():
    """Teaches: the most dangerous difference of the API."""
    assert not label_selector(None).matches(WEB)
    assert label_selector({}).matches(WEB)
    assert label_selector({}).empty
    assert not label_selector(None).empty
    assert label_selector(None) == NOTHING != EVERYTHING
    assert equality_selector({}).matches({})
    assert EVERYTHING.matches(None)


def test_a_dict_and_a_view_make_the_same_selector():
    """Teaches: components read views, the server reads dicts."""
    as_dict = {
        "matchLabels": {"app": "web"},
        "matchExpressions": [{"key": "tier", "operator": "In", "values": ["front", "back"]}],
    }
    requirement = LabelSelectorRequirement(key="tier", operator="In", values=("front", "back"))
    as_view = LabelSelector(match_labels={"app": "web"}, match_expressions=(requirement,))
    assert label_selector(as_dict) == label_selector(as_view)
    assert hash(label_selector(as_dict)) == hash(label_selector(as_view))
    assert str(label_selector(as_dict)) == "app=web,tier in (back,front)"
    assert repr(label_selector(None)) == "<Selector of nothing>"


@pytest.mark.parametrize(
    "expression",
    [
        {"key": "a", "operator": "Has"},
        {"key": "a", "operator": "In"},
        {"key": "a", "operator": "NotIn", "values": []},
        {"key": "a", "operator": "Exists", "values": ["b"]},
        {"key": "a", "operator": "Gt", "values": ["1", "2"]},
    ],
)
def test_an_expression_with_a_wrong_operator_or_number_of_values_is_an_error(expression):
    """Teaches: In wants values, Exists wants none, Gt exactly one."""
    with pytest.raises(ValueError):
        label_selector({"matchExpressions": [expression]})


def test_node_affinity_compares_numbers():
    """Teaches: Gt and Lt are for node affinity, on labels that are whole numbers."""
    more = expression_selector([NodeSelectorRequirement(key="size", operator="Gt", values=("4",))])
    assert more.matches({"size": "5"})
    assert not more.matches({"size": "4"})
    assert not more.matches({"size": "big"})
    assert not more.matches({})


def test_a_selector_tells_the_only_value_that_a_label_can_have():
    """Teaches: an index can answer `app=web` without looking at everything."""
    assert parse_label_selector("app=web,tier in (a,b)").exact_value("app") == "web"
    assert parse_label_selector("app in (web)").exact_value("app") == "web"
    assert parse_label_selector("tier in (a,b)").exact_value("tier") is None
    assert EVERYTHING.exact_value("app") is None


names = st.text("abcz", min_size=1, max_size=3)
requirements = st.one_of(
    st.builds(lambda key, value: Requirement(key, "=", (value,)), names, names),
    st.builds(lambda key, value: Requirement(key, "!=", (value,)), names, names),
    st.builds(
        lambda key, operator, values: Requirement(key, operator, tuple(sorted(values))),
        names,
        st.sampled_from(("In", "NotIn")),
        st.sets(names, min_size=1, max_size=3),
    ),
    st.builds(Requirement, names, st.sampled_from(("Exists", "DoesNotExist"))),
)
labels = st.dictionaries(names, names, max_size=4)


@given(st.lists(requirements, max_size=4), labels)
def test_a_selector_and_its_text_select_the_same(wanted, found):
    """Teaches: printing and parsing lose nothing."""
    text = ",".join(map(str, wanted))
    selector = parse_label_selector(text)
    assert selector.matches(found) == all(requirement.matches(found) for requirement in wanted)
    assert parse_label_selector(str(selector)) == selector


@given(labels, labels)
def test_an_equality_selector_matches_exactly_the_supersets(wanted, found):
    """Teaches: a Service selects Pods that have all its labels, whatever else they have."""
    assert equality_selector(wanted).matches(found) == (wanted.items() <= found.items())


@given(requirements, labels)
def test_an_operator_and_its_opposite_never_agree(requirement, found):
    """Teaches: NotIn is the negation of In, absent labels included."""
    opposite = {"=": "!=", "!=": "=", "In": "NotIn", "NotIn": "In", "Exists": "DoesNotExist", "DoesNotExist": "Exists"}
    assert requirement.matches(found) != requirement._replace(operator=opposite[requirement.operator]).matches(found)
