"""Server contexts for each kind of TLS, with certificates that are made once for each process."""

from __future__ import annotations

import ssl
import warnings
from functools import cache

import trustme

from tests.testing.truth.model import NAME, OTHER_NAME, TLS

_UNRECOGNIZED = ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME


@cache
def server_context(kind: TLS) -> ssl.SSLContext:
    """The context of a server with that kind of TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority, certificate = _certificates()
    certificate.configure_cert(context)
    match kind:
        case TLS.NAMED:
            context.sni_callback = _only_names
        case TLS.CLIENT_CERTIFICATE | TLS.CLIENT_CERTIFICATE_1_2:
            authority.configure_trust(context)
            context.verify_mode = ssl.CERT_REQUIRED
            if kind is TLS.CLIENT_CERTIFICATE_1_2:
                context.maximum_version = ssl.TLSVersion.TLSv1_2
        case TLS.OBSOLETE:
            context.set_ciphers("ALL:@SECLEVEL=0")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                context.minimum_version = ssl.TLSVersion.TLSv1
                context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


def _only_names(tls: object, name: str | None, _: object) -> int | None:
    return None if name in (NAME, OTHER_NAME) else _UNRECOGNIZED


@cache
def _certificates() -> tuple[trustme.CA, trustme.LeafCert]:
    authority = trustme.CA()
    return authority, authority.issue_cert(NAME, OTHER_NAME, "127.0.0.1", "::1")
