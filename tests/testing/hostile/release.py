"""Behaviours at the end: servers that do as they should until the client releases."""

from __future__ import annotations

from tests.testing.hostile import wire
from tests.testing.hostile.honest import associate, serve
from tests.testing.hostile.server import Behaviour, Peer


def answers_release_with(data: bytes | None, matches: int = 0) -> Behaviour:
    """Serves C-ECHO and C-FIND, and answers the A-RELEASE-RQ with any bytes, or with nothing (None)."""

    async def behaviour(peer: Peer) -> None:
        peer.on_release = data
        await associate(peer)
        await serve(peer, matches)

    return behaviour


def never_answers_release() -> Behaviour:
    """The A-RELEASE-RQ is read and nothing comes back."""
    return answers_release_with(None)


def garbage_for_release() -> Behaviour:
    """The A-RELEASE-RQ is answered by bytes that are no PDU."""
    return answers_release_with(b"\xde\xad\xbe\xef" * 16)


def abort_for_release() -> Behaviour:
    """The A-RELEASE-RQ is answered by an A-ABORT."""
    return answers_release_with(wire.abort())


def collides() -> Behaviour:
    """Releases at the same moment as the client: the A-RELEASE-RQ is answered by another one (PS3.8 7.2.2.7)."""
    return answers_release_with(wire.release_rq())
