"""Discovery, OpenAPI, health, version, metrics."""

from __future__ import annotations

from typing import Any

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"


def test_discovery_tells_groups_versions_and_resources(served: Any) -> None:
    """Teaches: a client knows nothing beforehand; it asks /api and /apis."""

    async def test(http: Any) -> None:
        assert (await http.get("/api"))["versions"] == ["v1"]
        groups = (await http.get("/apis"))["groups"]
        assert [group["name"] for group in groups][:2] == ["apiregistration.k8s.io", "apps"]
        assert (await http.get("/apis/autoscaling"))["preferredVersion"]["version"] == "v2"
        jobs = (await http.get("/apis/batch/v1"))["resources"]
        assert [r["name"] for r in jobs] == ["cronjobs", "cronjobs/status", "jobs", "jobs/status"]
        assert jobs[0]["storageVersionHash"] == "sd5LIXh4Fjs="  # As a real one says.

    served(test)


def test_everything_can_be_discovered_with_two_requests(served: Any) -> None:
    """Teaches: aggregated discovery."""

    async def test(http: Any) -> None:
        core = await http.get("/api", Accept=AGGREGATED)
        assert core["kind"] == "APIGroupDiscoveryList"
        pods = next(r for r in core["items"][0]["versions"][0]["resources"] if r["resource"] == "pods")
        assert (pods["scope"], pods["shortNames"]) == ("Namespaced", ["po"])
        assert "eviction" in [s["subresource"] for s in pods["subresources"]]
        apps = next(g for g in (await http.get("/apis", Accept=AGGREGATED))["items"] if g["metadata"]["name"] == "apps")
        assert apps["versions"][0]["resources"][0]["resource"] == "controllerrevisions"

    served(test)


def test_openapi_documents_are_complete_and_cached_by_hash(served: Any) -> None:
    """Teaches: kubectl explain, and why it is quick the second time."""

    async def test(http: Any) -> None:
        paths = (await http.get("/openapi/v3"))["paths"]
        url = paths["apis/apps/v1"]["serverRelativeURL"]
        async with http.session.get(http.base + url) as response:
            etag, document = response.headers["Etag"], await response.json()
        patch = document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"]
        assert "fieldValidation" in [parameter["name"] for parameter in patch["parameters"]]
        assert patch["x-kubernetes-group-version-kind"]["kind"] == "Deployment"
        for schema in document["components"]["schemas"].values():
            assert "$defs" not in str(schema)
        async with http.session.get(http.base + url, headers={"If-None-Match": etag}) as response:
            assert response.status == 304
        for path in paths:
            await http.get(f"/openapi/v3/{path}")

    served(test)


def test_health_says_which_check_fails(served: Any) -> None:
    """Teaches: /readyz?verbose, and a path for every check."""

    async def test(http: Any) -> None:
        assert await http.call("GET", "/livez") == (200, "ok")
        _, text = await http.call("GET", "/readyz?verbose")
        assert text.splitlines()[0] == "[+]ping ok"
        assert text.splitlines()[-1] == "readyz check passed"
        _, text = await http.call("GET", "/livez?verbose&exclude=etcd&exclude=nosuch")
        assert "[+]etcd excluded: ok" in text
        assert 'warn: some health checks cannot be excluded: no matches for "nosuch"' in text
        assert await http.call("GET", "/livez/etcd") == (200, "ok")
        assert (await http.call("GET", "/livez/nosuch"))[0] == 404
        assert (await http.call("POST", "/healthz"))[0] == 405

    served(test)


def test_version_and_metrics_have_their_real_names(served: Any) -> None:
    """Teaches: what kubectl version and Prometheus read."""

    async def test(http: Any) -> None:
        assert (await http.get("/version"))["gitVersion"] == "v1.36.2"
        await http.get("/api/v1/pods")
        _, text = await http.call("GET", "/metrics")
        assert 'apiserver_storage_objects{resource="namespaces"} 4.0' in text
        assert 'apiserver_request_total{code="200",component="apiserver",dry_run="",group="",resource="pods"' in text

    served(test)


def test_a_custom_kind_is_discovered_documented_and_printed(served: Any) -> None:
    """Teaches: kubectl learns of a new kind from discovery, its fields from OpenAPI, its columns from the table."""
    version = {
        "name": "v1", "served": True, "storage": True, "deprecated": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": [
            {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
            {"name": "Ready", "type": "string", "jsonPath": '.status.conditions[?(@.type=="Ready")].status'},
        ],
        "schema": {"openAPIV3Schema": {"type": "object", "properties": {
            "spec": {"type": "object", "properties": {"size": {"type": "integer", "description": "How big"}}}}}},
    }  # fmt: skip
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "vases.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced", "versions": [version],
                 "names": {"plural": "vases", "kind": "Vase", "shortNames": ["va"], "categories": ["all"]}},
    }  # fmt: skip

    async def test(http: Any) -> None:
        before = (await http.get("/openapi/v3"))["paths"]
        await http.call("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition)
        while "apis/example.com/v1" not in (paths := (await http.get("/openapi/v3"))["paths"]):
            assert paths.keys() == before.keys()
        (entry, status) = (await http.get("/apis/example.com/v1"))["resources"]
        assert (entry["shortNames"], entry["categories"], entry["verbs"][0]) == (["va"], ["all"], "delete")
        assert (status["name"], status["kind"]) == ("vases/status", "Vase")
        document = await http.get("/openapi/v3/apis/example.com/v1")
        kind = document["components"]["schemas"]["com.example.v1.Vase"]
        assert kind["properties"]["spec"]["properties"]["size"]["description"] == "How big"
        one = "/apis/example.com/v1/namespaces/{namespace}/vases/{name}"
        assert "application/strategic-merge-patch+json" not in document["paths"][one]["patch"]["requestBody"]["content"]
        assert "patch" in document["paths"][f"{one}/status"]
        vase = {"apiVersion": "example.com/v1", "kind": "Vase", "metadata": {"name": "a"}, "spec": {"size": 3}}
        await http.call("POST", "/apis/example.com/v1/namespaces/default/vases", vase)
        listed = await http.get("/apis/example.com/v1/vases", Accept="application/json;as=Table;v=v1;g=meta.k8s.io")
        assert [column["name"] for column in listed["columnDefinitions"]] == ["Name", "Size", "Ready"]
        assert listed["rows"][0]["cells"] == ["a", 3, None]
        async with http.session.get(f"{http.base}/apis/example.com/v1/vases") as response:
            assert response.headers["Warning"] == '299 - "example.com/v1 Vase is deprecated"'

    served(test)
