"""Hostile DICOM servers, for tests of their clients.

    async with hostile.server(hostile.echo.echo_status(0x0122)) as server:
        ...                                    # let the code under test talk to server.host, server.port
        (peer,) = await server.ended()         # returns once the client's connection has ended
        assert hostile.Event.RELEASED in peer.events

A behaviour is an async function of a `Peer`; the modules hold functions that make them, and `catalogue.ALL` has one of
each. A behaviour that returns leaves the connection open and silent until the client ends it.

- `plain`: silence, endings, floods, other protocols; `negotiation`: the answer to an association request;
  `echo`: the answer to a C-ECHO; `find`: the answer to a C-FIND; `release`: the end; `honest`: a good archive;
  `partial`: a fault at one request alone.
- `wire`, `messages`: the bytes, without I/O; `parsing`: what the client sent.

And servers that are only bytes: `sessions` of real ones, recorded by `record`, and the event loop of `simulated` that
plays them, whole or damaged, to the `scenarios` of our own client.
"""

from tests.testing.hostile import catalogue, echo, find, honest, messages, negotiation, partial, plain, release, wire
from tests.testing.hostile.parsing import Message
from tests.testing.hostile.plain import Then
from tests.testing.hostile.server import Behaviour, Event, Gone, Peer, Server, server

__all__ = [
    "Behaviour",
    "Event",
    "Gone",
    "Message",
    "Peer",
    "Server",
    "Then",
    "catalogue",
    "echo",
    "find",
    "honest",
    "messages",
    "negotiation",
    "partial",
    "plain",
    "release",
    "server",
    "wire",
]
