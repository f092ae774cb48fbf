"""Certificates for tests, made for each test: an authority, and a server's and a client's that it signed."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import trustme

NAMES = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Certificates:
    """Paths of PEM files. The keys have no passphrase."""

    authority: Path
    server: Path
    server_key: Path
    client: Path
    client_key: Path
    server_expiry: datetime.datetime


def make_certificates(
    directory: Path,
    *,
    names: Sequence[str] = NAMES,
    valid: datetime.timedelta = datetime.timedelta(days=30),
    client_names: Sequence[str] = ("monitor.test.example",),
    rsa: bool = False,
) -> Certificates:
    """Write an authority and two certificates into `directory`, which may exist.

    `valid` is the time until the server's certificate expires; a negative one has expired. `names` are host names and
    addresses for its subject alternative names. Keys are on an elliptic curve; the server's is of RSA if `rsa`.
    """
    directory.mkdir(parents=True, exist_ok=True)
    expiry = datetime.datetime.now(datetime.UTC).replace(microsecond=0) + valid
    authority = trustme.CA()
    kind = trustme.KeyType.RSA if rsa else trustme.KeyType.ECDSA
    server = authority.issue_cert(*names, common_name=names[0], not_after=expiry, key_type=kind)
    client = authority.issue_cert(*client_names, common_name=client_names[0])
    return Certificates(
        authority=_write(directory / "ca.pem", authority.cert_pem),
        server=_write(directory / "server.pem", server.cert_chain_pems[0]),
        server_key=_write(directory / "server.key", server.private_key_pem),
        client=_write(directory / "client.pem", client.cert_chain_pems[0]),
        client_key=_write(directory / "client.key", client.private_key_pem),
        server_expiry=expiry,
    )


def _write(path: Path, data: trustme.Blob) -> Path:
    data.write_to_path(path)
    path.chmod(0o600)
    return path
