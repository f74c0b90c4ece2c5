"""What a context of a kubeconfig means: where the apiserver is, whom to trust, and as whom to speak.

Files that are named are read at once, except a token's, which may be renewed while we run. What contradicts itself
is refused, as kubectl refuses it. Left out: auth-provider (gone since Kubernetes 1.26), compression.
Upstream: k8s.io/client-go/tools/clientcmd/{client_config,validation}.go.
"""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from kubesim.client.kubeconfig.errors import KubeconfigError
from kubesim.client.kubeconfig.loading import Entry, Fields, Kubeconfig, text

EXEC_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
INTERACTIVE_MODES = ("Never", "IfAvailable", "Always")


class ExecConfig(msgspec.Struct, frozen=True):
    """A program that hands out credentials."""

    api_version: str
    command: str
    args: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    install_hint: str = ""
    provide_cluster_info: bool = False
    interactive_mode: str = "IfAvailable"


class Impersonation(msgspec.Struct, frozen=True):
    """As whom the user acts."""

    user: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()


class Access(msgspec.Struct, frozen=True):
    """One cluster, as one user. `authority`, `certificate` and `key` are PEM; "" means none."""

    context: str
    cluster: str
    user: str
    server: str
    namespace: str = "default"
    authority: bytes = b""
    insecure: bool = False
    tls_server_name: str = ""
    proxy_url: str = ""
    certificate: bytes = b""
    key: bytes = b""
    token: str = ""
    token_file: Path | None = None
    username: str = ""
    password: str = ""
    exec: ExecConfig | None = None
    impersonation: Impersonation | None = None
    profile: str = ""  # The folder of the profile, if `kubesim start` wrote this context.
    provider: str = ""  # Which program wrote this context, if it says so (minikube does).

    @property
    def address(self) -> str:
        """Host and port, for messages."""
        return urlsplit(self.server).netloc.rpartition("@")[2]


def access_of(config: Kubeconfig, context: str = "") -> Access:
    """The context of that name, or the current one."""
    name = context or config.current_context
    if not name:
        raise KubeconfigError(f"{config.where()} has no current context; name one with --context{known(config)}")
    entry = config.contexts.get(name)
    if entry is None:
        raise KubeconfigError(f'there is no context "{name}" in {config.where()}{known(config)}')
    cluster_name = text(entry.fields, "cluster", entry.file)
    user_name = text(entry.fields, "user", entry.file)
    cluster = config.clusters.get(cluster_name)
    if cluster is None:
        raise KubeconfigError(f'context "{name}" names the cluster "{cluster_name}", which {entry.file} does not have')
    user = config.users.get(user_name) if user_name else Entry({}, entry.file)
    if user is None:
        raise KubeconfigError(f'context "{name}" names the user "{user_name}", which {entry.file} does not have')
    return Access(
        context=name,
        cluster=cluster_name,
        user=user_name,
        namespace=text(entry.fields, "namespace", entry.file) or "default",
        profile=extension_of(entry.fields, "profile"),
        provider=extension_of(entry.fields, "provider") or extension_of(cluster.fields, "provider"),
        **of_cluster(cluster, cluster_name),
        **of_user(user, user_name),
    )


def known(config: Kubeconfig) -> str:
    """The contexts that there are, for a message."""
    return f"; there is {', '.join(config.contexts)}" if config.contexts else "; there is none"


def of_cluster(entry: Entry, name: str) -> Fields:
    """The fields of `Access` that come from a cluster."""
    fields, file = entry
    server = text(fields, "server", file)
    parts = urlsplit(server if "://" in server else f"https://{server}")
    if not server or parts.scheme not in ("http", "https") or not parts.hostname:
        raise KubeconfigError(f'cluster "{name}" in {file}: server {server!r} is no URL of an apiserver')
    authority = content(entry, "certificate-authority", f'cluster "{name}"')
    insecure = text(fields, "insecure-skip-tls-verify", file).lower() == "true"
    if authority and insecure:
        raise KubeconfigError(
            f'cluster "{name}" in {file}: specifying a root certificates file with the insecure flag is not allowed'
        )
    proxy = text(fields, "proxy-url", file)
    if proxy and urlsplit(proxy).scheme not in ("http", "https"):
        raise KubeconfigError(f'cluster "{name}" in {file}: proxy-url {proxy!r} must begin with http:// or https://')
    return {
        "server": parts.geturl().rstrip("/"),
        "authority": authority,
        "insecure": insecure,
        "tls_server_name": text(fields, "tls-server-name", file),
        "proxy_url": proxy,
    }


def of_user(entry: Entry, name: str) -> Fields:
    """The fields of `Access` that come from a user; one way to prove who one is, beside a certificate."""
    fields, file = entry
    what = f'user "{name}"'
    if "auth-provider" in fields:
        raise KubeconfigError(f"{what} in {file}: auth-provider is gone since Kubernetes 1.26; use an exec plugin")
    token, token_file = text(fields, "token", file), text(fields, "tokenFile", file)
    username, password = text(fields, "username", file), text(fields, "password", file)
    plugin = fields.get("exec")
    methods = [
        method
        for method, given in (("token", token or token_file), ("basicAuth", username or password), ("exec", plugin))
        if given
    ]
    if len(methods) > 1:
        raise KubeconfigError(
            f"{what} in {file}: more than one authentication method found; found [{' '.join(methods)}], "
            "only one is allowed"
        )
    certificate, key = content(entry, "client-certificate", what), content(entry, "client-key", what)
    if bool(certificate) != bool(key):
        raise KubeconfigError(f"{what} in {file}: a client certificate and its key must both be given")
    return {
        "certificate": certificate,
        "key": key,
        "token": "" if token_file else token,  # The file wins: what it holds may be newer.
        "token_file": resolved(file, token_file) if token_file else None,
        "username": username,
        "password": password,
        "exec": plugin_of(plugin, what, file) if plugin else None,
        "impersonation": impersonation(fields, what, file),
    }


def content(entry: Entry, key: str, what: str) -> bytes:
    """A PEM that is given as data or as a file; data wins."""
    fields, file = entry
    if data := text(fields, f"{key}-data", file):
        try:
            return base64.b64decode(data, validate=True)
        except binascii.Error:
            raise KubeconfigError(f"{what} in {file}: {key}-data is not base64") from None
    path = text(fields, key, file)
    if not path:
        return b""
    try:
        return resolved(file, path).read_bytes()
    except OSError as error:
        raise KubeconfigError(f"{what} in {file}: unable to read {key} {path} ({error.strerror})") from None


def resolved(file: Path, path: str) -> Path:
    """A path in a kubeconfig is relative to that file."""
    return file.parent / Path(path).expanduser()


def plugin_of(plugin: object, what: str, file: Path) -> ExecConfig:
    """The exec section of a user."""
    if not isinstance(plugin, dict):
        raise KubeconfigError(f"{what} in {file}: exec must be a mapping")
    version, command = text(plugin, "apiVersion", file), text(plugin, "command", file)
    if version not in EXEC_VERSIONS:
        raise KubeconfigError(f"{what} in {file}: exec.apiVersion {version!r} must be {' or '.join(EXEC_VERSIONS)}")
    if not command:
        raise KubeconfigError(f"{what} in {file}: exec.command must be given")
    mode = text(plugin, "interactiveMode", file) or ("" if version.endswith("/v1") else "IfAvailable")
    if mode not in INTERACTIVE_MODES:
        raise KubeconfigError(f"{what} in {file}: exec.interactiveMode must be {', '.join(INTERACTIVE_MODES)}")
    if "/" in command and not Path(command).is_absolute():
        command = str(resolved(file, command))
    variables = [item for item in plugin.get("env") or () if isinstance(item, dict)]
    return ExecConfig(
        api_version=version,
        command=command,
        args=tuple(map(str, plugin.get("args") or ())),
        env=tuple((text(item, "name", file), text(item, "value", file)) for item in variables),
        install_hint=text(plugin, "installHint", file),
        provide_cluster_info=text(plugin, "provideClusterInfo", file).lower() == "true",
        interactive_mode=mode,
    )


def impersonation(fields: Fields, what: str, file: Path) -> Impersonation | None:
    """as, as-groups, as-uid, as-user-extra."""
    user, uid = text(fields, "as", file), text(fields, "as-uid", file)
    groups, extra = fields.get("as-groups") or (), fields.get("as-user-extra") or {}
    if not user:
        if groups or uid or extra:
            raise KubeconfigError(
                f"{what} in {file}: requesting uid, groups or user-extra without impersonating a user"
            )
        return None
    if not isinstance(extra, dict):
        raise KubeconfigError(f"{what} in {file}: as-user-extra must be a mapping")
    pairs = tuple((key, tuple(map(str, values))) for key, values in extra.items())
    return Impersonation(user, tuple(map(str, groups)), uid, pairs)


def extension_of(fields: Fields, key: str) -> str:
    """A field of an extension; `kubesim start` and minikube mark their entries with one."""
    for extension in fields.get("extensions") or ():
        content = extension.get("extension") if isinstance(extension, dict) else None
        if isinstance(content, dict) and isinstance(content.get(key), str):
            return str(content[key])
    return ""
