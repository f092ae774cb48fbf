"""Addresses that a request names and the configuration does not: which of them may be probed.

```
host:port ─> look up ─> in probe.allow? ─> probe             at the socket address that was checked, and no other
                │               │
                └───────────────┴─> NotAllowed               the same, whether a name is unknown or leads elsewhere
```

Names are looked up by threads of their own, so that those of requests do not delay those of the configuration.
"""

from __future__ import annotations

import asyncio
import socket

from dicom_exporter.config import Address, ProbeSettings
from dicom_exporter.config.values.network import SocketAddress, unmapped
from dicom_exporter.net.errors import NameNotResolved, Overloaded
from dicom_exporter.net.resolver import LookupThreads, Resolver

_THREADS = 2
_MAX_NAMES = 64
"""Names that are being looked up or wait for it."""


class NotAllowed(Exception):
    """The address is not inside of `probe.allow`, or there is none: the client does not learn which."""


class Allowlist:
    """Looks up the names in requests, and lets those through that `probe.allow` has."""

    def __init__(self, lookups: LookupThreads | None = None) -> None:
        self._lookups = lookups or LookupThreads(threads=_THREADS)

    async def check(self, address: Address, settings: ProbeSettings, deadline: float) -> Address:
        """Return `address` with the socket address that was checked, which is the one to connect to.

        A second lookup could say something else (DNS rebinding).

        Raises:
            NotAllowed: also where the lookup does not end before `deadline` (loop time).
            Overloaded: too many names are being looked up.
        """
        given = address.socket_address
        found = given or await self._look_up(address, deadline)
        ip = unmapped(found.ip)
        if not settings.allows(ip):
            raise NotAllowed
        if ip.version == 4:  # not IPv4-mapped, which would be another address to the limits
            found = SocketAddress(socket.AF_INET, str(ip), address.port)
        return Address(address.host if given is None else found.ip, address.port, found)

    async def _look_up(self, address: Address, deadline: float) -> SocketAddress:
        if self._lookups.pending >= _MAX_NAMES:
            raise Overloaded("too many names are being looked up")
        try:
            async with asyncio.timeout_at(deadline):
                return await Resolver(self._lookups).resolve(address.host, address.port)
        except (NameNotResolved, TimeoutError):
            raise NotAllowed from None

    def close(self) -> None:
        """Let the threads end once they are free."""
        self._lookups.close()
