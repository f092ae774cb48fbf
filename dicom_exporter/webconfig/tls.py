"""`tls_server_config` -> the context of a TLS server.

A context keeps what it was made of. A new one is made from the bytes of all files, so that no context mixes the old
contents of one file with the new contents of another.
"""

import platform
import ssl
from dataclasses import dataclass

from dicom_exporter.webconfig.handshake import ServerContext
from dicom_exporter.webconfig.model import CIPHER_SUITES, CURVES, VERSIONS, TLSServerConfig
from dicom_exporter.yamlfile.pem import PEM, PEMError, as_file, load_authorities, load_certificate


@dataclass(frozen=True, slots=True, repr=False)
class Material:
    """The contents of the certificate files, in PEM form; `authorities` is None for those of the system."""

    certificate: bytes
    key: bytes
    authorities: bytes | None


def server_context(settings: TLSServerConfig, material: Material) -> ServerContext:
    """Make a server's context. Raises PEMError; its `key` is one of `tls_server_config`."""
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
        # As Go does, trust each certificate of the file, also an intermediate one, or that of a client itself.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        _load_authorities(context, settings, material)
    if settings.client_allowed_sans is not None:
        context.allowed_sans = frozenset(settings.client_allowed_sans)
    return context


def _choose_suites(context: ssl.SSLContext, settings: TLSServerConfig) -> None:
    if not settings.cipher_suites:
        return
    names = [CIPHER_SUITES[suite] for suite in settings.cipher_suites if suite in CIPHER_SUITES]
    if not names:  # only suites of TLS 1.3: none is left for TLS 1.2
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        return
    try:
        context.set_ciphers(":".join(names))
    except ssl.SSLError:
        raise PEMError("cipher_suites", "the OpenSSL of this machine supports none of them") from None


def _choose_curves(context: ssl.SSLContext, settings: TLSServerConfig) -> None:
    curves = list(dict.fromkeys(settings.curve_preferences))
    if not curves:
        return
    try:
        if set_groups := getattr(context, "set_groups", None):  # Python 3.15 and newer
            set_groups(":".join(CURVES[curve] for curve in curves))
        elif len(curves) == 1:
            context.set_ecdh_curve(CURVES[curves[0]])
        elif set(curves) != set(CURVES):  # all of them is the default; OpenSSL chooses their order
            message = "not supported: before Python 3.15, ssl takes one curve, or all of them; name one"
            raise PEMError("curve_preferences", message)
    except PEMError:
        raise
    except (ssl.SSLError, ValueError) as error:
        message = "the OpenSSL of this machine does not support it"
        if getattr(error, "library", None) == "EC":  # Python asked for the kind of curve that X25519 is not
            message = f"the ssl module of Python {platform.python_version()} cannot set it; that of a newer Python can"
        raise PEMError("curve_preferences", message) from None


def _load_certificate(context: ssl.SSLContext, settings: TLSServerConfig, material: Material) -> None:
    with as_file(material.certificate) as certificate, as_file(material.key) as key:
        load_certificate(context, _pem("cert", certificate, settings), _pem("key", key, settings))


def _load_authorities(context: ssl.SSLContext, settings: TLSServerConfig, material: Material) -> None:
    if material.authorities is None:
        context.load_default_certs(ssl.Purpose.CLIENT_AUTH)
        return
    with as_file(material.authorities) as path:
        load_authorities(context, _pem("client_ca", path, settings))


def _pem(key: str, path: str, settings: TLSServerConfig) -> PEM:
    """The PEM data at `path`, under the key of the configuration that they come from."""
    name = getattr(settings, f"{key}_file")
    return PEM(f"{key}_file" if name else key, path, name)
