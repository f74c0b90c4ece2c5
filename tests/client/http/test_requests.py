"""From requests to paths, queries and bodies, as client-go writes them."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from kubesim.api.resources import DEPLOYMENTS, LEASES, NODES, PODS
from kubesim.api.wire import MERGE_PATCH, Options, Request
from kubesim.client.http.requests import http_request, session_query


@pytest.mark.parametrize(
    ("request_", "line"),
    [
        (Request("get", NODES, name="node-1"), "GET /api/v1/nodes/node-1"),
        (Request("list", PODS), "GET /api/v1/pods"),
        (Request("list", PODS, "default"), "GET /api/v1/namespaces/default/pods"),
        (Request("create", PODS, "a", "p", "binding", {}), "POST /api/v1/namespaces/a/pods/p/binding"),
        (Request("update", LEASES, "a", "l", body={}), "PUT /apis/coordination.k8s.io/v1/namespaces/a/leases/l"),
        (Request("patch", DEPLOYMENTS, "a", "d", "scale"), "PATCH /apis/apps/v1/namespaces/a/deployments/d/scale"),
        (Request("delete", NODES, name="a/b"), "DELETE /api/v1/nodes/a%2Fb"),
        (Request("deletecollection", PODS, "a"), "DELETE /api/v1/namespaces/a/pods"),
        (Request("get", NODES, name="system:node:x"), "GET /api/v1/nodes/system:node:x"),
    ],
)
def test_a_request_has_its_method_and_path(request_: Request, line: str) -> None:
    """Teaches: the paths of the API; the core group's begin with /api, all others with /apis/GROUP."""
    http = http_request(request_)
    assert f"{http.method} {http.path}" == line


def test_each_verb_sends_its_own_options() -> None:
    """Teaches: ListOptions, PatchOptions and DeleteOptions are not the same."""
    options = Options(
        label_selector="a=b", field_selector="c=d", limit=5, continue_="x", resource_version="7",
        resource_version_match="Exact", timeout_seconds=9, allow_watch_bookmarks=True, send_initial_events=True,
        dry_run=True, field_manager="me", field_validation="Strict", force=True,
    )  # fmt: skip
    queries = {
        verb: dict(http_request(Request(verb, PODS, options=options)).query) for verb in ("get", "watch", "patch")
    }
    assert queries == {
        "get": {},
        "watch": {
            "watch": "true", "labelSelector": "a=b", "fieldSelector": "c=d", "resourceVersion": "7",
            "resourceVersionMatch": "Exact", "continue": "x", "limit": "5", "timeoutSeconds": "9",
            "allowWatchBookmarks": "true", "sendInitialEvents": "true",
        },
        "patch": {"dryRun": "All", "fieldManager": "me", "fieldValidation": "Strict", "force": "true"},
    }  # fmt: skip
    deleted = http_request(Request("delete", PODS, "a", "p", body={"gracePeriodSeconds": 0}, options=options))
    assert orjson.loads(deleted.body or b"") == {"gracePeriodSeconds": 0, "dryRun": ["All"]}


def test_a_patch_says_which_kind_it_is() -> None:
    """Teaches: the content type of a patch is its kind; causes and the sender are headers."""
    request = Request("patch", PODS, "a", "p", body={}, patch_type=MERGE_PATCH, user_agent="me", causes=(7, "timer x"))
    assert http_request(request).headers == {
        "Accept": "application/json",
        "User-Agent": "me",
        "Kubesim-Cause": "7,timer x",
        "Content-Type": "application/merge-patch+json",
    }


def test_options_of_a_session_repeat_lists() -> None:
    """Teaches: every word of a command is a parameter of its own."""
    options: dict[str, Any] = {"command": ["ls", "-l"], "stdout": True, "tailLines": 3}
    assert session_query(options) == [("command", "ls"), ("command", "-l"), ("stdout", "true"), ("tailLines", "3")]
