"""The authority and what it signs."""

from __future__ import annotations

import ssl
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from kubesim.service import certificates
from kubesim.service.profile import Profile
from kubesim.sim.clock import wall_now


def test_the_administrator_is_a_master_and_the_server_has_its_names(profile: Profile) -> None:
    """Teaches: in a certificate the common name is the user and the organisations are the groups."""
    profile.make_folder()
    files = certificates.ensure(profile.folder)
    admin = x509.load_pem_x509_certificate(files.admin.read_bytes())
    assert [name.value for name in admin.subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == ["kubernetes-admin"]
    assert [name.value for name in admin.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)] == [
        "system:masters"
    ]
    server = x509.load_pem_x509_certificate(files.server.read_bytes())
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {"localhost", "kubernetes.default.svc"} <= set(names.get_values_for_type(x509.DNSName))
    assert "127.0.0.1" in map(str, names.get_values_for_type(x509.IPAddress))
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in files)


def test_client_and_server_believe_each_other(profile: Profile) -> None:
    """Teaches: a handshake proves both sides, by one authority. No socket is needed to play one."""
    profile.make_folder()
    files = certificates.ensure(profile.folder)
    client_context = ssl.create_default_context(cafile=str(files.authority))
    client_context.verify_flags |= ssl.VERIFY_X509_STRICT
    client_context.load_cert_chain(files.admin, files.admin_key)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = certificates.server_context(profile.folder).wrap_bio(to_server, to_client, server_side=True)
    client = client_context.wrap_bio(to_client, to_server, server_hostname="127.0.0.1")
    for _ in range(4):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    certificate = server.getpeercert()
    assert certificate is not None
    assert (("commonName", "kubernetes-admin"),) in certificate["subject"]


def test_certificates_are_kept_until_their_end_is_near(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    """Teaches: a kubeconfig written yesterday is right today."""
    profile.make_folder()
    files = certificates.ensure(profile.folder)
    before = [path.read_bytes() for path in files]
    assert [path.read_bytes() for path in certificates.ensure(profile.folder)] == before
    later = wall_now() + timedelta(days=certificates.LEAF_DAYS - 1)
    monkeypatch.setattr(certificates, "wall_now", lambda: later)
    after = [path.read_bytes() for path in certificates.ensure(profile.folder)]
    assert after[:2] == before[:2]  # The authority lives longer.
    assert all(new != old for new, old in zip(after[2:], before[2:], strict=True))


def test_a_damaged_authority_is_replaced_with_all_it_signed(profile: Profile) -> None:
    """Teaches: a certificate is worth what its authority is."""
    profile.make_folder()
    files = certificates.ensure(profile.folder)
    before = [path.read_bytes() for path in files]
    files.authority.write_text("nonsense")
    assert all(new.read_bytes() != old for new, old in zip(certificates.ensure(profile.folder), before, strict=True))
