"""Exit with 0 if the exporter's event loop responds, else with 1; for the HEALTHCHECK of a container.

Any HTTP response with a status below 500 is good: with `--web.config.file` the page may require a password, and a 401
shows that the exporter runs. To use another address than the default, give it as an argument, like ``127.0.0.1:9104``.
"""

from __future__ import annotations

import http.client
import ssl
import sys

_DEFAULT = "127.0.0.1:10104"
_TIMEOUT = 2.0
"""Seconds for each of two attempts, plain and with TLS, within the five of the container's health check."""


def answers(address: str, *, tls: bool) -> bool:
    """Whether `address` (``host:port``) responds with HTTP."""
    if tls:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # our own server on loopback; its certificate has its public name
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(address, timeout=_TIMEOUT, context=context)
    else:
        connection = http.client.HTTPConnection(address, timeout=_TIMEOUT)
    try:
        connection.request("GET", "/-/healthy")
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    where = sys.argv[1] if len(sys.argv) > 1 else _DEFAULT
    sys.exit(0 if answers(where, tls=False) or answers(where, tls=True) else 1)
