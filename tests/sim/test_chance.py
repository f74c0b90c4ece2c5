"""Everything random, from one seed."""

from __future__ import annotations

import subprocess
import sys
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from kubesim.sim import Chance
from kubesim.sim.chance import NAME_ALPHABET


@given(st.integers(0, 2**32))
def test_a_uid_is_a_random_uuid_of_version_4(seed: int) -> None:
    """Teaches: what the apiserver writes into metadata.uid, though it comes from the seed."""
    text = Chance(seed).uid()
    uid = UUID(text)
    assert str(uid) == text
    assert (uid.version, uid.variant) == (4, "specified in RFC 4122")


def test_uids_differ() -> None:
    """Teaches: a million objects, no collision."""
    chance = Chance(1)
    assert len({chance.uid() for _ in range(10_000)}) == 10_000


def test_name_suffixes_use_kubernetes_alphabet() -> None:
    """Teaches: no vowels, so no words arise; no 0, 1, 3, so nothing looks alike."""
    chance = Chance(1)
    suffixes = [chance.name_suffix() for _ in range(2000)]
    assert {len(suffix) for suffix in suffixes} == {5}
    assert set("".join(suffixes)) == set(NAME_ALPHABET)
    assert not set(NAME_ALPHABET) & set("aeiou013")
    assert len(chance.name_suffix(10)) == 10


def test_streams_do_not_disturb_each_other() -> None:
    """Teaches: one more draw in the scheduler does not change the names of Pods."""
    quiet, busy = Chance(7), Chance(7)
    for _ in range(100):
        busy.stream("scheduler").random()
    assert busy.name_suffix() == quiet.name_suffix()
    assert busy.uid() == quiet.uid()
    assert busy.stream("network").random() == quiet.stream("network").random()


def test_a_stream_is_the_same_object_at_every_call() -> None:
    """Teaches: a name stands for one sequence, not for one beginning."""
    chance = Chance(7)
    assert chance.stream("a") is chance.stream("a")
    assert [chance.stream("a").random() for _ in range(3)] != [chance.stream("b").random() for _ in range(3)]


def test_another_seed_is_another_world() -> None:
    """Teaches: seeds are not shifted copies of each other."""
    assert len({Chance(seed).uid() for seed in range(100)}) == 100


def test_the_same_seed_is_the_same_in_another_process() -> None:
    """Teaches: streams come from SHA-256 of the name; Python's own hash differs per process."""
    code = "from kubesim.sim import Chance; c = Chance(7); print(c.uid(), c.name_suffix(), c.stream('x').random())"
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": hash_seed}, capture_output=True, check=True
        ).stdout
        for hash_seed in ("1", "2")
    }
    chance = Chance(7)
    assert outputs == {f"{chance.uid()} {chance.name_suffix()} {chance.stream('x').random()}\n".encode()}
