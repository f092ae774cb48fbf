"""The TLS context of an identity (PS3.15 B.12: at least TLS 1.2)."""

from __future__ import annotations

import ssl
from pathlib import Path

from dicom_exporter.config.model import TLSProfile, TLSSettings
from dicom_exporter.net.pem import PEM, PEMError, load_authorities, load_certificate


_RSA_KEY_TRANSPORT = "kRSA+AESGCM:kRSA+AES:!aNULL:!eNULL:!PSK"


def tls_settings(
    *,
    ca_file: Path | None = None,
    cert_file: Path | None = None,
    key_file: Path | None = None,
    server_name: str | None = None,
    insecure_skip_verify: bool = False,
    minimum_profile: TLSProfile = TLSProfile.DEFAULT,
) -> TLSSettings:
    """Read the files and build a client's context, which verifies the peer unless `insecure_skip_verify`.

    Raises PEMError; its `key` is that of the file that cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    without_finite_field_dh(context)
    if minimum_profile is TLSProfile.LEGACY:
        context.set_ciphers(":".join([*_settable(context), _RSA_KEY_TRANSPORT]))
    if insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if ca_file is None:
        context.load_default_certs()
    else:
        load_authorities(context, PEM("ca_file", ca_file, ca_file.name))
    if cert_file is not None:
        certificate = PEM("cert_file", cert_file, cert_file.name)
        key = certificate if key_file is None else PEM("key_file", key_file, key_file.name)
        load_certificate(context, certificate, key)
    elif key_file is not None:
        raise PEMError("key_file", "a key without a certificate: cert_file is missing")
    return TLSSettings(
        ca_file=ca_file,
        cert_file=cert_file,
        key_file=key_file,
        server_name=server_name,
        insecure_skip_verify=insecure_skip_verify,
        minimum_profile=minimum_profile,
        context=context,
    )


def without_finite_field_dh(context: ssl.SSLContext) -> None:
    """Take the ciphers with finite-field Diffie-Hellman from `context`.

    The server chooses the group: one of 10,000 bits takes the client seconds of processor time, in which nothing else
    runs. RFC 9325 4.1 recommends elliptic curves.
    """
    context.set_ciphers(":".join(name for name in _settable(context) if not name.startswith("DHE-")))


def _settable(context: ssl.SSLContext) -> list[str]:
    """Names of the ciphers of `context` without those of TLS 1.3, which have a list of their own."""
    return [cipher["name"] for cipher in context.get_ciphers() if not cipher["name"].startswith("TLS_")]
