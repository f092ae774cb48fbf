"""Which versions of TLS and which cipher suites a server accepts, in handshakes that are abandoned.

```
TLS 1.3 ─> 1.2 ─> SSLv3 ─> 1.0 ─> 1.1 ─> all weak suites ─> all but the class that it picked ─> … ─> DHE ─> again
```

Each is one connection: a ClientHello, and the beginning of the answer (`net.tls_hello`). A class of suites is refused
only if it was offered. An alert, or hanging up, is a refusal only if at the end the server still answers what it
answered at the beginning: so one that has had enough of us, or wants another name, has refused nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from enum import Enum, auto

from yarl import URL

from dicom_exporter.config import Address, Module, Target
from dicom_exporter.config.values.network import SocketAddress
from dicom_exporter.enums import LadderService, SuiteClass, TLSVersion
from dicom_exporter.net import tls_suites
from dicom_exporter.net.context import ProbeContext
from dicom_exporter.net.errors import ConnectionEnded, ProbeEnded
from dicom_exporter.net.tcp import certificate_key, connect
from dicom_exporter.net.tls_hello import Answer, NotTLS, client_hello
from dicom_exporter.results import TLSPosture
from dicom_exporter.verdict.tls_profile import OBSOLETE

_SECONDS = 3.0
"""That one handshake may take. Some servers are silent where they refuse."""
_MOST_SILENT = 2
"""Handshakes without an answer after which no more are tried."""
_REFUSED = frozenset({40, 70, 71})
"""Alerts that refuse what was offered: handshake_failure, protocol_version, insufficient_security (RFC 8446 6.2)."""
_UNRECOGNIZED_NAME = 112
_PIECE = 16 * 1024
_DHE = "dhe"
_Offered = TLSVersion | SuiteClass | str


class _End(Enum):
    """How a handshake ended that did not bring a ServerHello."""

    REFUSED = auto()
    CLOSED = auto()
    """Without an alert."""
    UNCLEAR = auto()
    """By an alert that refuses nothing that was offered; or it was silent."""
    NO_CONNECTION = auto()
    WRONG_NAME = auto()
    NOT_TLS = auto()


Postures = dict[LadderService, tuple[TLSPosture, ...]]


async def probe_tls(target: Target, module: Module, context: ProbeContext) -> Postures:
    """The postures of the servers of each service of `target` that speak TLS. Never raises for what a peer does.

    Of a name with several addresses, the first that accepts a connection is asked.
    """
    places = {(target.address.host, target.address.port): (target.address, [LadderService.DIMSE])}
    urls = [(LadderService.DICOMWEB, target.dicomweb), *((LadderService.WEB, page.url) for page in target.web)]
    for service, text in urls:
        url = URL(text or "")
        if url.scheme == "https" and url.raw_host and url.port:
            place = (url.raw_host, url.port)
            places.setdefault(place, (Address(*place), []))[1].append(service)
    found: Postures = {}
    for index, (address, services) in enumerate(places.values()):
        own = context.until(1 / (len(places) - index)).with_own_phases()
        names = context.server_names if address is target.address else ()
        posture = await _Enumeration(own).run(address, names or (address.host,))
        if posture is not None:
            found |= {service: (*found.get(service, ()), posture) for service in dict.fromkeys(services)}
    return found


class _Enumeration:
    """The handshakes with one server, and what they showed so far."""

    def __init__(self, context: ProbeContext) -> None:
        self._context = context
        self._where: SocketAddress | None = None
        self._name = ""
        self._silent = 0
        self._answered: tuple[TLSVersion, Sequence[int]] | None = None
        """The first that it answered."""
        self._accepts: dict[_Offered, bool] = {}

    async def run(self, address: Address, names: Sequence[str]) -> TLSPosture | None:
        """Ask the server at `address` under the first of `names` by which it answers. None if it speaks no TLS."""
        try:
            addresses = (await self._context.resolve(address)).addresses
        except ProbeEnded:
            return None
        found = await self._first(addresses, names)
        if found is None:
            return None
        newest, common = found
        self._note((TLSVersion.TLS_1_3,), newest)
        self._note((TLSVersion.TLS_1_2,), common)
        for version in OBSOLETE:
            self._note((version,), await self._offer(version, tls_suites.ALL))
        await self._try_weak_suites()
        ephemeral = await self._offer(TLSVersion.TLS_1_2, tls_suites.EPHEMERAL_DH, whole=True)
        self._note((_DHE,), ephemeral)
        if self._answered is None:
            return None  # it refused everything, for whatever reason
        if not isinstance(await self._offer(*self._answered), Answer):
            self._accepts = {each: True for each, held in self._accepts.items() if held}
        dh_bits = ephemeral.dh_bits() if isinstance(ephemeral, Answer) else None
        der = common.certificate if isinstance(common, Answer) else None
        return TLSPosture(
            {key: accepted for key, accepted in self._accepts.items() if isinstance(key, TLSVersion)},
            {key: accepted for key, accepted in self._accepts.items() if isinstance(key, SuiteClass)},
            0 if self._accepts.get(_DHE) is False else dh_bits,
            None if der is None else certificate_key(der),
        )

    async def _first(
        self, addresses: Sequence[SocketAddress], names: Sequence[str]
    ) -> tuple[Answer | _End, Answer | _End] | None:
        """The ends of TLS 1.3 and of 1.2, under the first name by which one is answered; None if no TLS is spoken.

        At the first of `addresses` that accepts a connection.
        """
        refused: tuple[str, tuple[Answer | _End, Answer | _End]] | None = None
        newest: Answer | _End = _End.NO_CONNECTION
        for self._where in addresses:
            for self._name in names:
                newest = await self._offer(TLSVersion.TLS_1_3, tls_suites.TLS_1_3)
                if newest in (_End.NO_CONNECTION, _End.NOT_TLS):
                    break
                common = await self._offer(TLSVersion.TLS_1_2, tls_suites.ALL, whole=True)
                if self._answered is not None:
                    return newest, common
                if _End.REFUSED in (newest, common):  # else most likely it speaks something else, or knows no such name
                    refused = refused or (self._name, (newest, common))
            if newest is not _End.NO_CONNECTION:
                break
        if refused is None:
            return None
        self._name, ends = refused
        return ends

    async def _try_weak_suites(self) -> None:
        left = dict(tls_suites.WEAK)
        while left:
            end = await self._offer(TLSVersion.TLS_1_2, [code for codes in left.values() for code in codes])
            if not isinstance(end, Answer):
                self._note(tuple(left), end)
                return
            picked = next(each for each, codes in left.items() if end.suite in codes)
            self._note((picked,), end)
            del left[picked]

    def _note(self, offered: Sequence[_Offered], end: Answer | _End) -> None:
        """What the `end` of a handshake shows of what was `offered` in it."""
        if isinstance(end, Answer):
            for each in offered:  # asked for TLS 1.1, it may have picked 1.0
                self._accepts[each] = end.version is each or not isinstance(each, TLSVersion)
            if end.version is not None:
                self._accepts[end.version] = True
        elif end in (_End.REFUSED, _End.CLOSED):
            self._accepts |= {each: False for each in offered if each not in self._accepts}

    async def _offer(self, version: TLSVersion, suites: Sequence[int], *, whole: bool = False) -> Answer | _End:
        """One handshake: what it brought, or how it ended."""
        context, loop = self._context, asyncio.get_running_loop()
        where = self._where
        if where is None or self._silent >= _MOST_SILENT or loop.time() >= context.deadline:
            return _End.NO_CONNECTION
        limits = context.limits
        try:
            async with limits.lock_address(where, context.deadline):
                await asyncio.sleep(max(0.0, limits.pause - limits.since_end(where, loop.time())))
                until = min(context.deadline, loop.time() + _SECONDS)
                sock = await connect(where, min(context.connect_timeout, max(until - loop.time(), 0.0)))
                try:
                    async with limits.association_slot(context.deadline), asyncio.timeout_at(until):
                        await loop.sock_sendall(sock, client_hello(version, suites, self._name))
                        answer = Answer(version, suites, whole=whole)
                        while not answer.done:
                            data = await loop.sock_recv(sock, _PIECE)
                            if not data:
                                return _End.CLOSED
                            answer.feed(data)
                finally:
                    sock.close()
                    limits.note_end(where, loop.time())
        except NotTLS:
            return _End.NOT_TLS
        except (ConnectionEnded, ConnectionError):
            return _End.CLOSED
        except TimeoutError:
            self._silent += 1
            return _End.UNCLEAR
        except (ProbeEnded, OSError):
            self._silent += 1
            return _End.NO_CONNECTION
        if answer.alert is None:
            self._answered = self._answered or (version, suites)
            return answer
        if answer.alert == _UNRECOGNIZED_NAME:
            return _End.WRONG_NAME
        return _End.REFUSED if answer.alert in _REFUSED else _End.CLOSED if answer.alert == 0 else _End.UNCLEAR
