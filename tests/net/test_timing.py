"""The phase timer, with a clock that the test moves."""

from __future__ import annotations

import pytest

from dicom_exporter.enums import Phase
from dicom_exporter.net.timing import PhaseTimer


class Clock:
    """Seconds that pass when the test says so."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_phase_timer_phase_entered_twice_adds_up() -> None:
    clock = Clock()
    timer = PhaseTimer(clock=clock)
    for seconds in (0.25, 0.5):
        with timer.time(Phase.QUERY):
            clock.now += seconds
    assert timer.seconds == {Phase.QUERY: 0.75}


def test_phase_timer_phase_that_fails_keeps_its_seconds() -> None:
    clock = Clock()
    timer = PhaseTimer(clock=clock)

    def fail() -> None:
        with timer.time(Phase.CONNECT):
            clock.now += 0.5
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        fail()
    assert timer.seconds == {Phase.CONNECT: 0.5}


def test_phase_timer_phase_never_entered_has_no_entry() -> None:
    assert PhaseTimer().seconds == {}


def test_phase_timer_on_phase_is_called_at_begin_and_end() -> None:
    clock = Clock()
    calls: list[tuple[Phase, float | None]] = []
    timer = PhaseTimer(lambda phase, seconds: calls.append((phase, seconds)), clock)
    with timer.time(Phase.TLS):
        clock.now += 0.5
    timer.add(Phase.FIRST_BYTE, 0.25)
    assert calls == [(Phase.TLS, None), (Phase.TLS, 0.5), (Phase.FIRST_BYTE, 0.25)]
    assert timer.seconds == {Phase.TLS: 0.5, Phase.FIRST_BYTE: 0.25}
