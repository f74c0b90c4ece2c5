"""What a served cluster signs with: the service account key for tokens, the authority for certificates.

The key lies in the profile's folder as sa.key, so that tokens outlive a restart. It is made when the first token is
asked for, since an RSA key takes a tenth of a second that no start should wait for.
Upstream: --service-account-signing-key-file, --cluster-signing-{cert,key}-file; pkg/controller/certificates/authority.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from kubesim.api.stored import Object
from kubesim.api.tokens import Trust, encoded
from kubesim.service import certificates
from kubesim.service.errors import ServiceError
from kubesim.service.profile import write_atomically
from kubesim.sim.clock import wall_now

KEY_BITS, EXPONENT = 2048, 65537
BACKDATED = timedelta(minutes=5)
PURPOSES = {
    "server auth": ExtendedKeyUsageOID.SERVER_AUTH,
    "client auth": ExtendedKeyUsageOID.CLIENT_AUTH,
    "code signing": ExtendedKeyUsageOID.CODE_SIGNING,
    "email protection": ExtendedKeyUsageOID.EMAIL_PROTECTION,
    "timestamping": ExtendedKeyUsageOID.TIME_STAMPING,
    "ocsp signing": ExtendedKeyUsageOID.OCSP_SIGNING,
}


class RsaSigner:
    """RS256 with the key of a profile's folder."""

    algorithm = "RS256"

    def __init__(self, file: Path) -> None:
        self._file = file
        self._loaded: rsa.RSAPrivateKey | None = None

    def key_id(self) -> str:
        """The hash of the public key."""
        encoding = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        return encoded(hashlib.sha256(self._key().public_key().public_bytes(*encoding)).digest())

    def sign(self, message: bytes) -> bytes:
        """The signature."""
        return self._key().sign(message, padding.PKCS1v15(), hashes.SHA256())

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Whether it is ours."""
        try:
            self._key().public_key().verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return False
        return True

    def public_keys(self) -> list[Object]:
        """The public key, as /openid/v1/jwks shows it."""
        numbers = self._key().public_key().public_numbers()
        parts = {"n": numbers.n, "e": numbers.e}
        shown = {name: encoded(value.to_bytes((value.bit_length() + 7) // 8, "big")) for name, value in parts.items()}
        return [{"use": "sig", "kty": "RSA", "kid": self.key_id(), "alg": self.algorithm, **shown}]

    def _key(self) -> rsa.RSAPrivateKey:
        if self._loaded is None:
            self._loaded = self.load() or self._make()
        return self._loaded

    def load(self) -> rsa.RSAPrivateKey | None:
        """The key in the file; None if there is none."""
        try:
            key = serialization.load_pem_private_key(self._file.read_bytes(), None)
        except (OSError, ValueError):
            return None
        return key if isinstance(key, rsa.RSAPrivateKey) else None

    def _make(self) -> rsa.RSAPrivateKey:
        key = rsa.generate_private_key(EXPONENT, KEY_BITS)
        form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        write_atomically(self._file, key.private_bytes(*form))
        return key


class Authority:
    """Signs certificate requests with the cluster's own authority."""

    def __init__(self, folder: Path) -> None:
        self._files = certificates.files_of(folder)

    def sign(self, request_pem: str, seconds: int, usages: tuple[str, ...]) -> str:
        """The certificate, as PEM; ValueError if the request is none or its signature is not its key's."""
        pair = certificates.load(self._files.authority, self._files.authority_key)
        request = x509.load_pem_x509_csr(request_pem.encode())
        if pair is None:
            raise ValueError("the cluster has no certificate authority")
        if not request.is_signature_valid:
            raise ValueError("the signature of the request is not valid")
        now = wall_now()
        ends = min(now - BACKDATED + timedelta(seconds=seconds), pair.certificate.not_valid_after_utc)
        identifier = pair.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        builder = (
            x509.CertificateBuilder()
            .subject_name(request.subject)
            .issuer_name(pair.certificate.subject)
            .public_key(request.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - BACKDATED)
            .not_valid_after(ends)
            .add_extension(certificates.usage(signs_certificates=False), critical=True)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        )
        if purposes := [PURPOSES[usage] for usage in usages if usage in PURPOSES]:
            builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        try:
            names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName)
            builder = builder.add_extension(names.value, critical=names.critical)
        except x509.ExtensionNotFound:
            pass  # Most requests of clients name nothing but a subject.
        return builder.sign(pair.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def served_trust(folder: Path) -> Trust:
    """What the cluster of a profile signs with."""
    try:
        authority = certificates.files_of(folder).authority.read_text()
    except OSError:
        authority = ""
    return Trust(RsaSigner(folder / "sa.key"), authority, Authority(folder).sign)


def key_pair_trust(key_file: Path, authority: str) -> Trust:
    """What a controller manager signs with that was given a service account key; it signs no certificates."""
    signer = RsaSigner(key_file)
    if signer.load() is None:
        raise ServiceError(f"{key_file} holds no RSA private key in PEM")
    return Trust(signer, authority)
