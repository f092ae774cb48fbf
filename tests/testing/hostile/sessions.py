"""Sessions of real servers, recorded by `record.py`: what they sent, and the requests that it answers.

A file is text: comments that say where it comes from, then a PDU a line, in hexadecimal; `close` if a connection ended.
Those over HTTP have a line for each connection.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.testing.hostile import scenarios, wire
from tests.testing.hostile.simulated import Direction, direct

DIRECTORY = Path(__file__).parent / "recorded"
_CLOSE = "close"
_CLOSED = direct(Direction.CLOSE)


@dataclass(frozen=True, slots=True)
class Session:
    """What a server sent while it was asked a scenario (a name of `scenarios.ALL` or `scenarios.HTTP`)."""

    server: str
    scenario: str
    steps: Sequence[bytes] = ()
    """For a `simulated.Script`."""

    def __str__(self) -> str:
        return f"{self.server}-{self.scenario}"


def load(asked: Container[str] = scenarios.ALL) -> list[Session]:
    """Every recorded session in which one of the scenarios of those names was `asked`."""
    return [session for path in sorted(DIRECTORY.glob("*.hex")) if (session := _read(path)).scenario in asked]


def answers(steps: Sequence[bytes]) -> list[bytes]:
    """`steps` with all PDUs in one that answer one request: what TCP may bring in one segment."""
    whole: list[bytes] = []
    open_ = False
    for step in steps:
        is_data = step[0] == wire.P_DATA
        if open_ and is_data:
            whole[-1] += step
        else:
            whole.append(step)
        open_ = is_data and not _ends_answer(step)
    return whole


def _ends_answer(pdu: bytes) -> bool:
    """Whether a P-DATA-TF is a command that says that no dataset follows: a final response."""
    is_command = pdu[11] & 1 != 0
    return is_command and bytes.fromhex("00000008 02000000 0101") in pdu


def write(session: Session, origin: str) -> None:
    """Write a recorded session; `origin` says in words where it comes from."""
    lines = [f"# {origin}", *(_CLOSE if step == _CLOSED else step.hex() for step in session.steps)]
    (DIRECTORY / f"{session}.hex").write_text("\n".join(lines) + "\n")


def _read(path: Path) -> Session:
    server, _, scenario = path.stem.rpartition("-")
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    return Session(server, scenario, [_CLOSED if line == _CLOSE else bytes.fromhex(line) for line in lines])
