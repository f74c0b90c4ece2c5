"""The first words with a cluster: is it there, does it know us, and is it one that we understand?

kubesim emulates one minor release. A component or a scenario mostly works one release away as well, as Kubernetes'
own do, so a neighbour is warned of and everything else is refused.
Upstream: the version skew policy of Kubernetes.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import orjson

from kubesim.api.errors import ApiError, TransportError
from kubesim.client.http import HttpTransport
from kubesim.realcluster.errors import RealClusterError

OURS = (1, 36)
SKEW_MAX = 1  # A neighbour is warned of.


class ServerVersion(NamedTuple):
    """What the apiserver says of itself."""

    text: str  # v1.36.2
    major: int
    minor: int

    def skew(self) -> int:
        """How many minor releases it is ahead of us; negative: behind."""
        return (self.major - OURS[0]) * 1000 + self.minor - OURS[1]


async def greet(transport: HttpTransport) -> ServerVersion:
    """The server's version; RealClusterError if it cannot be reached, or does not know us."""
    access = transport.access
    where = f'the cluster of context "{access.context}" ({access.server})'
    try:
        answer = orjson.loads(await transport.read("/version"))
        await transport.read("/api")  # A page that is not for everybody.
    except TransportError as error:
        raise RealClusterError(f"{where} cannot be reached: {error}") from None
    except ApiError as error:
        if error.code == 401:
            raise RealClusterError(
                f'{where} does not know the user "{access.user}" (401 Unauthorized); renew its credentials'
            ) from None
        raise RealClusterError(f"{where} refuses: {error.message}") from None
    except orjson.JSONDecodeError:
        raise RealClusterError(f"{where} is no apiserver: its /version is not JSON") from None
    return version_of(answer, where)


def version_of(answer: object, where: str) -> ServerVersion:
    """From what /version says."""
    text = str(answer.get("gitVersion", "")) if isinstance(answer, dict) else ""
    found = re.match(r"v?(\d+)\.(\d+)", text)
    if found is None:
        raise RealClusterError(f"{where} does not say which version it is")
    return ServerVersion(text, int(found[1]), int(found[2]))


def skew_warning(version: ServerVersion, *, any_version: bool = False) -> str:
    """What there is to say of a server's version; "" for nothing. RealClusterError if it is too far from ours."""
    skew, ours = version.skew(), "v{}.{}".format(*OURS)
    if skew == 0:
        return ""
    age = "newer" if skew > 0 else "older"
    words = f"the cluster is {version.text}, {age} than what kubesim emulates ({ours})"
    if abs(skew) > SKEW_MAX and not any_version:
        raise RealClusterError(f"{words} by more than one minor release; --any-version goes on all the same")
    return f"{words}: some words and rules may differ"
