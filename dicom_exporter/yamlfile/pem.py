"""Certificates, keys and certificate authorities in PEM form, loaded into a TLS context with exact errors.

OpenSSL reads files only. `as_file` gives it bytes that are already in memory.
"""

from __future__ import annotations

import os
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from dicom_exporter.text import shown

_TOO_WEAK = ("EE_KEY_TOO_SMALL", "CA_KEY_TOO_SMALL", "CA_MD_TOO_WEAK")


@dataclass(frozen=True, slots=True)
class PEM:
    """Something in PEM form."""

    key: str
    """The key of the configuration that names it, or holds it."""
    path: Path | str
    """Where OpenSSL reads it."""
    name: str = ""
    """The name of the file as a message shows it; empty if the configuration itself holds the text."""

    def error(self, message: str, reason: ssl.SSLError | OSError | None = None) -> PEMError:
        """Make an error about it, with OpenSSL's own words for the `reason` if it has any."""
        words = reason.reason if isinstance(reason, ssl.SSLError) else reason and reason.strerror
        subject = f"{shown(self.name)} " if self.name else ""
        return PEMError(self.key, f"{subject}{message}" + (f" ({words.lower().replace('_', ' ')})" if words else ""))


class PEMError(ValueError):
    """What is given in PEM form cannot be used; `key` is the key of the configuration that it came from."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


def load_authorities(context: ssl.SSLContext, authorities: PEM) -> None:
    """Trust the certificates in `authorities`. Raises PEMError with a message for the user."""
    try:
        context.load_verify_locations(authorities.path)
    except (ssl.SSLError, OSError) as error:
        raise authorities.error("holds no certificate in PEM form", error) from None


def load_certificate(context: ssl.SSLContext, certificate: PEM, key: PEM) -> None:
    """Present `certificate`, with the chain that follows it, whose private key is in `key`.

    Raises PEMError with a message for the user.
    """
    try:
        context.load_cert_chain(certificate.path, key.path, password=_refuse_password)
    except _EncryptedKey:
        raise key.error("holds an encrypted key: use a key without a passphrase") from None
    except (ssl.SSLError, OSError) as error:
        reason = error.reason if isinstance(error, ssl.SSLError) else None
        if reason == "KEY_VALUES_MISMATCH":
            raise key.error("holds a key that does not belong to the certificate") from None
        if reason in _TOO_WEAK:
            raise certificate.error("is refused by OpenSSL as too weak", error) from None
        if not _holds_certificate(certificate.path):
            raise certificate.error("holds no certificate in PEM form") from None
        raise key.error("holds no private key in PEM form", error) from None


@contextmanager
def as_file(data: bytes) -> Iterator[str]:
    """Give a path at which OpenSSL can read `data`: in memory if possible, so that no key goes to disk."""
    if hasattr(os, "memfd_create") and Path("/proc/self/fd").is_dir():
        descriptor = os.memfd_create("pem")
        try:
            with open(descriptor, "wb", closefd=False) as file:
                file.write(data)
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
        return
    descriptor, name = tempfile.mkstemp()  # readable by this user alone
    try:
        os.close(descriptor)
        Path(name).write_bytes(data)
        yield name
    finally:
        with suppress(OSError):
            Path(name).unlink()


def _holds_certificate(path: Path | str) -> bool:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except (ssl.SSLError, OSError):
        return False
    return True


class _EncryptedKey(Exception):
    """OpenSSL asked for a passphrase."""


def _refuse_password() -> str:
    raise _EncryptedKey
