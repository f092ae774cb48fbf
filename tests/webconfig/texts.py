"""Parts of files."""

from __future__ import annotations

import base64

import bcrypt

TLS = "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n"
HASH = "$2y$10$yiOvjuhRHd3b3QWFACteSujEWlp7FPXNGdiCPpih4QMv03HnIj.l2"


def basic(name: str, password: str) -> dict[str, str]:
    """The header with a name and a password (RFC 7617)."""
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


def users(**passwords: str) -> str:
    """`basic_auth_users` with these passwords, at the lowest cost."""
    lines = [f"  {name}: {hashed(password).decode()}\n" for name, password in passwords.items()]
    return "basic_auth_users:\n" + "".join(lines)


def hashed(password: str) -> bytes:
    """The password's hash, at the lowest cost."""
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4))
