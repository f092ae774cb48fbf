"""The TLS context of an identity."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from dicom_exporter.config import TLSSettings
from tests.testing.loading import TARGETS, errors_of, load_text


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A directory with us.pem and us.key, the same key encrypted, another key, and both in one file."""
    key, other = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "synthetic.example.org")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    ).public_bytes(serialization.Encoding.PEM)
    plain = serialization.NoEncryption()
    (tmp_path / "us.pem").write_bytes(certificate)
    (tmp_path / "us.key").write_bytes(pem(key, plain))
    (tmp_path / "both.pem").write_bytes(certificate + pem(key, plain))
    (tmp_path / "other.key").write_bytes(pem(other, plain))
    (tmp_path / "encrypted.key").write_bytes(pem(key, serialization.BestAvailableEncryption(b"not a secret")))
    return tmp_path


def pem(key: ec.EllipticCurvePrivateKey, encryption: serialization.KeySerializationEncryption) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


def text(tls: str) -> str:
    return f"identities: {{monitor: {{tls: {tls}}}}}\n{TARGETS}"


def tls_of(directory: Path, tls: str) -> TLSSettings:
    settings = load_text(directory, text(tls)).identities["monitor"].tls
    assert settings is not None
    return settings


def test_tls_default_verifies_peer_and_requires_tls_1_2(directory: Path) -> None:
    context = tls_of(directory, "{}").context
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname


def test_tls_ca_file_is_trusted(directory: Path) -> None:
    settings = tls_of(directory, "{ca_file: us.pem, server_name: pacs.example.org}")
    assert settings.ca_file == directory / "us.pem"
    assert settings.server_name == "pacs.example.org"
    (authority,) = settings.context.get_ca_certs()
    assert ("commonName", "synthetic.example.org") in [pair for part in authority["subject"] for pair in part]


@pytest.mark.parametrize("tls", ["{cert_file: us.pem, key_file: us.key}", "{cert_file: both.pem}"])
def test_tls_cert_file_is_loaded(directory: Path, tls: str) -> None:
    assert tls_of(directory, tls).cert_file is not None


def test_tls_insecure_skip_verify_accepts_any_certificate(directory: Path) -> None:
    context = tls_of(directory, "{insecure_skip_verify: true}").context
    assert context.verify_mode == ssl.CERT_NONE
    assert not context.check_hostname


@pytest.mark.parametrize(
    ("tls", "message"),
    [
        ("{ca_file: us.key}", "ca_file: 'us.key' holds no certificate in PEM form (no certificate or crl found)"),
        ("{cert_file: us.key}", "cert_file: 'us.key' holds no certificate in PEM form"),
        ("{cert_file: us.pem}", "cert_file: 'us.pem' holds no private key in PEM form"),
        ("{cert_file: us.pem, key_file: us.pem}", "key_file: 'us.pem' holds no private key in PEM form"),
        (
            "{cert_file: us.pem, key_file: other.key}",
            "key_file: 'other.key' holds a key that does not belong to the certificate",
        ),
        (
            "{cert_file: us.pem, key_file: encrypted.key}",
            "key_file: 'encrypted.key' holds an encrypted key: use a key without a passphrase",
        ),
    ],
)
def test_tls_unusable_file_is_an_error(directory: Path, tls: str, message: str) -> None:
    (error,) = errors_of(directory, text(tls))
    assert error.startswith(f"config.yml:1: identities.monitor.tls.{message}")
