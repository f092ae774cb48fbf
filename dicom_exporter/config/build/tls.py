"""The TLS context of an identity (PS3.15 B.12: at least TLS 1.2)."""

import hashlib
import ssl
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

from dicom_exporter.config.model import TLSProfile, TLSSettings
from dicom_exporter.yamlfile.files import is_exposed, read_bytes, unreadable
from dicom_exporter.yamlfile.pem import PEM, PEMError, as_file, load_authorities, load_certificate

MAX_FILE_BYTES = 16 << 20
"""Of a file in PEM form. All authorities of a system are some hundred KiB."""


def _read(path: Path) -> bytes:
    return read_bytes(path, MAX_FILE_BYTES)


_RSA_KEY_TRANSPORT = "kRSA+AESGCM:kRSA+AES:!aNULL:!eNULL:!PSK"


def tls_settings(
    *,
    ca_file: Path | None = None,
    cert_file: Path | None = None,
    key_file: Path | None = None,
    server_name: str | None = None,
    insecure_skip_verify: bool = False,
    minimum_profile: TLSProfile = TLSProfile.DEFAULT,
    read: Callable[[Path], bytes] = _read,
    before: TLSSettings | None = None,
) -> TLSSettings:
    """Read the files and build a client's context, which verifies the peer unless `insecure_skip_verify`.

    Each file is read once, by `read`. Where the contents are those of `before`, that is returned.

    Raises PEMError; its `key` is that of the file that cannot be used.
    """
    if cert_file is None and key_file is not None:
        raise PEMError("key_file", "a key without a certificate: cert_file is missing")
    files = {"ca_file": ca_file, "cert_file": cert_file, "key_file": key_file}
    contents = {key: _contents(key, path, read) for key, path in files.items() if path is not None}
    digest = _digest(contents)
    if before is not None and before.digest == digest:
        return before
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    without_finite_field_dh(context)
    if minimum_profile is TLSProfile.LEGACY:
        context.set_ciphers(":".join([*_settable(context), _RSA_KEY_TRANSPORT]))
    if insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    with ExitStack() as stack:

        def pem(key: str) -> PEM | None:
            path = files[key]
            if path is None:
                return None
            try:
                return PEM(key, stack.enter_context(as_file(contents[key])), path.name)
            except OSError as error:  # no file descriptor is free
                raise PEMError(key, unreadable(error, path.name)) from None

        authorities, certificate = pem("ca_file"), pem("cert_file")
        if authorities is None:
            context.load_default_certs()
        else:
            load_authorities(context, authorities)
        if certificate is not None:
            load_certificate(context, certificate, pem("key_file") or certificate)
    return TLSSettings(
        ca_file=ca_file,
        cert_file=cert_file,
        key_file=key_file,
        server_name=server_name,
        insecure_skip_verify=insecure_skip_verify,
        minimum_profile=minimum_profile,
        context=context,
        digest=digest,
        exposed=cert_file is not None and is_exposed(key_file or cert_file),
    )


def _contents(key: str, path: Path, read: Callable[[Path], bytes]) -> bytes:
    try:
        return read(path)
    except OSError as error:
        raise PEMError(key, unreadable(error, path.name)) from None


def _digest(contents: Mapping[str, bytes]) -> bytes:
    """A hash by which the contents of the files are compared; it gives nothing of them away."""
    parts = (hashlib.sha256(key.encode()).digest() + hashlib.sha256(data).digest() for key, data in contents.items())
    return hashlib.sha256(b"".join(parts)).digest()


def without_finite_field_dh(context: ssl.SSLContext) -> None:
    """Take the ciphers with finite-field Diffie-Hellman from `context`.

    The server chooses the group: one of 10,000 bits takes the client seconds of processor time, in which nothing else
    runs. RFC 9325 4.1 recommends elliptic curves.
    """
    context.set_ciphers(":".join(name for name in _settable(context) if not name.startswith("DHE-")))


def _settable(context: ssl.SSLContext) -> list[str]:
    """Names of the ciphers of `context` without those of TLS 1.3, which have a list of their own."""
    return [cipher["name"] for cipher in context.get_ciphers() if not cipher["name"].startswith("TLS_")]
