"""TLS servers that send what Python's ssl cannot: key updates without end, and contents in records of one byte.

They use the system's libssl. Each function takes a connection and does not return before the client is gone.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import socket
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

NAME = ctypes.util.find_library("ssl")
"""The file of libssl; None if there is none."""
_PEM = 1
_CTRL_MIN_PROTO_VERSION = 123
_TLS_1_3 = 0x0304
_NOT_REQUESTED = 0
"""Of the client: it need not answer a key update with one of its own."""


def key_updates(connection: socket.socket, certificate: Path, key: Path) -> int:
    """After the handshake, say again and again that new keys are used (RFC 8446 4.6.3). Returns how often it was."""
    count = 0

    def update(ssl: Any, session: int) -> bool:
        nonlocal count
        count += 1
        return bool(ssl.SSL_key_update(session, _NOT_REQUESTED) == 1 and ssl.SSL_do_handshake(session) == 1)

    _serve(connection, certificate, key, update)
    return count


def tiny_records(connection: socket.socket, certificate: Path, key: Path, data: bytes) -> None:
    """After the handshake, send `data`, and its last byte without end, each byte in a record of its own."""
    rest = iter(data[:-1])

    def write(ssl: Any, session: int) -> bool:
        return bool(ssl.SSL_write(session, bytes([next(rest, data[-1])]), 1) == 1)

    _serve(connection, certificate, key, write)


def _serve(connection: socket.socket, certificate: Path, key: Path, step: Callable[[Any, int], bool]) -> None:
    ssl = _libssl()
    context = ssl.SSL_CTX_new(ssl.TLS_server_method())
    ssl.SSL_CTX_ctrl(context, _CTRL_MIN_PROTO_VERSION, _TLS_1_3, None)
    ssl.SSL_CTX_use_certificate_file(context, str(certificate).encode(), _PEM)
    ssl.SSL_CTX_use_PrivateKey_file(context, str(key).encode(), _PEM)
    session = ssl.SSL_new(context)
    connection.setblocking(True)
    ssl.SSL_set_fd(session, connection.fileno())
    if ssl.SSL_accept(session) == 1:
        while step(ssl, session):
            pass
    ssl.SSL_free(session)
    ssl.SSL_CTX_free(context)


@cache
def _libssl() -> Any:
    ssl = ctypes.CDLL(NAME)
    pointer, number = ctypes.c_void_p, ctypes.c_int
    for name in ("TLS_server_method", "SSL_CTX_new", "SSL_new"):
        getattr(ssl, name).restype = pointer
    for name in ("SSL_CTX_new", "SSL_CTX_free", "SSL_new", "SSL_free", "SSL_accept", "SSL_do_handshake"):
        getattr(ssl, name).argtypes = [pointer]
    for name in ("SSL_CTX_use_certificate_file", "SSL_CTX_use_PrivateKey_file", "SSL_write"):
        getattr(ssl, name).argtypes = [pointer, ctypes.c_char_p, number]
    ssl.SSL_CTX_ctrl.argtypes = [pointer, number, ctypes.c_long, pointer]
    for name in ("SSL_set_fd", "SSL_key_update"):
        getattr(ssl, name).argtypes = [pointer, number]
    return ssl
