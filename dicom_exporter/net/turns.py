"""What peers send is handled in small pieces, in turn, so that no peer and no number of peers stop the event loop.

A transport of uvloop's reads up to 32 times in one turn of the loop. Small pieces, as most peers send, are handled at
once. What is more waits here, and nothing more is read from its peer meanwhile.

What waits is bounded, too: a transport reads into the buffer that all share, so a peer has `READ` bytes here at most,
and `SCARCE_READ` while what all peers have here is `MAX_WAITING`.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable

PIECE = 8 * 1024
"""Bytes that are handled at once."""
READ = 64 * 1024
"""Bytes that are read of a peer at once."""
MAX_WAITING = 16 * 1024 * 1024
"""Bytes of all peers that were read and not handled yet, beyond which only `SCARCE_READ` are read of a peer at once."""
SCARCE_READ = 1024
TURN = 0.005
"""Seconds of a turn of the event loop in which what peers sent is handled; a piece that was begun is finished."""
_LITTLE = 0.01
"""Seconds. A peer that has cost less so far goes first."""


class Turns:
    """Whose turn it is. One for all peers of an event loop; `clock` counts seconds."""

    __slots__ = ("_first", "_scheduled", "_spent", "_unhandled", "_waiting", "buffer", "clock", "is_free", "room")

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.clock = clock
        self._first: deque[Inbox] = deque()
        self._waiting: deque[Inbox] = deque()
        self._spent = 0.0
        self._scheduled = False
        self.is_free = True
        """Whether a peer need not wait."""
        self.buffer = memoryview(bytearray(READ))
        """Where transports put what they read. All share it: what comes is copied before anything else is read."""
        self.room = self.buffer
        """The part of it that may be used now."""
        self._unhandled = 0

    def count(self, more: int) -> None:
        """Note that so many bytes `more` (or fewer) were read and are not handled yet."""
        self._unhandled += more
        self.room = self.buffer if self._unhandled < MAX_WAITING else self.buffer[:SCARCE_READ]

    def add(self, seconds: float) -> None:
        """Note that `seconds` of this turn are spent."""
        self._spent += seconds
        if self._spent >= TURN:
            self.is_free = False
            self._schedule()

    def queue(self, inbox: "Inbox") -> None:
        """Let `inbox` handle its pieces, one whenever it is its turn."""
        (self._first if inbox.spent < _LITTLE else self._waiting).append(inbox)
        self._schedule()

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._run)

    def _run(self) -> None:
        self._scheduled = False
        self._spent = 0.0
        while self._spent < TURN and (waiting := self._first or self._waiting):
            inbox = waiting.popleft()
            if inbox.handle_piece():
                self.queue(inbox)
        self.is_free = self._spent < TURN
        if self._first or self._waiting or not self.is_free:
            self._schedule()


class Inbox:
    """What came from one peer and is not handled yet.

    Args:
        turns: those of all peers.
        take: called with each piece.
        lost: called with the reason once the connection is lost and all that came before is handled.
    """

    __slots__ = (
        "_dropped",
        "_lost",
        "_position",
        "_queued",
        "_reason",
        "_take",
        "_turns",
        "_unread",
        "paused",
        "spent",
        "transport",
    )

    def __init__(
        self, turns: Turns, take: Callable[[bytes], None], lost: Callable[[BaseException | None], None]
    ) -> None:
        self._turns = turns
        self._take = take
        self._lost = lost
        self._unread = b""
        self._position = 0
        self._queued = False
        self._dropped = False
        self._reason: tuple[BaseException | None] | None = None
        """Why the connection was lost, if it was."""
        self.spent = 0.0
        """Seconds that the peer has cost so far."""
        self.paused = False
        """Whether nobody wants pieces now."""
        self.transport: asyncio.Transport | None = None

    def receive(self, data: bytes) -> None:
        """Handle `data`, now or later."""
        if not self._unread and self._turns.is_free and len(data) <= PIECE and not self.paused:
            self._handle(data)
            return
        if self._dropped:
            return
        self._keep(self._unread[self._position :] + data if self._unread else data)
        self._read(wanted=False)
        self._queue()

    def handle_piece(self) -> bool:
        """Handle a piece; return whether there is another for another turn."""
        self._queued = False
        if self.paused or not self._unread:
            return False
        begin = self._position
        end = self._position = begin + PIECE
        if end < len(self._unread):
            self._handle(self._unread[begin:end])
        else:
            rest = self._unread[begin:]
            self._keep(b"")
            self._handle(rest)
        if self._unread and not self.paused:
            self._queued = True
            return True
        self._all_handled()
        return False

    def pause(self) -> None:
        """Hand on nothing before `resume`."""
        self.paused = True
        self._read(wanted=False)

    def resume(self) -> None:
        """Hand on what has come meanwhile, and what comes."""
        self.paused = False
        if self._unread:
            self._queue()
        else:
            self._all_handled()

    def lose(self, reason: BaseException | None) -> None:
        """The connection is lost for `reason`; tell so once all is handled."""
        self.transport = None
        self._reason = (reason,)
        if not self._unread:
            self._all_handled()

    def drop(self) -> None:
        """Nobody wants to know any more what comes."""
        self._dropped = self.paused = True
        self._keep(b"")

    def _keep(self, data: bytes) -> None:
        self._turns.count(len(data) - len(self._unread))
        self._unread, self._position = data, 0

    def _handle(self, data: bytes) -> None:
        turns = self._turns
        begun = turns.clock()
        try:
            self._take(data)
        finally:
            seconds = turns.clock() - begun
            self.spent += seconds
            turns.add(seconds)

    def _queue(self) -> None:
        if not self._queued and not self.paused:
            self._queued = True
            self._turns.queue(self)

    def _all_handled(self) -> None:
        if self._unread:
            return
        if self._reason is not None:
            (reason,), self._reason = self._reason, None
            self._lost(reason)
        elif not self.paused:
            self._read(wanted=True)

    def _read(self, *, wanted: bool) -> None:
        transport = self.transport
        if transport is not None and not transport.is_closing() and transport.is_reading() is not wanted:
            if wanted:
                transport.resume_reading()
            else:
                transport.pause_reading()
