"""Whom a client trusts, and the certificate that it shows."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kubesim.client.http.tls import tls_context
from kubesim.client.kubeconfig import Access, KubeconfigError

ACCESS = Access("main", "c", "jane", "https://10.0.0.1:6443")


def pair(begins: timedelta, ends: timedelta) -> tuple[bytes, bytes]:
    """A certificate that is valid from now + begins until now + ends, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "jane")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now + begins)
        .not_valid_after(now + ends)
        .sign(key, hashes.SHA256())
    )
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return certificate.public_bytes(serialization.Encoding.PEM), key.private_bytes(*form)


HOUR = timedelta(hours=1)


def test_a_pair_is_loaded_and_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Teaches: OpenSSL reads keys from files only, so one is written for a moment."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    tls_context(ACCESS, *pair(-HOUR, HOUR))
    assert not list(tmp_path.iterdir())


def test_an_expired_certificate_is_found_before_anything_is_sent() -> None:
    """Teaches: the server would only hang up."""
    with pytest.raises(KubeconfigError, match=r'^the client certificate of user "jane" .* has expired on \d{4}-'):
        tls_context(ACCESS, *pair(-2 * HOUR, -HOUR))


def test_a_certificate_from_the_future_hints_at_the_clock() -> None:
    """Teaches: nearly always it is this machine's clock that is wrong."""
    with pytest.raises(KubeconfigError, match=r"is valid only from .* is this machine's clock right\?$"):
        tls_context(ACCESS, *pair(HOUR, 2 * HOUR))


def test_what_is_no_certificate_and_what_does_not_belong_together_is_refused() -> None:
    """Teaches: garbage in a kubeconfig has a name."""
    certificate, _ = pair(-HOUR, HOUR)
    _, other = pair(-HOUR, HOUR)
    with pytest.raises(KubeconfigError, match=r'^user "jane": the client certificate is no certificate$'):
        tls_context(ACCESS, b"x", b"y")
    with pytest.raises(KubeconfigError, match=r'^user "jane": the client certificate or its key cannot be used'):
        tls_context(ACCESS, certificate, other)
    with pytest.raises(KubeconfigError, match=r'^cluster "c": certificate-authority-data holds no certificate$'):
        tls_context(Access("main", "c", "u", "https://a", authority=b"x"), b"", b"")


def test_who_trusts_nobody_in_particular_checks_nothing() -> None:
    """Teaches: insecure-skip-tls-verify."""
    context = tls_context(Access("main", "c", "u", "https://a", insecure=True), b"", b"")
    assert (context.check_hostname, context.verify_mode) == (False, ssl.CERT_NONE)
