from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from dicom_exporter.yamlfile.pem import PEM, PEMError, as_file, load_authorities, load_certificate
from tests.testing.peers import Certificates, make_certificates


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("pem"))


def pem(key: str, path: Path) -> PEM:
    return PEM(key, path, path.name)


def context() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def test_load_certificate_and_key(certificates: Certificates) -> None:
    load_certificate(context(), pem("cert_file", certificates.server), pem("key_file", certificates.server_key))


@pytest.mark.parametrize(
    ("certificate", "key", "key_path", "message"),
    [
        ("server_key", "server_key", "cert_file", "'server.key' holds no certificate in PEM form"),
        ("server", "authority", "key_file", "'ca.pem' holds no private key in PEM form"),
        ("server", "client_key", "key_file", "'client.key' holds a key that does not belong to the certificate"),
    ],
)
def test_load_certificate_unusable_file_is_an_error(
    certificates: Certificates, certificate: str, key: str, key_path: str, message: str
) -> None:
    with pytest.raises(PEMError) as raised:
        load_certificate(
            context(),
            pem("cert_file", getattr(certificates, certificate)),
            pem("key_file", getattr(certificates, key)),
        )
    assert (raised.value.key, str(raised.value)) == (key_path, message)


def test_load_certificate_encrypted_key_is_refused_without_a_prompt(certificates: Certificates, tmp_path: Path) -> None:
    key = rsa.generate_private_key(65537, 2048)
    encryption = serialization.BestAvailableEncryption(b"passphrase")
    path = tmp_path / "encrypted.key"
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption))
    with pytest.raises(PEMError, match=r"^'encrypted.key' holds an encrypted key: use a key without a passphrase$"):
        load_certificate(context(), pem("cert_file", certificates.server), pem("key_file", path))


def test_load_authorities_file_with_comments_that_are_not_ascii(certificates: Certificates, tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_bytes("# Universitätsklinikum\n".encode() + certificates.authority.read_bytes())
    trusting = context()
    load_authorities(trusting, pem("ca_file", path))
    assert len(trusting.get_ca_certs()) == 1


def test_load_authorities_inline_text_is_not_repeated_in_message() -> None:
    with as_file(b"hunter2") as path, pytest.raises(PEMError) as raised:
        load_authorities(context(), PEM("client_ca", path))
    assert raised.value.key == "client_ca"
    assert str(raised.value).startswith("holds no certificate in PEM form")


def test_as_file_without_memfd_leaves_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("os.memfd_create", raising=False)
    with as_file(b"bytes") as name:
        assert Path(name).read_bytes() == b"bytes"
        assert Path(name).stat().st_mode & 0o077 == 0
    assert not Path(name).exists()
