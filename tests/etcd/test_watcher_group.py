"""The index from a key to those who watch it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from kubesim.etcd.watcher_group import WatcherGroup


def test_a_key_finds_its_watchers_and_those_of_ranges_around_it() -> None:
    """Teaches: exact watchers first, then ranges, each in the order in which they came."""
    group: WatcherGroup[str] = WatcherGroup()
    group.add("pods", b"/pods/", b"/pods0")
    group.add("all", b"/", b"\0")
    group.add("one", b"/pods/a", b"")
    group.add("nodes", b"/nodes/", b"/nodes0")
    assert list(group.watchers_of(b"/pods/a")) == ["one", "pods", "all"]
    assert list(group.watchers_of(b"/pods/b")) == ["pods", "all"]
    assert list(group.watchers_of(b"/pods0")) == ["all"], "a range ends before its end"
    assert list(group.watchers_of(b"!")) == []


def test_a_watcher_that_leaves_leaves_nothing_behind() -> None:
    """Teaches: the index is as small after a thousand watches as before."""
    group: WatcherGroup[int] = WatcherGroup()
    for number in range(1000):
        group.add(number, b"%d" % number, b"%d0" % number)
        group.add(-number, b"k", b"")
    for number in range(1000):
        group.remove(number, b"%d" % number, b"%d0" % number)
        group.remove(-number, b"k", b"")
    assert (group._bounds, group._covering, group._by_key, group._uses) == ([], [[]], {}, {})


bounds = st.sampled_from([b"a", b"aa", b"b", b"c", b"d"])
ends = st.one_of(bounds, st.sampled_from([b"", b"\0"]))


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.lists(st.tuples(bounds, ends, st.booleans()), max_size=12))
def test_the_index_finds_exactly_what_a_search_through_all_would(ranges: list[tuple[bytes, bytes, bool]]) -> None:
    """Teaches: overlapping, nested, equal and open ranges, some of them gone again."""
    group: WatcherGroup[int] = WatcherGroup()
    living = {}
    for number, (key, end, _) in enumerate(ranges):
        if end in (b"", b"\0") or key < end:
            group.add(number, key, end)
            living[number] = (key, end)
    for number, (_, _, leaves) in enumerate(ranges):
        if leaves and number in living:
            group.remove(number, *living.pop(number))
    for key in (b"a", b"a0", b"aa", b"ab", b"b", b"bb", b"c", b"d", b"e"):
        exact = [n for n, (start, end) in living.items() if end == b"" and key == start]
        around = [n for n, (start, end) in living.items() if end and start <= key and (end == b"\0" or key < end)]
        assert list(group.watchers_of(key)) == exact + around
