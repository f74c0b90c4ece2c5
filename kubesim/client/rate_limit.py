"""How long a work queue waits before it tries a key again.

The default is that of every controller: the greater of a per-key exponential delay (5 ms doubling to 1000 s)
and an overall token bucket (10 a second, 100 at once).
Upstream: k8s.io/client-go/util/workqueue/default_rate_limiters.go.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Protocol

from kubesim.sim import Clock

NANOSECONDS_PER_SECOND = 1_000_000_000
BASE_DELAY_SECONDS = 0.005
MAX_DELAY_SECONDS = 1000.0
BUCKET_QPS = 10.0
BUCKET_BURST = 100
EXPONENT_MAX = 62  # 5 ms · 2⁶² is far above every maximum; more would only make floats overflow.


class RateLimiter(Protocol):
    """Decides how long a key waits."""

    def when(self, key: Hashable) -> float:
        """Counts one more failure of `key`; returns how many seconds it should wait."""
        ...

    def forget(self, key: Hashable) -> None:
        """The key is fine: its failures are forgotten."""
        ...

    def requeues(self, key: Hashable) -> int:
        """How often the key failed since it was last forgotten."""
        ...


class ItemExponentialFailureRateLimiter:
    """Each failure of a key doubles its delay."""

    def __init__(self, base_seconds: float = BASE_DELAY_SECONDS, max_seconds: float = MAX_DELAY_SECONDS) -> None:
        self._base_seconds = base_seconds
        self._max_seconds = max_seconds
        self._failures: dict[Hashable, int] = {}

    def when(self, key: Hashable) -> float:
        """The n-th failure waits base · 2ⁿ⁻¹, at most the maximum."""
        exponent = self._failures.get(key, 0)
        self._failures[key] = exponent + 1
        return min(self._base_seconds * 2.0 ** min(exponent, EXPONENT_MAX), self._max_seconds)

    def forget(self, key: Hashable) -> None:
        """Starts again at the base delay."""
        self._failures.pop(key, None)

    def requeues(self, key: Hashable) -> int:
        """How often the key failed."""
        return self._failures.get(key, 0)


class TokenBucket:
    """`burst` tokens at once, refilled at `qps` a second; exact, in integer nanoseconds.

    Kept as the instant at which the bucket would be full again if nobody took any more.
    """

    def __init__(self, clock: Clock, qps: float, burst: int) -> None:
        self._clock = clock
        self._interval_ns = round(NANOSECONDS_PER_SECOND / qps)
        self._capacity_ns = burst * self._interval_ns
        self._full_at_ns = clock.now_ns()

    def take(self) -> float:
        """Takes a token, from the future if there is none now; returns the seconds until it exists."""
        now_ns = self._clock.now_ns()
        self._full_at_ns = max(self._full_at_ns, now_ns) + self._interval_ns
        return max(0, self._full_at_ns - self._capacity_ns - now_ns) / NANOSECONDS_PER_SECOND

    def try_take(self) -> bool:
        """Takes a token if there is one now."""
        now_ns = self._clock.now_ns()
        full_at_ns = max(self._full_at_ns, now_ns) + self._interval_ns
        if full_at_ns - self._capacity_ns > now_ns:
            return False
        self._full_at_ns = full_at_ns
        return True


class BucketRateLimiter:
    """One token bucket for all keys: bounds the retries of the whole queue."""

    def __init__(self, clock: Clock, qps: float = BUCKET_QPS, burst: int = BUCKET_BURST) -> None:
        self._bucket = TokenBucket(clock, qps, burst)

    def when(self, key: Hashable) -> float:  # noqa: ARG002 (all keys share the bucket)
        """How long until a token is there."""
        return self._bucket.take()

    def forget(self, key: Hashable) -> None:
        """Nothing: it does not count keys."""

    def requeues(self, key: Hashable) -> int:  # noqa: ARG002 (all keys share the bucket)
        """Always 0: it does not count keys."""
        return 0


class MaxOfRateLimiter:
    """The longest delay that any of several limiters asks for."""

    def __init__(self, *limiters: RateLimiter) -> None:
        self._limiters = limiters

    def when(self, key: Hashable) -> float:
        """Asks all of them, since each counts."""
        return max([limiter.when(key) for limiter in self._limiters])

    def forget(self, key: Hashable) -> None:
        """In all of them."""
        for limiter in self._limiters:
            limiter.forget(key)

    def requeues(self, key: Hashable) -> int:
        """The highest count."""
        return max([limiter.requeues(key) for limiter in self._limiters])


def default_controller_rate_limiter(clock: Clock) -> RateLimiter:
    """What every controller uses unless it says otherwise."""
    return MaxOfRateLimiter(ItemExponentialFailureRateLimiter(), BucketRateLimiter(clock))
