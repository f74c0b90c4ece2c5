"""How long retries wait."""

from __future__ import annotations

import asyncio

from kubesim.client import BucketRateLimiter, ItemExponentialFailureRateLimiter, MaxOfRateLimiter
from kubesim.client.rate_limit import TokenBucket, default_controller_rate_limiter
from kubesim.sim import Simulation


def test_each_failure_of_a_key_doubles_its_delay_up_to_a_maximum() -> None:
    """Teaches: 5 ms · 2ⁿ; after 18 failures a controller tries only every 1000 s."""
    limiter = ItemExponentialFailureRateLimiter()
    delays = [limiter.when("a") for _ in range(2000)]
    assert delays[:5] == [0.005, 0.01, 0.02, 0.04, 0.08]
    assert delays[17] == 655.36
    assert set(delays[18:]) == {1000.0}
    assert limiter.requeues("a") == 2000
    assert limiter.when("b") == 0.005  # Another key knows nothing of it.


def test_forgetting_a_key_starts_it_over() -> None:
    """Teaches: one success and the next failure is cheap again."""
    limiter = ItemExponentialFailureRateLimiter()
    for _ in range(3):
        limiter.when("a")
    limiter.forget("a")
    limiter.forget("never seen")
    assert limiter.requeues("a") == 0
    assert limiter.when("a") == 0.005


async def test_a_bucket_gives_a_burst_and_then_a_steady_rate(sim: Simulation) -> None:
    """Teaches: a token bucket lends tokens from the future, one every tenth of a second."""
    limiter = BucketRateLimiter(sim.clock, qps=10, burst=3)
    assert [limiter.when("any") for _ in range(5)] == [0, 0, 0, 0.1, 0.2]
    limiter.forget("any")
    assert limiter.requeues("any") == 0
    await asyncio.sleep(0.3)
    assert limiter.when("any") == 0  # 0.2 s of debt were paid, and one token came.
    assert limiter.when("any") == 0.1


async def test_a_full_bucket_does_not_overflow(sim: Simulation) -> None:
    """Teaches: a quiet hour buys no more than the burst."""
    bucket = TokenBucket(sim.clock, qps=1, burst=2)
    await asyncio.sleep(3600)
    assert [bucket.try_take() for _ in range(3)] == [True, True, False]
    await asyncio.sleep(0.999_999_999)
    assert not bucket.try_take()
    await asyncio.sleep(0.000_000_001)
    assert bucket.try_take()


async def test_the_default_is_the_greater_of_both(sim: Simulation) -> None:
    """Teaches: many keys failing once are slowed by the bucket, one key failing often by its exponent."""
    limiter = default_controller_rate_limiter(sim.clock)
    assert [limiter.when("one") for _ in range(3)] == [0.005, 0.01, 0.02]
    delays = [limiter.when(f"key-{number}") for number in range(100)]
    assert set(delays[:97]) == {0.005}
    assert delays[97:] == [0.1, 0.2, 0.3]
    limiter.forget("one")
    assert limiter.requeues("one") == 0
    assert limiter.requeues("key-1") == 1


def test_the_longest_of_several_delays_counts() -> None:
    """Teaches: every limiter counts the failure, even one whose answer is not used."""
    fast, slow = ItemExponentialFailureRateLimiter(1), ItemExponentialFailureRateLimiter(5)
    limiter = MaxOfRateLimiter(fast, slow)
    assert [limiter.when("a"), limiter.when("a")] == [5, 10]
    assert fast.requeues("a") == slow.requeues("a") == limiter.requeues("a") == 2
