"""The certificates of a served cluster: its authority, the server's and the administrator's.

As kubeadm makes them: the administrator is CN=kubernetes-admin of O=system:masters, who may do everything; the
server is known by its loopback addresses and by the names of the Service `kubernetes`. Elliptic curves, since their
keys are made in no time. A later start uses what is there, so kubeconfigs stay right, until an end is near.

Left out: an authority of its own for the front proxy, for etcd and for kubelets.
Upstream: cmd/kubeadm/app/phases/certs.
"""

from __future__ import annotations

import ssl
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kubesim.service.profile import write_atomically
from kubesim.sim.clock import wall_now

AUTHORITY_DAYS, LEAF_DAYS = 3650, 1095
RENEW_DAYS = 30  # Before the end.
BACKDATED = timedelta(hours=24)  # Clocks of other machines may be behind.
SERVER_NAMES = (
    "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
    "control-plane",
)  # fmt: skip
SERVER_ADDRESSES = ("127.0.0.1", "::1", "10.96.0.1", "192.168.49.2")


class Pair(NamedTuple):
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


class Files(NamedTuple):
    """Where a profile keeps its certificates."""

    authority: Path
    authority_key: Path
    server: Path
    server_key: Path
    admin: Path
    admin_key: Path


def files_of(folder: Path) -> Files:
    """The files in a profile's folder."""
    return Files(*(folder / f"{name}.{end}" for name in ("ca", "apiserver", "admin") for end in ("crt", "key")))


def ensure(folder: Path) -> Files:
    """Makes the certificates that are missing or about to end."""
    files, now = files_of(folder), wall_now()
    authority = load(files.authority, files.authority_key)
    renewed = authority is None or ends_soon(authority, now)
    if authority is None or renewed:
        authority = make_authority(now)
        store(authority, files.authority, files.authority_key)
    makers = ((files.server, files.server_key, make_server), (files.admin, files.admin_key, make_admin))
    for certificate, key, make in makers:
        present = load(certificate, key)
        if renewed or present is None or ends_soon(present, now):
            store(make(authority, now), certificate, key)
    return files


def server_context(folder: Path) -> ssl.SSLContext:
    """TLS as a kube-apiserver speaks it: a client may bring a certificate of our authority, or none."""
    files = files_of(folder)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(files.authority))
    context.load_cert_chain(files.server, files.server_key)
    context.verify_mode = ssl.CERT_OPTIONAL
    return context


def make_authority(now: datetime) -> Pair:
    """A new authority that signs certificates and nothing else."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kubesimCA")])
    builder = base(name, name, key, now, AUTHORITY_DAYS)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    builder = builder.add_extension(usage(signs_certificates=True), critical=True)
    return Pair(builder.sign(key, hashes.SHA256()), key)


def make_server(authority: Pair, now: datetime) -> Pair:
    """The server's certificate."""
    names: list[x509.GeneralName] = [x509.DNSName(name) for name in SERVER_NAMES]
    names += [x509.IPAddress(ip_address(address)) for address in SERVER_ADDRESSES]
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kube-apiserver")])
    return leaf(authority, name, now, ExtendedKeyUsageOID.SERVER_AUTH, names)


def make_admin(authority: Pair, now: datetime) -> Pair:
    """The certificate of the one who may do everything."""
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "system:masters"),
            x509.NameAttribute(NameOID.COMMON_NAME, "kubernetes-admin"),
        ]
    )
    return leaf(authority, name, now, ExtendedKeyUsageOID.CLIENT_AUTH, [])


def leaf(
    authority: Pair, name: x509.Name, now: datetime, purpose: x509.ObjectIdentifier, names: list[x509.GeneralName]
) -> Pair:
    """A certificate signed by the authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = authority.certificate
    issuer_key = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = base(name, issuer.subject, key, now, LEAF_DAYS)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(usage(signs_certificates=False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    identifier = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_key)
    builder = builder.add_extension(identifier, critical=False)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return Pair(builder.sign(authority.key, hashes.SHA256()), key)


def base(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime, days: int
) -> x509.CertificateBuilder:
    """What every certificate says."""
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def usage(*, signs_certificates: bool) -> x509.KeyUsage:
    """What a key is for: signing certificates, or proving who one is."""
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def ends_soon(pair: Pair, now: datetime) -> bool:
    """Whether it is time for a new one."""
    return pair.certificate.not_valid_after_utc - now < timedelta(days=RENEW_DAYS)


def load(certificate: Path, key: Path) -> Pair | None:
    """A pair from its files; None if it is not there, or nothing that we can use."""
    try:
        loaded = serialization.load_pem_private_key(key.read_bytes(), None)
        if not isinstance(loaded, ec.EllipticCurvePrivateKey):
            return None
        return Pair(x509.load_pem_x509_certificate(certificate.read_bytes()), loaded)
    except (OSError, ValueError):
        return None


def store(pair: Pair, certificate: Path, key: Path) -> None:
    """Writes a pair; the files are for their owner only."""
    encoded = pair.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_atomically(key, encoded)
    write_atomically(certificate, pair.certificate.public_bytes(serialization.Encoding.PEM))
