"""Objects from a live cluster, which is only read: every kind that is taken over is listed once.

Secrets are not asked for. Which ones there must be is seen from who refers to them.
"""

from __future__ import annotations

from collections.abc import Callable

from kubesim.api.errors import ApiError, ForbiddenError, NotFoundError, TransportError
from kubesim.api.stored import Object
from kubesim.api.wire import Options
from kubesim.client.client import Client
from kubesim.importing.errors import ImportingError
from kubesim.importing.kinds import listed

PAGE = 500


async def fetch(client: Client, namespace: str, tell: Callable[[str], None]) -> list[Object]:
    """Everything that can be taken over; of namespaced kinds that of one namespace, or all ("")."""
    found: list[Object] = []
    for row in listed():
        try:
            continue_ = ""
            while True:
                page = await client.list(
                    row, namespace if row.namespaced else "", Options(limit=PAGE, continue_=continue_)
                )
                found += [{**item.object, "apiVersion": row.api_version, "kind": row.kind} for item in page.items]
                continue_ = page.continue_
                if not continue_:
                    break
        except NotFoundError:
            tell(f"the cluster has no {row.plural}")
        except ForbiddenError as error:
            if row.kind in ("Node", "Pod"):
                raise ImportingError(f"{row.plural} cannot be read: {error.message}") from None
            tell(f"left out: {row.plural} ({error.message})")
        except (ApiError, TransportError) as error:
            raise ImportingError(f"{row.plural} cannot be read: {error}") from None
    return found
