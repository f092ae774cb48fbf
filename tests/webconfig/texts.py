"""Parts of files."""

from __future__ import annotations

import base64

import bcrypt

TLS = "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n"
HASH = "$2y$10$qRTBuFoULoYNA7AQ/F3ck.trZBPyjV64.oA4ZsSBCIWvXuvQlQTuu"


def basic(name: str, password: str) -> dict[str, str]:
    """The header that brings a password (RFC 7617)."""
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


def users(**passwords: str) -> str:
    """`basic_auth_users` with these passwords, at the least cost."""
    hashes = {name: bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)) for name, password in passwords.items()}
    return "basic_auth_users:\n" + "".join(f"  {name}: {hashed.decode()}\n" for name, hashed in hashes.items())
