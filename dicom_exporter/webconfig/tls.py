"""`tls_server_config` -> the context of a TLS server.

OpenSSL keeps a context; this module makes a new one from the bytes of the files, so that a context never mixes what
stood in a file before and after a change.
"""

from __future__ import annotations

import os
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from dicom_exporter.webconfig.document import KeyPath
from dicom_exporter.webconfig.handshake import ServerContext
from dicom_exporter.webconfig.model import CIPHER_SUITES, CURVES, VERSIONS, TLSServerConfig
from dicom_exporter.webconfig.values import shown


class TLSMistake(ValueError):
    """A certificate, a key or an option that OpenSSL does not take; `path` is the key in the file that brought it."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.path: KeyPath = ("tls_server_config", key)


@dataclass(frozen=True, slots=True, repr=False)
class Material:
    """What the certificates' files hold, in PEM form; `authorities` is None where the system's count."""

    certificate: bytes
    key: bytes
    authorities: bytes | None


def server_context(settings: TLSServerConfig, material: Material) -> ServerContext:
    """Make a server's context. Raises TLSMistake with a message for the user."""
    context = ServerContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = VERSIONS[settings.min_version]
    context.maximum_version = VERSIONS[settings.max_version]
    context.set_alpn_protocols(["http/1.1"])
    if not settings.prefer_server_cipher_suites:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    _choose_suites(context, settings)
    _choose_curves(context, settings)
    _load_certificate(context, settings, material)
    context.verify_mode = settings.verify_mode
    if settings.verify_mode != ssl.CERT_NONE:
        # Go trusts each certificate of the file, also one that its own issuer signed; a client's own may be named so.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        _load_authorities(context, settings, material)
    if settings.client_allowed_sans is not None:
        context.allowed_sans = frozenset(settings.client_allowed_sans)
    return context


def _choose_suites(context: ssl.SSLContext, settings: TLSServerConfig) -> None:
    if not settings.cipher_suites:
        return
    names = [CIPHER_SUITES[suite] for suite in settings.cipher_suites if suite in CIPHER_SUITES]
    if not names:  # only those of TLS 1.3: then nothing is left for TLS 1.2
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        return
    try:
        context.set_ciphers(":".join(names))
    except ssl.SSLError:
        raise TLSMistake("cipher_suites", "this machine's OpenSSL has none of them") from None


def _choose_curves(context: ssl.SSLContext, settings: TLSServerConfig) -> None:
    curves = list(dict.fromkeys(settings.curve_preferences))
    if not curves:
        return
    try:
        if set_groups := getattr(context, "set_groups", None):  # Python 3.15 and newer
            set_groups(":".join(CURVES[curve] for curve in curves))
        elif len(curves) == 1:
            context.set_ecdh_curve(CURVES[curves[0]])
        elif set(curves) != set(CURVES):  # all of them: any will do, and their order is left to OpenSSL
            message = "not supported: before Python 3.15, ssl can be told one curve, not which of several; name one"
            raise TLSMistake("curve_preferences", message)
    except (ssl.SSLError, ValueError) as error:
        if isinstance(error, TLSMistake):
            raise
        raise TLSMistake("curve_preferences", "this machine's OpenSSL does not have it") from None


def _load_certificate(context: ssl.SSLContext, settings: TLSServerConfig, material: Material) -> None:
    certificate_key = "cert_file" if settings.cert_file else "cert"
    key_key = "key_file" if settings.key_file else "key"
    if not _holds_certificate(material.certificate):
        raise TLSMistake(certificate_key, f"{_named(settings.cert_file)}holds no certificate in PEM form")
    try:
        with _as_file(material.certificate) as certificate, _as_file(material.key) as key:
            context.load_cert_chain(certificate, key, password=_refuse_password)
    except _EncryptedKey:
        message = f"{_named(settings.key_file)}holds an encrypted key: nobody is there to type its passphrase"
        raise TLSMistake(key_key, message) from None
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise TLSMistake(key_key, f"{_named(settings.key_file)}does not belong to the certificate") from None
        if error.reason in ("EE_KEY_TOO_SMALL", "CA_KEY_TOO_SMALL", "CA_MD_TOO_WEAK"):
            raise TLSMistake(certificate_key, f"OpenSSL takes the certificate for too weak{_reason(error)}") from None
        message = f"{_named(settings.key_file)}holds no private key in PEM form{_reason(error)}"
        raise TLSMistake(key_key, message) from None


def _load_authorities(context: ssl.SSLContext, settings: TLSServerConfig, material: Material) -> None:
    if material.authorities is None:
        context.load_default_certs(ssl.Purpose.CLIENT_AUTH)
        return
    try:
        context.load_verify_locations(cadata=material.authorities.decode("ascii", "replace"))
    except (ssl.SSLError, ValueError) as error:
        key, name = ("client_ca_file", settings.client_ca_file) if settings.client_ca_file else ("client_ca", "")
        reason = _reason(error) if isinstance(error, ssl.SSLError) else ""
        raise TLSMistake(key, f"{_named(name)}holds no certificate in PEM form{reason}") from None


def _holds_certificate(data: bytes) -> bool:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(cadata=data.decode("ascii", "replace"))
    except (ssl.SSLError, ValueError):
        return False
    return True


class _EncryptedKey(Exception):
    """OpenSSL asked for a passphrase."""


def _refuse_password() -> str:
    raise _EncryptedKey


@contextmanager
def _as_file(data: bytes) -> Iterator[str]:
    """A path at which OpenSSL reads `data`: in memory where the system has that, so that no key goes to a disk."""
    if hasattr(os, "memfd_create") and Path("/proc/self/fd").is_dir():
        descriptor = os.memfd_create("pem")
        try:
            with open(descriptor, "wb", closefd=False) as file:
                file.write(data)
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
        return
    descriptor, name = tempfile.mkstemp()  # nobody else may read it
    try:
        os.close(descriptor)
        Path(name).write_bytes(data)
        yield name
    finally:
        with suppress(OSError):
            Path(name).unlink()


def _named(file: str) -> str:
    return f"{shown(file)} " if file else ""


def _reason(error: ssl.SSLError) -> str:
    """OpenSSL's own short word for what is wrong, where it has one."""
    return f" ({error.reason.lower().replace('_', ' ')})" if error.reason else ""
