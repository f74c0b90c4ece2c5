"""Objects over HTTP: create, read, change, delete, and what is said when something is wrong."""

from __future__ import annotations

import io
from typing import Any

import pytest

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def test_an_object_lives_and_dies_by_four_methods(served: Any) -> None:
    """Teaches: POST, GET, PUT or PATCH, DELETE are create, get, update or patch, delete."""

    async def test(http: Any) -> None:
        code, made = await http.call("POST", CONFIG_MAPS, config_map("a", x="1"))
        assert (code, made["data"], made["kind"]) == (201, {"x": "1"}, "ConfigMap")
        headers = {"Content-Type": "application/merge-patch+json"}
        code, made = await http.call("PATCH", f"{CONFIG_MAPS}/a", data=b'{"data":{"y":"2"}}', headers=headers)
        assert (code, made["data"]) == (200, {"x": "1", "y": "2"})
        code, made = await http.call("PUT", f"{CONFIG_MAPS}/a", config_map("a", z="3"))
        assert (code, made["data"]) == (200, {"z": "3"})
        code, status = await http.call("DELETE", f"{CONFIG_MAPS}/a")
        assert (code, status["status"], status["details"]["name"]) == (200, "Success", "a")
        code, status = await http.call("GET", f"{CONFIG_MAPS}/a")
        assert (code, status["reason"], status["message"]) == (404, "NotFound", 'configmaps "a" not found')

    served(test)


def test_items_of_a_list_do_not_repeat_what_the_list_says(served: Any) -> None:
    """Teaches: a list names kind and apiVersion once; its bytes are those that were stored."""

    async def test(http: Any) -> None:
        await http.call("POST", CONFIG_MAPS, config_map("a"))
        found = await http.get(CONFIG_MAPS)
        assert (found["kind"], found["apiVersion"]) == ("ConfigMapList", "v1")
        assert int(found["metadata"]["resourceVersion"]) > 0
        assert all("kind" not in item and "apiVersion" not in item for item in found["items"])

    served(test)


def test_pages_of_a_list_say_how_to_go_on(served: Any) -> None:
    """Teaches: limit and continue."""

    async def test(http: Any) -> None:
        for name in "abc":
            await http.call("POST", CONFIG_MAPS, config_map(name))
        first = await http.get(f"{CONFIG_MAPS}?limit=2")
        assert first["metadata"]["remainingItemCount"] == 1
        rest = await http.get(f"{CONFIG_MAPS}?limit=2&continue={first['metadata']['continue']}")
        assert [item["metadata"]["name"] for item in first["items"] + rest["items"]] == ["a", "b", "c"]

    served(test)


def test_yaml_is_read_and_dates_stay_text(served: Any) -> None:
    """Teaches: YAML is another spelling of JSON, not a richer one."""

    async def test(http: Any) -> None:
        text = "kind: ConfigMap\napiVersion: v1\nmetadata: {name: y, annotations: {day: 2024-01-01}}\n"
        code, made = await http.call("POST", CONFIG_MAPS, data=text, headers={"Content-Type": "application/yaml"})
        assert (code, made["metadata"]["annotations"]) == (201, {"day": "2024-01-01"})

    served(test)


@pytest.mark.parametrize(
    ("content_type", "body", "code"),
    [
        ("application/json", b"{", 400),
        ("application/json", b"[" * 10_000, 400),
        ("application/json", b'"text"', 400),
        ("application/json", b"", 400),
        ("application/yaml", b"a: [", 400),
        ("application/yaml", b"[" * 10_000, 400),
        ("application/yaml", b"a: &x [1]\nb: *x", 400),
        ("text/csv", b"a,b", 415),
        ("application/vnd.kubernetes.protobuf", b"nonsense", 400),
        ("application/vnd.kubernetes.protobuf", b"k8s\x00\xff\xff\xff", 400),
        ("application/json", b'{"a":"' + b"x" * (3 << 20) + b'"}', 413),
    ],
)
def test_a_bad_body_is_refused_and_nothing_stored(served: Any, content_type: str, body: bytes, code: int) -> None:
    """Teaches: whatever is sent, the answer is a Status, never a 500."""

    async def test(http: Any) -> None:
        before = (await http.get(CONFIG_MAPS))["metadata"]["resourceVersion"]
        got, status = await http.call(
            "POST", CONFIG_MAPS, data=io.BytesIO(body), headers={"Content-Type": content_type}
        )
        assert (got, status["kind"], status["code"]) == (code, "Status", code)
        assert (await http.get(CONFIG_MAPS))["metadata"]["resourceVersion"] == before

    served(test)


def test_unknown_fields_are_warned_about_or_refused(served: Any) -> None:
    """Teaches: fieldValidation, and the Warning header that kubectl prints."""

    async def test(http: Any) -> None:
        body = {**config_map("a"), "dta": {}}
        async with http.session.post(http.base + CONFIG_MAPS + "?fieldValidation=Warn", json=body) as response:
            assert (response.status, response.headers["Warning"]) == (201, '299 - "unknown field \\"dta\\""')
        body["metadata"] = {"name": "b"}
        code, status = await http.call("POST", CONFIG_MAPS + "?fieldValidation=Strict", body)
        assert (code, 'unknown field "dta"' in status["message"]) == (400, True)
        code, status = await http.call("POST", CONFIG_MAPS + "?fieldValidation=Perhaps", body)
        assert code == 422

    served(test)


@pytest.mark.parametrize(
    ("path", "is_known_version"),
    [
        ("/nosuch", False),
        ("/api/v2/pods", False),
        ("/apis/example.com/v1/vases", False),
        ("/apis/apps/v1/nosuch", True),
        ("/api/v1/pods/name-without-namespace", True),
    ],
)
def test_a_path_that_nobody_knows_is_not_found(served: Any, path: str, is_known_version: bool) -> None:
    """Teaches: a version that is served answers with a Status, everything else is a page that is not there."""

    async def test(http: Any) -> None:
        code, answer = await http.call("GET", path)
        message = answer["message"] if is_known_version else answer
        words = "the server could not find the requested resource" if is_known_version else "404 page not found\n"
        assert (code, message) == (404, words)

    served(test)


def test_a_client_that_wants_only_protobuf_is_told_so(served: Any) -> None:
    """Teaches: 406; one that also takes JSON gets JSON."""

    async def test(http: Any) -> None:
        protobuf = "application/vnd.kubernetes.protobuf"
        code, _ = await http.call("GET", CONFIG_MAPS, headers={"Accept": protobuf})
        assert code == 406
        assert (await http.get(CONFIG_MAPS, Accept=f"{protobuf},application/json"))["kind"] == "ConfigMapList"

    served(test)


def test_large_answers_are_compressed_for_those_who_can_read_that(served: Any) -> None:
    """Teaches: gzip from 128 KiB on."""

    async def test(http: Any) -> None:
        await http.call("POST", CONFIG_MAPS, config_map("big", text="x" * 200_000))
        headers = {"Accept-Encoding": "gzip"}
        async with http.session.get(http.base + CONFIG_MAPS, headers=headers) as response:
            assert response.headers["Content-Encoding"] == "gzip"
            assert len((await response.json())["items"][0]["data"]["text"]) == 200_000
        async with http.session.get(http.base + CONFIG_MAPS, headers={"Accept-Encoding": ""}) as response:
            assert "Content-Encoding" not in response.headers

    served(test)


def test_nobody_sees_only_what_is_public(served: Any) -> None:
    """Teaches: without credentials health and version answer, nothing else."""

    async def test(http: Any) -> None:
        nobody = {"Nobody": "1"}
        codes = {}
        for path in ("/healthz", "/version", "/api", "/metrics", CONFIG_MAPS, "/openapi/v3"):
            codes[path] = (await http.call("GET", path, headers=nobody))[0]
        assert codes == {"/healthz": 200, "/version": 200, "/api": 403, "/metrics": 403, CONFIG_MAPS: 403,
                         "/openapi/v3": 403}  # fmt: skip
        code, status = await http.call("GET", "/api", headers={"Authorization": "Bearer nonsense"})
        assert (code, status["reason"]) == (401, "Unauthorized")

    served(test)


def test_an_admin_may_act_as_somebody_else(served: Any) -> None:
    """Teaches: impersonation is a header, and a right of its own."""

    async def test(http: Any) -> None:
        code, status = await http.call("GET", CONFIG_MAPS, headers={"Impersonate-User": "joe"})
        assert code == 403
        assert status["message"] == (
            'configmaps is forbidden: User "joe" cannot list resource "configmaps" in API group "" in the namespace '
            '"default"'
        )
        code, status = await http.call("GET", "/metrics", headers={"Impersonate-User": "joe"})
        assert (code, status["message"]) == (403, 'forbidden: User "joe" cannot get path "/metrics"')
        both = {"Impersonate-User": "ann", "Impersonate-Group": "system:masters"}
        assert (await http.call("GET", CONFIG_MAPS, headers=both))[0] == 200

    served(test)


def test_a_question_is_answered_and_not_kept(served: Any) -> None:
    """Teaches: `kubectl auth can-i` posts a SelfSubjectAccessReview."""

    async def test(http: Any) -> None:
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        body = {"spec": {"resourceAttributes": {"verb": "create", "resource": "pods", "namespace": "default"}}}
        code, answer = await http.call("POST", path, body)
        assert (code, answer["status"]) == (201, {"allowed": True})
        code, answer = await http.call("POST", path, body, headers={"Impersonate-User": "joe"})
        assert (code, answer["status"]) == (201, {"allowed": False})
        code, answer = await http.call("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {})
        assert answer["status"]["userInfo"]["username"] == "kubernetes-admin"

    served(test)


def test_an_autoscaler_has_two_versions(served: Any) -> None:
    """Teaches: what is stored is one; the other is made when asked for."""

    async def test(http: Any) -> None:
        path = "/apis/autoscaling/{}/namespaces/default/horizontalpodautoscalers"
        target = {"kind": "Deployment", "name": "d", "apiVersion": "apps/v1"}
        spec = {"scaleTargetRef": target, "maxReplicas": 3, "targetCPUUtilizationPercentage": 70}
        code, made = await http.call("POST", path.format("v1"), {"metadata": {"name": "h"}, "spec": spec})
        assert (code, made["apiVersion"], made["spec"]["targetCPUUtilizationPercentage"]) == (201, "autoscaling/v1", 70)
        stored = await http.get(path.format("v2") + "/h")
        assert stored["spec"]["metrics"][0]["resource"]["target"] == {"type": "Utilization", "averageUtilization": 70}

    served(test)


def test_a_cause_travels_in_a_header(served: Any) -> None:
    """Teaches: over HTTP too every write knows what it reacts to."""

    async def test(http: Any) -> None:
        headers = {"Kubesim-Cause": "4, a timer", "User-Agent": "teacher/1.0 (linux)"}
        _, made = await http.call("POST", CONFIG_MAPS, config_map("a"), headers=headers)
        origin = http.sim.trace.origins[int(made["metadata"]["resourceVersion"])]
        assert (origin.by, origin.causes) == ("teacher", (4, "a timer"))

    served(test)
