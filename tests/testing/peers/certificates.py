"""Certificates for tests, made anew for each: an authority, and a server's and a client's signed by it."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NAMES = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Certificates:
    """Paths of PEM files. The keys have no passphrase."""

    authority: Path
    server: Path
    server_key: Path
    client: Path
    client_key: Path
    server_expiry: datetime.datetime


def make_certificates(
    directory: Path,
    *,
    names: Sequence[str] = NAMES,
    valid: datetime.timedelta = datetime.timedelta(days=30),
    client_names: Sequence[str] = ("monitor.test.example",),
) -> Certificates:
    """Write an authority and two certificates into `directory`, which may exist.

    `valid` is how long the server's certificate has left; a negative one has expired. `names` are host names and
    addresses for its subject alternative names.
    """
    directory.mkdir(parents=True, exist_ok=True)
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    authority_key, authority = _certificate("Synthetic Authority", now + datetime.timedelta(days=3650))
    server_key, server = _certificate(names[0], now + valid, names, (authority_key, authority))
    client_key, client = _certificate(
        client_names[0], now + datetime.timedelta(days=30), client_names, (authority_key, authority)
    )
    return Certificates(
        authority=_write(directory / "ca.pem", authority.public_bytes(serialization.Encoding.PEM)),
        server=_write(directory / "server.pem", server.public_bytes(serialization.Encoding.PEM)),
        server_key=_write(directory / "server.key", _key_bytes(server_key)),
        client=_write(directory / "client.pem", client.public_bytes(serialization.Encoding.PEM)),
        client_key=_write(directory / "client.key", _key_bytes(client_key)),
        server_expiry=now + valid,
    )


def _certificate(
    common_name: str,
    expiry: datetime.datetime,
    names: Sequence[str] = (),
    issuer: tuple[ec.EllipticCurvePrivateKey, x509.Certificate] | None = None,
) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    """A key and its certificate, signed by `issuer`, or an authority's, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    issuer_key, issuer_name = (key, subject) if issuer is None else (issuer[0], issuer[1].subject)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer_name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(expiry - datetime.timedelta(days=3660))
        .not_valid_after(expiry)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if issuer is None:
        builder = builder.add_extension(_authority_usage(), critical=True)
    else:
        builder = builder.add_extension(x509.SubjectAlternativeName([_name(name) for name in names]), critical=False)
    return key, builder.sign(issuer_key, hashes.SHA256())


def _authority_usage() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _key_bytes(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    path.chmod(0o600)
    return path
