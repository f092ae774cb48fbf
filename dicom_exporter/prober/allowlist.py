"""Addresses that somebody asks for and that are not in the configuration: which of them may be probed.

```
host:port ─> look up ─> in probe.allow? ─> pin ─> probe     the address that was checked is the one that is asked
                │               │
                └───────────────┴─> NotAllowed               the same, whether a name is unknown or leads elsewhere
```

Names are looked up by threads of their own, so that a stranger's names do not stand before the configuration's.
"""

from __future__ import annotations

import asyncio
import socket

from dicom_exporter.config import Address, ProbeSettings
from dicom_exporter.config.values.network import unmapped
from dicom_exporter.net.errors import NameNotResolved, Overloaded
from dicom_exporter.net.resolver import LookupThreads, Resolver, SocketAddress, literal

_THREADS = 2
_MOST_NAMES = 64
"""Names that are being looked up or wait for it."""


class NotAllowed(Exception):
    """The address is not inside of `probe.allow`, or there is none: who asks is not told which."""


class Admission:
    """Looks strangers' names up, and lets those through that are allowed."""

    def __init__(self, lookups: LookupThreads | None = None) -> None:
        self._lookups = lookups or LookupThreads(threads=_THREADS)

    async def admit(self, address: Address, settings: ProbeSettings, deadline: float) -> tuple[Address, Resolver]:
        """Return what to probe in place of `address`, and a resolver to which its host is what was checked here.

        Raises:
            NotAllowed: also where the lookup does not end before `deadline` (loop time).
            Overloaded: too many names are being looked up.
        """
        resolver = Resolver(self._lookups)
        given = literal(address.host, address.port)
        found = given or await self._look_up(resolver, address, deadline)
        place = unmapped(found.ip)
        if not settings.allows(place):
            raise NotAllowed
        if place.version == 4:  # not in IPv6's clothes, in which it would be another address to the gate
            found = SocketAddress(socket.AF_INET, str(place), address.port)
        known_as = address if given is None else Address(found.ip, address.port)
        resolver.pin(known_as.host, found)
        return known_as, resolver

    async def _look_up(self, resolver: Resolver, address: Address, deadline: float) -> SocketAddress:
        if self._lookups.pending >= _MOST_NAMES:
            raise Overloaded("too many names are being looked up")
        try:
            async with asyncio.timeout_at(deadline):
                return await resolver.resolve(address.host, address.port)
        except (NameNotResolved, TimeoutError):
            raise NotAllowed from None

    def close(self) -> None:
        """Let the threads end once they are free."""
        self._lookups.close()
