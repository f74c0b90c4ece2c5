"""How components reach an apiserver: transports, the client, informers, work queues, events, leader election.

Upstream: k8s.io/client-go.
"""

from kubesim.client.client import Client, ListResult
from kubesim.client.events import NORMAL, WARNING, EventRecorder
from kubesim.client.faulty import Effect, FaultyTransport, Rule
from kubesim.client.in_process import InProcessTransport, Server
from kubesim.client.informer import Informer, Informers
from kubesim.client.leader_election import LeaderElector
from kubesim.client.rate_limit import (
    BucketRateLimiter,
    ItemExponentialFailureRateLimiter,
    MaxOfRateLimiter,
    RateLimiter,
    default_controller_rate_limiter,
)
from kubesim.client.workqueue import ShutDownError, WorkQueue

__all__ = [
    "BucketRateLimiter",
    "Client",
    "Effect",
    "EventRecorder",
    "FaultyTransport",
    "InProcessTransport",
    "Informer",
    "Informers",
    "ItemExponentialFailureRateLimiter",
    "LeaderElector",
    "ListResult",
    "MaxOfRateLimiter",
    "NORMAL",
    "RateLimiter",
    "Rule",
    "Server",
    "ShutDownError",
    "WARNING",
    "WorkQueue",
    "default_controller_rate_limiter",
]
