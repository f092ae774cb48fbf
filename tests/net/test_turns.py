"""Turns: everything is handled, in order, and nobody waits for a flood."""

from typing import cast

from dicom_exporter.net.turns import MAX_WAITING, PIECE, READ, SCARCE_READ, TURN, Inbox, Turns
from tests.testing.turns import Clock, Transport, turns_of_the_loop


class Peer:
    """An inbox, what came out of it, and what each piece costs."""

    def __init__(self, turns: Turns, order: list[str], name: str, cost: float = 0.0) -> None:
        self.clock = cast(Clock, turns.clock)
        self.order, self.name, self.cost = order, name, cost
        self.taken = b""
        self.lost = False
        self.transport = Transport()
        self.inbox = Inbox(turns, self._take, self._lose)
        self.inbox.transport = self.transport

    def _take(self, data: bytes) -> None:
        assert len(data) <= PIECE
        assert not self.lost
        self.clock.now += self.cost
        self.taken += data
        self.order.append(self.name)

    def _lose(self, _: BaseException | None) -> None:
        self.lost = True


async def test_turns_little_is_handled_at_once() -> None:
    peer = Peer(Turns(Clock()), [], "a")
    peer.inbox.receive(b"hello")
    assert peer.taken == b"hello"
    assert peer.transport.reading


async def test_turns_much_is_handled_in_pieces_while_nothing_is_read() -> None:
    peer = Peer(Turns(Clock()), [], "a", cost=2 * TURN)
    data = bytes(range(256)) * (3 * PIECE // 256) + b"end"
    peer.inbox.receive(data)
    assert not peer.taken
    for number in range(1, 4):
        await turns_of_the_loop(1)
        assert peer.taken == data[: number * PIECE]
        assert not peer.transport.reading
    await turns_of_the_loop(1)
    assert peer.taken == data
    assert peer.transport.reading


async def test_turns_others_of_the_loop_run_between_two_pieces() -> None:
    order: list[str] = []
    turns = Turns(Clock())
    for name in ("a", "b"):
        Peer(turns, order, name, cost=2 * TURN).inbox.receive(bytes(2 * PIECE))
    for _ in range(4):
        await turns_of_the_loop(1)
        order.append("loop")
    assert order == ["a", "loop", "b", "loop", "a", "loop", "b", "loop"]


async def test_turns_peer_that_cost_little_goes_first() -> None:
    order: list[str] = []
    turns = Turns(Clock())
    floods = [Peer(turns, order, "flood", cost=2 * TURN) for _ in range(10)]
    for flood in floods:
        flood.inbox.receive(bytes(8 * PIECE))
    await turns_of_the_loop(40)
    order.clear()
    well = Peer(turns, order, "well")
    well.inbox.receive(b"hello")
    await turns_of_the_loop(2)
    assert "well" in order[:2]


async def test_turns_end_of_the_connection_comes_after_what_came_before_it() -> None:
    peer = Peer(Turns(Clock()), [], "a", cost=2 * TURN)
    peer.inbox.receive(bytes(3 * PIECE))
    peer.inbox.lose(None)
    assert not peer.lost
    await turns_of_the_loop(4)
    assert len(peer.taken) == 3 * PIECE
    assert peer.lost


async def test_turns_nothing_is_handled_after_drop() -> None:
    peer = Peer(Turns(Clock()), [], "a", cost=2 * TURN)
    peer.inbox.receive(bytes(3 * PIECE))
    await turns_of_the_loop(1)
    peer.inbox.drop()
    peer.inbox.receive(bytes(3 * PIECE))
    await turns_of_the_loop(10)
    assert len(peer.taken) == PIECE
    peer.inbox.lose(None)
    assert peer.lost


async def test_turns_pause_holds_back_what_comes_until_resume() -> None:
    peer = Peer(Turns(Clock()), [], "a")
    peer.inbox.pause()
    peer.inbox.receive(b"hello")
    await turns_of_the_loop(3)
    assert not peer.taken
    assert not peer.transport.reading
    peer.inbox.resume()
    await turns_of_the_loop(3)
    assert bytes(peer.taken) == b"hello"
    assert peer.transport.reading


async def test_turns_what_waits_of_all_peers_is_bounded() -> None:
    turns = Turns(Clock())
    turns.add(2 * TURN)  # something was handled in this turn, so all others wait
    peers = [Peer(turns, [], str(n), cost=2 * TURN) for n in range(1000)]
    for peer in peers:
        peer.inbox.receive(bytes(turns.room))  # as much as a transport reads before it is told to pause
        assert not peer.transport.reading
    assert turns._unhandled <= MAX_WAITING + READ + len(peers) * SCARCE_READ
    assert len(turns.room) == SCARCE_READ
    for peer in peers[:500]:
        peer.inbox.drop()
    assert len(turns.room) == READ, "there is room again"
    while turns._unhandled:
        await turns_of_the_loop(1)
    assert sum(len(peer.taken) for peer in peers[500:]) > 0
    assert all(peer.transport.reading for peer in peers[500:])
