"""The TLS context of an identity (PS3.15 B.12: TLS 1.2 is the least)."""

from __future__ import annotations

import ssl
from pathlib import Path

from dicom_exporter.config.model import TLSSettings


class TLSProblem(ValueError):
    """A file that TLS cannot use; `key` is the configuration's key that names it."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


def tls_settings(
    *,
    ca_file: Path | None = None,
    cert_file: Path | None = None,
    key_file: Path | None = None,
    server_name: str | None = None,
    insecure_skip_verify: bool = False,
) -> TLSSettings:
    """Read the files and build a client's context, which verifies the peer unless `insecure_skip_verify`.

    Raises TLSProblem with a message for the user.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if ca_file is None:
        context.load_default_certs()
    else:
        _load_authorities(context, ca_file)
    if cert_file is not None:
        _load_certificate(context, cert_file, key_file)
    elif key_file is not None:
        raise TLSProblem("key_file", "a key without a certificate: cert_file is missing")
    return TLSSettings(context, ca_file, cert_file, key_file, server_name, insecure_skip_verify)


def _load_authorities(context: ssl.SSLContext, ca_file: Path) -> None:
    try:
        context.load_verify_locations(ca_file)
    except (ssl.SSLError, OSError) as error:
        raise TLSProblem("ca_file", f"'{ca_file.name}' holds no certificate in PEM form{_reason(error)}") from None


def _load_certificate(context: ssl.SSLContext, cert_file: Path, key_file: Path | None) -> None:
    key_source = key_file or cert_file
    key = "key_file" if key_file else "cert_file"
    try:
        context.load_cert_chain(cert_file, key_file, password=_refuse_password)
    except _EncryptedKey:
        message = f"the key in '{key_source.name}' is encrypted: nobody is there to type its passphrase"
        raise TLSProblem(key, message) from None
    except (ssl.SSLError, OSError) as error:
        if isinstance(error, ssl.SSLError) and error.reason == "KEY_VALUES_MISMATCH":
            message = f"the key in '{key_source.name}' does not belong to the certificate in '{cert_file.name}'"
            raise TLSProblem(key, message) from None
        if not _holds_certificate(cert_file):
            raise TLSProblem("cert_file", f"'{cert_file.name}' holds no certificate in PEM form") from None
        raise TLSProblem(key, f"'{key_source.name}' holds no private key in PEM form{_reason(error)}") from None


def _holds_certificate(path: Path) -> bool:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except (ssl.SSLError, OSError):
        return False
    return True


class _EncryptedKey(Exception):
    """OpenSSL asked for a passphrase."""


def _refuse_password() -> str:
    raise _EncryptedKey


def _reason(error: ssl.SSLError | OSError) -> str:
    """The library's own short word for what is wrong, where it has one."""
    reason = error.reason if isinstance(error, ssl.SSLError) else error.strerror
    return f" ({reason.lower().replace('_', ' ')})" if reason else ""
