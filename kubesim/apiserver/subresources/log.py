"""`pods/log`: what a container has printed, from its kubelet.

Upstream: LogREST in pkg/registry/core/pod/rest/log.go, LocationStreamer in k8s.io/apiserver/pkg/registry/generic/rest.
"""

from __future__ import annotations

from typing import Any

from kubesim.api.errors import ApiError, BadRequestError, FieldError, InternalError, NotFoundError, invalid
from kubesim.api.kubelet_call import LOGS, KubeletCall, KubeletError
from kubesim.api.resources import Resource
from kubesim.api.session import Session, session_pair
from kubesim.apiserver.kubelet_client import DialError, url
from kubesim.apiserver.subresources.connecting import Connecting, container_of
from kubesim.apiserver.validation.field import NOT_NEGATIVE, forbidden, not_supported
from kubesim.apiserver.validation.field import invalid as invalid_field

POD_LOG_OPTIONS = Resource("", "v1", "PodLogOptions", "podlogoptions")
STREAMS = ("All", "Stdout", "Stderr")
FLAGS = ("follow", "previous", "timestamps")
PASSED_ON = ("follow", "limitBytes", "previous", "sinceSeconds", "sinceTime", "stream", "tailLines", "timestamps")


async def read_log(connecting: Connecting) -> Session:
    """The log as a session on which only standard output and error come."""
    options, request = connecting.options, connecting.request
    if problems := validate_log_options(options):
        raise invalid(POD_LOG_OPTIONS, request.name, problems)
    pod = await connecting.stored()
    container = container_of(pod, options.get("container", ""))
    node = pod.object["spec"].get("nodeName", "")
    if not node:
        theirs, ours = session_pair()
        ours.finish()  # Nobody runs it: it has printed nothing.
        return theirs
    address = connecting.kubelets.address(node)
    query = {name: _shown(options[name]) for name in PASSED_ON if options.get(name) not in (None, False, "")}
    call = KubeletCall(LOGS, request.namespace, pod.name, container, options)
    try:
        return await connecting.kubelets.call(node, address, call)
    except DialError as error:
        where = url(address, f"{LOGS}/{request.namespace}/{pod.name}/{container}", query)
        raise ApiError(f'Get "{where}": {error}') from None
    except KubeletError as error:
        raise answered(error, pod.name) from None


def answered(error: KubeletError, name: str) -> ApiError:
    """The kubelet's refusal as the apiserver's."""
    if error.code == BadRequestError.code:
        return BadRequestError(error.message)
    if error.code == NotFoundError.code:
        details = {"name": name, "kind": "pods/log", "causes": [{"reason": "UnexpectedServerResponse",
                                                                  "message": error.message}]}  # fmt: skip
        return NotFoundError(f"the server could not find the requested resource ( pods/log {name})", details)
    return InternalError(f"Internal error occurred: {error.message}", {"causes": [{"message": error.message}]})


def validate_log_options(options: dict[str, Any]) -> list[FieldError]:
    """What is wrong with PodLogOptions."""
    problems: list[FieldError] = []
    tail, limit, seconds = (options.get(name) for name in ("tailLines", "limitBytes", "sinceSeconds"))
    if tail is not None and tail < 0:
        problems.append(invalid_field("tailLines", tail, NOT_NEGATIVE))
    if limit is not None and limit < 1:
        problems.append(invalid_field("limitBytes", limit, "must be greater than 0"))
    if seconds is not None and options.get("sinceTime"):
        problems.append(forbidden("", "at most one of `sinceTime` or `sinceSeconds` may be specified"))
    elif seconds is not None and seconds < 1:
        problems.append(invalid_field("sinceSeconds", seconds, "must be greater than 0"))
    stream = options.get("stream")
    if stream and stream not in STREAMS:
        problems.append(not_supported("stream", stream, STREAMS))
    elif stream and stream != "All" and tail is not None:
        words = "`tailLines` and specific `stream` are mutually exclusive for now"
        problems.append(forbidden("", words))
    return problems


def _shown(value: object) -> str:
    return "true" if value is True else str(value)
