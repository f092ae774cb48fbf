"""Addresses that a request names and the configuration does not: which of them may be probed.

```
host:port ─> look up ─> in probe.allow? ─> probe             at the addresses that were checked, and no others
                │               │
                └───────────────┴─> NotAllowed               the same, whether a name is unknown or leads elsewhere
```

Names are looked up by threads of their own, so that those of requests do not delay those of the configuration.
"""

from __future__ import annotations

import socket

from dicom_exporter.config import Address, ProbeSettings
from dicom_exporter.config.values.network import SocketAddress, unmapped
from dicom_exporter.net.errors import NameNotResolved, Overloaded
from dicom_exporter.net.resolver import LookupThreads, Resolved, Resolver

_THREADS = 16
_MAX_NAMES = 64
"""Names that are being looked up or wait for it."""


class NotAllowed(Exception):
    """The address is not inside of `probe.allow`, or there is none: the client does not learn which."""


class Allowlist:
    """Looks up the names in requests, and lets those through that `probe.allow` has."""

    def __init__(self, lookups: LookupThreads | None = None) -> None:
        self._lookups = lookups or LookupThreads(max_threads=_THREADS)

    async def check(self, address: Address, settings: ProbeSettings, deadline: float) -> Address:
        """Return `address` with the socket addresses that were checked, which are the ones to connect to.

        A second lookup could say something else (DNS rebinding). Of a name with several addresses, those that are not
        allowed are left out.

        Raises:
            NotAllowed: no address is allowed; also if the lookup does not end before `deadline` (loop time).
            Overloaded: too many names are being looked up.
        """
        if address.socket_addresses:
            found, total = address.socket_addresses, 1
        else:
            resolved = await self._look_up(address, deadline)
            found, total = resolved.addresses, resolved.total
        allowed = tuple(dict.fromkeys(_plain(each) for each in found if settings.allows(unmapped(each.ip))))
        if not allowed:
            raise NotAllowed
        host = allowed[0].ip if address.socket_addresses else address.host
        return Address(host, address.port, allowed, incomplete=len(allowed) < total)

    async def _look_up(self, address: Address, deadline: float) -> Resolved:
        if self._lookups.pending >= _MAX_NAMES:
            raise Overloaded("too many names are being looked up")
        try:
            return await Resolver(self._lookups).resolve(address.host, address.port, None, deadline)
        except NameNotResolved:
            raise NotAllowed from None

    def close(self) -> None:
        """Let the threads end once they are free."""
        self._lookups.close()


def _plain(address: SocketAddress) -> SocketAddress:
    """`address`, and never an IPv4-mapped one, which would be another address to the limits."""
    ip = unmapped(address.ip)
    return SocketAddress(socket.AF_INET, str(ip), address.port) if ip.version == 4 else address
