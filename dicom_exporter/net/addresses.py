"""Which of the addresses of a name a probe connects to.

```
connect_to_first   one after the other, until one accepts the connection; the rest of the probe stays there (RFC 8305)
probe_each         a stranger: all of them, one after the other, as only all together show that a name is closed
```

Both are for names with several addresses. An address that is given as such costs nothing here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from dicom_exporter.config.values.network import Address, SocketAddress
from dicom_exporter.enums import UnknownReason
from dicom_exporter.net.context import PROOF_AMONG_SEVERAL, ProbeContext
from dicom_exporter.net.errors import (
    ConnectionEnded,
    ConnectionRefused,
    ConnectTimeout,
    NetworkError,
    NetworkUnreachable,
    Overloaded,
    ProbeEnded,
)

T = TypeVar("T")

_TELLING = (ConnectionRefused, ConnectionEnded, ConnectTimeout, NetworkUnreachable)
"""How much the end of an attempt to connect says of the peer, the most first."""


async def connect_to_first(
    address: Address, context: ProbeContext, connect: Callable[[SocketAddress, float], Awaitable[T]]
) -> T:
    """Connect to the first of the addresses of `address` that accepts a connection, in the order of the resolver.

    Later connections of the same probe go to the address that accepted. `connect` gets an address, and the loop time
    until which it may take; it raises NetworkError or Overloaded if there is no connection, and holds nothing then.

    The record of the name keeps what was not tried: a redirect may lead a stranger to it, past `probe_each`.

    Raises:
        NameNotResolved, and what `connect` raises: of several, the one that says most of the peer; Overloaded if any
        of them was, as that address might have answered.
    """
    resolved = await context.resolve(address)
    first, *others = resolved.addresses
    if resolved.doubt is not None:
        context.notes.doubts.add(resolved.doubt)
    if not others and resolved.total == 1:
        return await connect(first, context.deadline)
    if len(resolved.addresses) < resolved.total:
        context.notes.doubts.add(UnknownReason.ADDRESS_NOT_TRIED)
    record = context.record(address, resolved.total)
    if record.answered is not None:
        return await connect(record.answered, context.deadline)
    loop = asyncio.get_running_loop()
    ends: list[NetworkError | Overloaded] = []
    for index, each in enumerate(resolved.addresses):
        now = loop.time()
        left = context.deadline - now
        if ends and left <= 0:
            ends.append(Overloaded("no time was left for another address of the name"))
            break
        try:
            connection = await connect(each, now + left / (len(resolved.addresses) - index))
        except NetworkError as end:
            record.failed.add(each)
            ends.append(end)
        except Overloaded as end:
            ends.append(end)
        else:
            record.answered = each
            record.untried = resolved.addresses[index + 1 :]
            return connection
    raise _most_telling(ends)


def judge_silence(
    end: ConnectTimeout, waited: float, address: Address, context: ProbeContext
) -> ConnectTimeout | Overloaded:
    """Return `end`; or Overloaded if the `waited` seconds were too few to show that nobody answers at `address`."""
    if waited >= context.proof_of_silence(address.host, address.port):
        return end
    context.notes.doubts.add(UnknownReason.TIMEOUT)
    return Overloaded("too little time was left for the connection")


def _most_telling(ends: list[NetworkError | Overloaded]) -> ProbeEnded:
    for kind in (Overloaded, *_TELLING):
        for end in ends:
            if isinstance(end, kind):
                return end
    return ends[0]


@dataclass(frozen=True, slots=True)
class EachAddress(Generic[T]):
    """What a stranger found at the addresses of a name."""

    results: tuple[tuple[SocketAddress | None, T], ...]
    """In the order in which they were tried, at least one. The address is None if there is only one."""
    doubts: frozenset[UnknownReason] = frozenset()
    """Why the name may lead further than these results."""
    total: int = 1
    """How many addresses the name has."""


async def probe_each(
    address: Address,
    context: ProbeContext,
    probe: Callable[[ProbeContext], Awaitable[T]],
    *,
    at_least: float,
    is_furthest: Callable[[T], bool],
) -> EachAddress[T]:
    """Call `probe` for each address of `address`, one after the other, with a context that leads to that one alone.

    Each gets an even share of the time left, and `at_least` so many seconds, as an answer that is cut off shows
    nothing. Ends early if `is_furthest` says of a result that no other can get further. A name without addresses is
    left to `probe`, which finds the same.
    """
    if len(address.socket_addresses) == 1 and not address.incomplete:
        return EachAddress(((None, await probe(context)),))
    try:
        resolved = await context.resolve(address)
    except ProbeEnded:
        return EachAddress(((None, await probe(context)),))
    loop = asyncio.get_running_loop()
    count = len(resolved.addresses)
    if resolved.total > 1:
        context.record(address, resolved.total)
    # Silence at one leaves time for the others, and for other services of theirs.
    half_a_share = (context.deadline - loop.time()) / count / 2
    connect_timeout = min(context.connect_timeout, max(PROOF_AMONG_SEVERAL, half_a_share))
    doubts = set() if resolved.doubt is None else {resolved.doubt}
    if resolved.total > count:
        doubts.add(UnknownReason.ADDRESS_NOT_TRIED)
    results: list[tuple[SocketAddress | None, T]] = []
    for index, each in enumerate(resolved.addresses):
        now = loop.time()
        left = context.deadline - now
        if results and left <= 0:
            doubts.add(UnknownReason.ADDRESS_NOT_TRIED)
            break
        own = context.at(address.host, each, now + min(left, max(left / (count - index), at_least)))
        if count > 1:
            own = replace(own.with_own_phases(), connect_timeout=connect_timeout)
        result = await probe(own)
        results.append((each, result))
        if is_furthest(result):
            doubts -= {UnknownReason.ADDRESS_NOT_TRIED}
            break
    return EachAddress(tuple(results), frozenset(doubts), resolved.total)
