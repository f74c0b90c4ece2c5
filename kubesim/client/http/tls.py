"""TLS as a kubeconfig wants it: whom to trust, and the certificate that says who we are.

A certificate that is over is found before anything is sent: the server would only hang up.
Upstream: k8s.io/client-go/transport/transport.go.
"""

from __future__ import annotations

import os
import ssl
import tempfile
from contextlib import suppress

from kubesim.client.kubeconfig import Access, KubeconfigError
from kubesim.sim.clock import wall_now


def tls_context(access: Access, certificate: bytes, key: bytes) -> ssl.SSLContext:
    """A context that trusts the cluster's authority (else the system's), and shows `certificate` if there is one."""
    try:
        context = ssl.create_default_context(cadata=access.authority.decode() if access.authority else None)
    except (ssl.SSLError, UnicodeDecodeError, ValueError):
        raise KubeconfigError(f'cluster "{access.cluster}": certificate-authority-data holds no certificate') from None
    # Authorities of clusters are made by hand: Python 3.13 would refuse those that lack a key identifier.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if access.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if certificate:
        refuse_expired(access, certificate)
        load_pair(context, access, certificate, key)
    return context


def load_pair(context: ssl.SSLContext, access: Access, certificate: bytes, key: bytes) -> None:
    """OpenSSL reads keys from files only: one that nobody else can read, and that is gone at once."""
    descriptor, path = tempfile.mkstemp(suffix=".pem")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(certificate.rstrip() + b"\n" + key)
        # A key that wants a password is asked for none: there may be nobody to answer.
        context.load_cert_chain(path, password=lambda: b"")
    except (ssl.SSLError, OSError) as error:
        why = getattr(error, "reason", None) or error
        raise KubeconfigError(
            f'user "{access.user}": the client certificate or its key cannot be used ({why})'
        ) from None
    finally:
        with suppress(FileNotFoundError):
            os.unlink(path)


def refuse_expired(access: Access, pem: bytes) -> None:
    """KubeconfigError if the client's certificate is over, or has not begun."""
    from cryptography import x509

    try:
        certificate = x509.load_pem_x509_certificate(pem)
    except ValueError:
        raise KubeconfigError(f'user "{access.user}": the client certificate is no certificate') from None
    now, begins, ends = wall_now(), certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now > ends:
        raise KubeconfigError(
            f'the client certificate of user "{access.user}" (context "{access.context}") has expired '
            f"on {ends:%Y-%m-%d %H:%M:%S} UTC; renew it, for instance by starting the cluster again"
        )
    if now < begins:
        raise KubeconfigError(
            f'the client certificate of user "{access.user}" (context "{access.context}") is valid only '
            f"from {begins:%Y-%m-%d %H:%M:%S} UTC; is this machine's clock right?"
        )
