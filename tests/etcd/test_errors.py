"""The errors of etcd: a tree, and words that users see."""

from __future__ import annotations

from kubesim.etcd import EtcdError, RequestTimedOutError
from kubesim.etcd import errors as module


def test_every_error_speaks_etcds_words_and_has_a_grpc_status() -> None:
    """Teaches: `code` and `reason` go over a wire, the message is what people search for."""
    kinds = EtcdError.__subclasses__()
    assert len({kind.message for kind in kinds}) == len(kinds)
    for kind in kinds:
        assert str(kind()).startswith("etcdserver: ")
        assert kind.code in (3, 5, 9, 11, 14)
        assert kind.reason


def test_only_a_timeout_leaves_open_what_happened() -> None:
    """Teaches: every refusal is definite."""
    assert [kind for kind in EtcdError.__subclasses__() if not kind.definite] == [RequestTimedOutError]


def test_the_tree_at_the_head_of_the_module_is_complete() -> None:
    """Teaches: `except` clauses can be chosen by eye."""
    drawn = [line.split()[1] for line in (module.__doc__ or "").splitlines() if line[:1] in ("├", "└")]
    assert drawn == [kind.__name__ for kind in EtcdError.__subclasses__()]
