"""What a process in a container finds: environment variables and mounted files, from the Pod and what it names.

A real kubelet works this out when it creates a container and keeps volumes fresh. Ours asks when somebody looks
inside (exec, logs), so a Pod that nobody looks into costs nothing; what is shown is as of then. The environment is
fixed when the container is made.
Upstream: makeEnvironmentVariables in pkg/kubelet/kubelet_pods.go, pkg/volume. Left out: claims, CSI, host paths.
"""

from __future__ import annotations

import base64
import posixpath
import re
from collections.abc import Mapping
from typing import Any

from kubesim.api.errors import ApiError, NotFoundError, TransportError
from kubesim.api.quantity import value as whole
from kubesim.api.resources import CONFIG_MAPS, SECRETS, SERVICE_ACCOUNTS, SERVICES, Resource
from kubesim.api.stored import Object, Stored
from kubesim.api.views import Container as ContainerSpec
from kubesim.api.wire import Request
from kubesim.client.client import Client
from kubesim.kubelet.mounted_files import MountedFiles
from kubesim.kubelet.runtime.process import Surroundings
from kubesim.kubelet.runtime.process_one import command_of
from kubesim.kubelet.service_links import service_links

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SERVICE_HOST, SERVICE_PORT = "10.96.0.1", "443"
MAIN_COMMANDS = {"nginx": "nginx: master process nginx -g daemon off;", "redis": "redis-server *:6379"}

Values = Mapping[str, bytes]


class ConfigError(Exception):
    """What a container is made of is not there; the text is the kubelet's."""


class SurroundingsMaker:
    """Asks for what the Pods of one node name."""

    def __init__(self, client: Client, host_ip: str, node: str, mounted: MountedFiles | None = None) -> None:
        self._client = client
        self._host_ip = host_ip
        self._node = node
        self._mounted = mounted

    async def of(
        self, pod: Stored, status: Object, spec: ContainerSpec, environment: Mapping[str, str] | None = None,
        *, started_at: str = "",
    ) -> Surroundings:  # fmt: skip
        """What a process of container `spec` finds; its environment is that with which it was made."""
        obj = pod.object
        hostname = obj["spec"].get("hostname") or obj["metadata"]["name"]
        if obj["spec"].get("hostNetwork"):
            hostname = self._node
        short = re.split(r"[:@]", spec.image.rpartition("/")[2])[0]
        context = {**(obj["spec"].get("securityContext") or {}), **(spec.security_context or {})}
        files: dict[str, bytes] = {}
        for mount in spec.volume_mounts:
            volume: Object = next((each for each in obj["spec"].get("volumes") or () if each["name"] == mount.name), {})
            content = await self._volume(pod, status, volume, alone=bool(mount.sub_path))
            for path, data in content.items():
                if not mount.sub_path:
                    files[posixpath.join(mount.mount_path, path)] = data
                elif path == mount.sub_path:
                    files[mount.mount_path] = data
        if environment is None:
            environment = await self.environment(pod, status, spec, strict=False)
        return Surroundings(
            hostname=hostname,
            namespace=pod.namespace,
            image=spec.image,
            pod_ip=status.get("podIP", ""),
            environment=await self._links(pod, started_at) | dict(environment),
            files=files,
            mounts=tuple(each.mount_path.rstrip("/") for each in spec.volume_mounts if not each.sub_path),
            working_dir=spec.working_dir or "/",
            user_id=context.get("runAsUser") or 0,
            group_id=context.get("runAsGroup") or 0,
            main_command=" ".join(command_of(spec)) or MAIN_COMMANDS.get(short, short),
        )

    async def _links(self, pod: Stored, started_at: str) -> dict[str, str]:
        """The variables for the Services of its namespace."""
        services: list[Object] = []
        if pod.object["spec"].get("enableServiceLinks", True):
            try:
                services = [each.object for each in (await self._client.list(SERVICES, pod.namespace)).items]
            except (ApiError, TransportError):
                services = []
        return service_links(services, started_at)

    async def environment(
        self, pod: Stored, status: Object, spec: ContainerSpec, *, strict: bool = True
    ) -> dict[str, str]:
        """The environment variables; ConfigError if what they come from is missing, unless it may be."""
        hostname = pod.object["spec"].get("hostname") or pod.name
        if pod.object["spec"].get("hostNetwork"):
            hostname = self._node
        found = {"PATH": PATH, "HOSTNAME": hostname}
        for source in spec.env_from:
            reference, resource = (
                (source.config_map_ref, CONFIG_MAPS) if source.config_map_ref else (source.secret_ref, SECRETS)
            )
            values = await self._source(resource, pod.namespace, reference or {}, strict=strict)
            found |= {source.prefix + key: value.decode(errors="replace") for key, value in values.items()}
        for variable in spec.env:
            source_of = variable.value_from
            value: str | None = variable.value
            if source_of is not None:
                value = await self._value(pod, status, spec, source_of, strict=strict)
            if value is not None:
                found[variable.name] = expanded(value, found)
        host = {"KUBERNETES_SERVICE_HOST": SERVICE_HOST, "KUBERNETES_SERVICE_PORT": SERVICE_PORT,
                "KUBERNETES_SERVICE_PORT_HTTPS": SERVICE_PORT}  # fmt: skip
        return found | {name: value for name, value in host.items() if name not in found} | {"HOME": "/root"}

    async def _value(
        self, pod: Stored, status: Object, spec: ContainerSpec, source: Object, *, strict: bool
    ) -> str | None:
        """`valueFrom` of a variable; None: it is left out, as it may be."""
        for name, resource in (("configMapKeyRef", CONFIG_MAPS), ("secretKeyRef", SECRETS)):
            if reference := source.get(name):
                values = await self._source(resource, pod.namespace, reference, strict=strict)
                key = reference.get("key", "")
                if key in values:
                    return values[key].decode(errors="replace")
                if strict and not reference.get("optional"):
                    where = f"{resource.kind} {pod.namespace}/{reference.get('name', '')}"
                    raise ConfigError(f"couldn't find key {key} in {where}")
                return None
        if reference := source.get("fieldRef"):
            return field_of(pod.object, {**status, "hostIP": self._host_ip}, reference["fieldPath"])
        reference = source.get("resourceFieldRef") or {}
        return resource_of(spec, reference.get("resource", ""))

    async def _source(self, resource: Resource, namespace: str, reference: Object, *, strict: bool) -> Values:
        """The entries of a ConfigMap or Secret that a variable comes from."""
        try:
            return await self._read(resource, namespace, reference.get("name", ""))
        except (ApiError, TransportError) as error:
            if not strict or reference.get("optional"):
                return {}
            if isinstance(error, NotFoundError):
                raise ConfigError(f'{resource.kind.lower()} "{reference.get("name", "")}" not found') from None
            raise ConfigError(f"failed to sync {resource.kind.lower()} cache: {error}") from None

    async def _volume(self, pod: Stored, status: Object, volume: Object, *, alone: bool = False) -> dict[str, bytes]:
        """The files of a volume by their path in it."""
        if source := volume.get("configMap"):
            return chosen(await self._values(CONFIG_MAPS, pod, source.get("name", ""), alone=alone), source)
        if source := volume.get("secret"):
            return chosen(await self._values(SECRETS, pod, source.get("secretName", ""), alone=alone), source)
        if source := volume.get("downwardAPI"):
            return self._downward(pod, status, source)
        found: dict[str, bytes] = {}
        for source in (volume.get("projected") or {}).get("sources") or ():
            found |= await self._projected(pod, status, source)
        return found

    async def _projected(self, pod: Stored, status: Object, source: Object) -> dict[str, bytes]:
        if token := source.get("serviceAccountToken"):
            account = pod.object["spec"].get("serviceAccountName", "default")
            return {token.get("path", "token"): await self._token(pod, account, token)}
        if inner := source.get("configMap"):
            return chosen(await self._values(CONFIG_MAPS, pod, inner.get("name", "")), inner)
        if inner := source.get("secret"):
            return chosen(await self._values(SECRETS, pod, inner.get("name", "")), inner)
        return self._downward(pod, status, source.get("downwardAPI") or {})

    async def _token(self, pod: Stored, account: str, source: Object) -> bytes:
        """A token that the apiserver issues for the Pod; empty while it issues none."""
        audiences = [source["audience"]] if source.get("audience") else []
        bound = {"kind": "Pod", "apiVersion": "v1", "name": pod.name, "uid": pod.uid}
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
                "spec": {"audiences": audiences, "expirationSeconds": source.get("expirationSeconds", 3600),
                         "boundObjectRef": bound}}  # fmt: skip
        request = Request("create", SERVICE_ACCOUNTS, pod.namespace, account, "token", body,
                          credential=self._client.credential, user_agent=self._client.name)  # fmt: skip
        try:
            response = await self._client.transport.request(request)
        except (ApiError, TransportError):
            return b""
        answer = response.status or (response.stored.object if response.stored else {})
        return str((answer.get("status") or {}).get("token", "")).encode()

    def _downward(self, pod: Stored, status: Object, source: Object) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        for item in source.get("items") or ():
            if reference := item.get("fieldRef"):
                value = field_of(pod.object, {**status, "hostIP": self._host_ip}, reference["fieldPath"])
                found[item["path"]] = value.encode()
            elif reference := item.get("resourceFieldRef"):
                wanted = reference.get("containerName")
                containers = [each for each in pod.object["spec"]["containers"] if each["name"] == wanted]
                resources = (containers[0].get("resources") if containers else None) or {}
                found[item["path"]] = _amount(resources, reference.get("resource", "")).encode()
        return found

    async def _values(self, resource: Resource, pod: Stored, name: str, *, alone: bool = False) -> Values:
        """The entries of a ConfigMap or Secret; none if it cannot be had."""
        obj: Object | None = None
        values: Values = {}
        try:
            obj = (await self._client.get(resource, name, pod.namespace)).object
            values = entries(resource, obj)
        except (ApiError, TransportError):
            pass
        if self._mounted is None:
            return values
        return self._mounted.current((pod.uid, resource.kind, name), obj, values, alone=alone)

    async def _read(self, resource: Resource, namespace: str, name: str) -> Values:
        return entries(resource, (await self._client.get(resource, name, namespace)).object)


def entries(resource: Resource, obj: Object) -> Values:
    """The entries of a ConfigMap or Secret."""
    values = {key: str(value).encode() for key, value in sorted((obj.get("data") or {}).items())}
    if resource is SECRETS:
        return {key: base64.b64decode(value) for key, value in values.items()}
    binary = {key: base64.b64decode(value) for key, value in sorted((obj.get("binaryData") or {}).items())}
    return values | binary


def chosen(values: Values, source: Object) -> dict[str, bytes]:
    """All entries under their keys, or those that `items` names, where it says."""
    items = source.get("items")
    if not items:
        return dict(values)
    return {item["path"]: values[item["key"]] for item in items if item["key"] in values}


def expanded(value: str, known: Mapping[str, str]) -> str:
    """`$(NAME)` replaced by what is known; `$$(NAME)` stays, with one dollar."""

    def put(match: re.Match[str]) -> str:
        if match[0].startswith("$$"):
            return match[0][1:]
        return known.get(match[1], match[0])

    return re.sub(r"\$?\$\(([A-Za-z_][\w.-]*)\)", put, value)


def field_of(obj: Object, status: Object, path: str) -> str:
    """A field of the Pod, as the downward API names it."""
    metadata, spec = obj["metadata"], obj["spec"]
    match = re.fullmatch(r"metadata\.(labels|annotations)\['(.+)'\]", path)
    if match:
        return str((metadata.get(match[1]) or {}).get(match[2], ""))
    if path in ("metadata.labels", "metadata.annotations"):
        pairs = metadata.get(path.partition(".")[2]) or {}
        return "\n".join(f'{name}="{value}"' for name, value in sorted(pairs.items()))
    values = {
        "metadata.name": metadata["name"], "metadata.namespace": metadata["namespace"],
        "metadata.uid": metadata["uid"], "spec.nodeName": spec.get("nodeName", ""),
        "spec.serviceAccountName": spec.get("serviceAccountName", ""), "status.hostIP": status.get("hostIP", ""),
        "status.hostIPs": status.get("hostIP", ""), "status.podIP": status.get("podIP", ""),
        "status.podIPs": status.get("podIP", ""),
    }  # fmt: skip
    return str(values.get(path, ""))


def resource_of(spec: ContainerSpec, name: str) -> str:
    """`limits.cpu` of a container."""
    kind, _, resource = name.partition(".")
    amounts: Any = getattr(spec.resources, kind, {}) if spec.resources else {}
    return _amount({kind: amounts}, f"{kind}.{resource}")


def _amount(resources: Object, name: str) -> str:

    kind, _, resource = name.partition(".")
    quantity = (resources.get(kind) or {}).get(resource)
    return "0" if quantity is None else str(whole(quantity))
