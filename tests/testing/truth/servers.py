"""The ports of a server, from its description: what is behind each address, and what outlasts a connection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from tests.testing.truth.dimse import Port
from tests.testing.truth.model import Reach, Server
from tests.testing.truth.session import Session
from tests.testing.truth.web import Site


class _Service(Protocol):
    def connected(self) -> Session:
        """A new connection."""


@dataclass
class Door:
    """A port of an address."""

    reach: Reach
    service: _Service
    refused: bool = False

    def knock(self) -> Reach:
        """What the next SYN gets."""
        if self.reach is not Reach.REFUSES_ONCE:
            return self.reach
        if self.refused:
            return Reach.ANSWERS
        self.refused = True
        return Reach.REFUSES

    def connected(self) -> Session:
        """A new connection."""
        return self.service.connected()


@dataclass(frozen=True)
class Ports:
    """Of each service, on all addresses."""

    dimse: int
    web: int
    page: int


def doors(server: Server, ports: Ports) -> Mapping[tuple[str, int], Door]:
    """IP address and port -> what is there. Where nothing is, a connection is refused."""
    found: dict[tuple[str, int], Door] = {}
    for endpoint in server.endpoints:
        if endpoint.dimse is not None:
            found[endpoint.ip, ports.dimse] = Door(endpoint.reach, Port(endpoint.dimse))
        if endpoint.web is not None:
            found[endpoint.ip, ports.web] = Door(endpoint.reach, Site(endpoint.web, ports.web))
        if endpoint.page is not None:
            found[endpoint.ip, ports.page] = Door(endpoint.reach, Site(endpoint.page, ports.page))
        if endpoint.reach in (Reach.DROPS, Reach.UNREACHABLE, Reach.NO_ROUTE):
            for port in (ports.dimse, ports.web, ports.page):
                found.setdefault((endpoint.ip, port), Door(endpoint.reach, _Nothing()))
    return found


class _Nothing:
    def connected(self) -> Session:
        raise AssertionError("nothing is here")
