"""Tests of kubesim.controllers.service_selectors."""

from hypothesis import given
from hypothesis import strategies as st

from kubesim.controllers.service_selectors import ServiceSelectors, selects

LABELS = st.dictionaries(st.sampled_from("abc"), st.sampled_from("xy"), max_size=3)


def test_a_service_selects_pods_that_have_all_its_labels() -> None:
    """Teaches: a selector is a conjunction, within one namespace."""
    selectors = ServiceSelectors()
    selectors.put("default/web", "default", {"app": "web"})
    selectors.put("default/canary", "default", {"app": "web", "track": "canary"})
    assert selectors.matching("default", {"app": "web", "x": "y"}) == ["default/web"]
    assert selectors.matching("default", {"track": "canary", "app": "web"}) == ["default/web", "default/canary"]
    assert selectors.matching("other", {"app": "web"}) == []


def test_a_service_without_selector_selects_nothing() -> None:
    """Teaches: its endpoints are somebody else's business."""
    selectors = ServiceSelectors()
    selectors.put("default/manual", "default", {})
    assert selectors.matching("default", {"app": "web"}) == []


def test_a_changed_selector_replaces_the_old_one() -> None:
    """Teaches: nothing of it stays behind."""
    selectors = ServiceSelectors()
    selectors.put("default/web", "default", {"app": "web"})
    selectors.put("default/web", "default", {"app": "none"})
    assert selectors.matching("default", {"app": "web"}) == []
    selectors.remove("default/web")
    selectors.remove("default/web")
    assert selectors.matching("default", {"app": "none"}) == []


@given(st.dictionaries(st.sampled_from(["s1", "s2", "s3", "s4"]), LABELS), LABELS)
def test_the_index_finds_exactly_what_asking_everybody_would(
    services: dict[str, dict[str, str]], labels: dict[str, str]
) -> None:
    """Teaches: an index may only be faster, never different."""
    selectors = ServiceSelectors()
    for key, selector in services.items():
        selectors.put(key, "default", selector)
    expected = {key for key, selector in services.items() if selector and selects(selector, labels)}
    found = selectors.matching("default", labels)
    assert len(found) == len(set(found))
    assert set(found) == expected
