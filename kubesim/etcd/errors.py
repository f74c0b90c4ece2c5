"""Everything that etcd refuses, in etcd's own words.

EtcdError
├── EmptyKeyError             a request without a key
├── KeyNotFoundError          ignore_value or ignore_lease, and there is nothing to keep
├── ValueProvidedError        ignore_value together with a value
├── LeaseProvidedError        ignore_lease together with a lease
├── DuplicateKeyError         a transaction would write one key twice
├── TooManyOperationsError    a transaction with more than 128 operations
├── RequestTooLargeError      a value of more than 1.5 MiB
├── CompactedError            the revision is forgotten: read or watch from a later one
├── FutureRevisionError       the revision has not happened yet
├── LeaseNotFoundError        the lease expired, was revoked, or never was
├── LeaseExistsError          the lease id is taken
├── LeaseTtlTooLargeError     a lease of more than 285 years
└── RequestTimedOutError      no answer came: the only one that leaves open whether it took effect

Upstream: api/v3rpc/rpctypes/error.go. `code` and `reason` are the gRPC status that goes over a wire.
"""

from __future__ import annotations

from typing import ClassVar


class EtcdError(Exception):
    """etcd refused a request. `definite`: nothing was written; only a lost answer cannot promise that."""

    message: ClassVar[str] = "etcdserver: unknown error"
    reason: ClassVar[str] = "Unknown"
    code: ClassVar[int] = 2
    definite: ClassVar[bool] = True

    def __init__(self) -> None:
        super().__init__(self.message)


class EmptyKeyError(EtcdError):
    """Every request names a key; the smallest one is a zero byte."""

    message = "etcdserver: key is not provided"
    reason, code = "InvalidArgument", 3


class KeyNotFoundError(EtcdError):
    """To keep a key's value or lease there must be a key."""

    message = "etcdserver: key not found"
    reason, code = "InvalidArgument", 3


class ValueProvidedError(EtcdError):
    """Either keep the value or bring a new one."""

    message = "etcdserver: value is provided"
    reason, code = "InvalidArgument", 3


class LeaseProvidedError(EtcdError):
    """Either keep the lease or bring a new one."""

    message = "etcdserver: lease is provided"
    reason, code = "InvalidArgument", 3


class DuplicateKeyError(EtcdError):
    """A key can change only once in a transaction: its state at a revision would be ambiguous."""

    message = "etcdserver: duplicate key given in txn request"
    reason, code = "InvalidArgument", 3


class TooManyOperationsError(EtcdError):
    """Split the transaction."""

    message = "etcdserver: too many operations in txn request"
    reason, code = "InvalidArgument", 3


class RequestTooLargeError(EtcdError):
    """Store something smaller; the limit is --max-request-bytes of a real member."""

    message = "etcdserver: request is too large"
    reason, code = "InvalidArgument", 3


class CompactedError(EtcdError):
    """What was overwritten before the compacted revision is gone. Read the latest, go on from there."""

    message = "etcdserver: mvcc: required revision has been compacted"
    reason, code = "OutOfRange", 11


class FutureRevisionError(EtcdError):
    """Nobody has written that revision yet."""

    message = "etcdserver: mvcc: required revision is a future revision"
    reason, code = "OutOfRange", 11


class LeaseNotFoundError(EtcdError):
    """Grant a new lease and write the keys again."""

    message = "etcdserver: requested lease not found"
    reason, code = "NotFound", 5


class LeaseExistsError(EtcdError):
    """Choose another id, or none and let etcd choose."""

    message = "etcdserver: lease already exists"
    reason, code = "FailedPrecondition", 9


class LeaseTtlTooLargeError(EtcdError):
    """A lease lasts at most 9,000,000,000 seconds."""

    message = "etcdserver: too large lease TTL"
    reason, code = "OutOfRange", 11


class RequestTimedOutError(EtcdError):
    """The request or its answer was lost. A write may have happened: read before you try again."""

    message = "etcdserver: request timed out"
    reason, code = "Unavailable", 14
    definite = False
