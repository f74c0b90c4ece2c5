"""A real HTTPS webhook, a process of its own, decides about what the unmodified kubectl asks for."""

from __future__ import annotations

import asyncio
import base64
import datetime
import ipaddress
import json
import ssl
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from kubesim.cluster import ADMIN, SimCluster
from kubesim.sim import run

pytestmark = pytest.mark.e2e

KUBECONFIG = """
apiVersion: v1
kind: Config
clusters: [{{name: c, cluster: {{server: "http://127.0.0.1:{port}"}}}}]
contexts: [{{name: c, context: {{cluster: c, user: u}}}}]
current-context: c
users: [{{name: u, user: {{}}}}]
"""


class Guard(BaseHTTPRequestHandler):
    """Denies what is called `bad`, hangs for what is called `slow`, labels the rest."""

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["request"]
        name = request["name"]
        if name == "slow":
            return  # Never answers in HTTP: the connection just ends.
        response: dict[str, Any] = {"uid": request["uid"], "allowed": name != "bad"}
        if name == "bad":
            response["status"] = {"message": "no bad things"}
        elif request["operation"] == "CREATE":
            patch = [{"op": "add", "path": "/metadata/labels", "value": {"seen": "yes"}}]
            response.update(patchType="JSONPatch", patch=base64.b64encode(json.dumps(patch).encode()).decode())
        review = {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "response": response}
        body = json.dumps(review).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
        """Says nothing."""


def serve(certificate: str) -> None:
    """The process of the webhook: prints its port and serves until it is killed."""
    server = HTTPServer(("127.0.0.1", 0), Guard)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    print(server.server_port, flush=True)
    server.serve_forever()


def make_certificate(path: Path) -> bytes:
    """A self-signed certificate for 127.0.0.1, with its key; the PEM of the certificate alone."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "guard")])
    begin = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(begin + datetime.timedelta(days=36500))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + pem)
    return pem


def configuration(url: str, authority: bytes) -> str:
    hook = {
        "name": "guard.example.com",
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}],
        "clientConfig": {"url": url, "caBundle": base64.b64encode(authority).decode()},
        "sideEffects": "None", "admissionReviewVersions": ["v1"], "timeoutSeconds": 5,
    }  # fmt: skip
    head = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration"}
    return json.dumps({**head, "metadata": {"name": "guard"}, "webhooks": [hook]})


def test_a_webhook_decides(tmp_path: Path) -> None:
    """Teaches: sockets live in wall time: the cluster's clock stands still and the webhook is asked all the same."""
    from kubesim.apiserver.http import HttpFront

    async def kubectl(line: str, stdin: str = "") -> str:
        environment = {
            "KUBECONFIG": str(tmp_path / "config"),
            "HOME": str(tmp_path),
            "PATH": "/usr/local/bin:/usr/bin:/bin",
        }
        process = await asyncio.create_subprocess_shell(
            f"kubectl {line}", env=environment, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        printed, _ = await process.communicate(stdin.encode())
        return printed.decode()

    async def test(port: int, authority: bytes) -> None:
        url = f"https://127.0.0.1:{port}/guard"
        assert "created" in await kubectl("create -f -", configuration(url, authority))
        assert await kubectl("create configmap good") == "configmap/good created\n"
        assert await kubectl("get configmap good -o jsonpath={.metadata.labels.seen}") == "yes"
        denied = 'admission webhook "guard.example.com" denied the request: no bad things'
        assert denied in await kubectl("create configmap bad")
        assert f'failed to call webhook: Post "{url}?timeout=5s": EOF' in await kubectl("create configmap slow")
        assert "configured" in await kubectl("apply -f -", configuration("https://127.0.0.1:1/guard", authority))
        refused = 'Post "https://127.0.0.1:1/guard?timeout=5s": dial tcp 127.0.0.1:1: connect: connection refused'
        assert refused in await kubectl("create configmap other")
        stranger = make_certificate(tmp_path / "stranger.pem")
        assert "configured" in await kubectl("apply -f -", configuration(url, stranger))
        assert "certificate signed by unknown authority" in await kubectl("create configmap other")

    authority = make_certificate(tmp_path / "guard.pem")
    webhook = subprocess.Popen([sys.executable, __file__, str(tmp_path / "guard.pem")], stdout=subprocess.PIPE)
    assert webhook.stdout is not None
    port = int(webhook.stdout.readline())

    async def main() -> None:
        async with SimCluster(nodes=1, behavior="hollow") as cluster:
            cluster.sim.loop.pause()
            front = HttpFront(cluster._running(), credentials=lambda _request: ADMIN)
            (tmp_path / "config").write_text(KUBECONFIG.format(port=await front.start()))
            try:
                await test(port, authority)
            finally:
                await front.stop()
                cluster.sim.loop.virtual()

    try:
        run(main)
    finally:
        webhook.kill()
        webhook.communicate()


if __name__ == "__main__":
    serve(sys.argv[1])
