"""Sessions of real servers, recorded by `record.py`: what they sent, and to whom that is an answer.

A file is text: comments with where it comes from, then a PDU a line, in hexadecimal; `close` where a connection ended.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.hostile.simulated import Direction, direct

DIRECTORY = Path(__file__).parent / "recorded"
_CLOSE = "close"


@dataclass(frozen=True, slots=True)
class Session:
    """What a server sent while it was asked a scenario (a name of `scenarios.ALL`)."""

    server: str
    scenario: str
    script: bytes

    def __str__(self) -> str:
        return f"{self.server}-{self.scenario}"


def load() -> list[Session]:
    """Every recorded session."""
    return [_read(path) for path in sorted(DIRECTORY.glob("*.hex"))]


def write(session: Session, origin: str, connections: list[list[bytes]]) -> Path:
    """Write a recorded session: `origin` in words, and the PDUs of each connection."""
    lines = [f"# {line}" for line in origin.splitlines()]
    for pdus in connections:
        lines += [pdu.hex() for pdu in pdus]
        lines.append(_CLOSE)
    path = DIRECTORY / f"{session}.hex"
    path.write_text("\n".join(lines) + "\n")
    return path


def _read(path: Path) -> Session:
    server, _, scenario = path.stem.rpartition("-")
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    script = b"".join(direct(Direction.CLOSE) if line == _CLOSE else bytes.fromhex(line) for line in lines)
    return Session(server, scenario, script)
