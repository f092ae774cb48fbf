"""Exit 0 where the exporter's event loop turns, 1 where it does not; for the HEALTHCHECK of a container.

Any HTTP answer will do: with `--web.config.file` the page may want a password, and then a 401 is a sign of life, too.
Another address than the default: give it as an argument, like ``127.0.0.1:9104``.
"""

from __future__ import annotations

import http.client
import ssl
import sys

_DEFAULT = "127.0.0.1:10104"
_TIMEOUT = 2.0
"""Seconds; tried twice, plain and with TLS, inside of the five that the container gives."""


def answers(address: str, *, tls: bool) -> bool:
    """Whether HTTP comes back from `address` (``host:port``)."""
    if tls:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # it is ourselves on loopback, under a name of the outside
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
