"""Certificates of the demo's own, made anew at each start: their authority, a server's, a client's."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_AUTHORITY_DAYS = 3650


@dataclass(frozen=True, slots=True)
class Authority:
    """Somebody whom the demo's exporter trusts."""

    directory: Path
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def ca_file(self) -> Path:
        """Its own certificate, PEM."""
        return self.directory / "ca.pem"


def make_authority(directory: Path) -> Authority:
    """Write an authority's certificate into `directory`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("dicom_exporter demo authority")
    certificate = _builder(name, key, name, key, _AUTHORITY_DAYS, is_authority=True).sign(key, hashes.SHA256())
    authority = Authority(directory, key, certificate)
    authority.ca_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return authority


def make_certificate(authority: Authority, name: str, days: int) -> tuple[Path, Path]:
    """Write the certificate of `name` for 127.0.0.1, which ends in that many days, and its key; return their paths."""
    key = ec.generate_private_key(ec.SECP256R1())
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        _builder(_name(name), key, authority.certificate.subject, authority.key, days, is_authority=False)
        .add_extension(address, critical=False)
        .sign(authority.key, hashes.SHA256())
    )
    certificate_file, key_file = authority.directory / f"{name}.pem", authority.directory / f"{name}.key"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.touch(mode=0o600)
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate_file, key_file


def server_context(authority: Authority, name: str, days: int, *, demands_certificate: bool = False) -> ssl.SSLContext:
    """TLS of a server whose certificate ends in that many days; `demands_certificate` lets in who has one of ours."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(authority.ca_file))
    context.load_cert_chain(*make_certificate(authority, name, days))
    context.verify_mode = ssl.CERT_REQUIRED if demands_certificate else ssl.CERT_NONE
    return context


def _builder(
    subject: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePrivateKey,
    days: int,
    *,
    is_authority: bool,
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
