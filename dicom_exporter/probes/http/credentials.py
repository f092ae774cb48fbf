"""Who we say we are over HTTP."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from dicom_exporter.config import Secret


@dataclass(frozen=True, slots=True)
class HTTPCredentials:
    """The value of an ``Authorization`` header (RFC 9110 11.6.2), which does not print."""

    authorization: Secret


def basic(username: str, password: Secret) -> HTTPCredentials:
    """HTTP basic authentication (RFC 7617)."""
    pair = f"{username}:{password.reveal()}".encode()
    return HTTPCredentials(Secret("Basic " + base64.b64encode(pair).decode("ascii")))


def bearer(token: Secret) -> HTTPCredentials:
    """A bearer token (RFC 6750)."""
    return HTTPCredentials(Secret("Bearer " + token.reveal()))
