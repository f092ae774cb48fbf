"""Plays a script to our own client, and asserts what must hold for every script."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from dicom_exporter.metrics import families
from dicom_exporter.net.resolver import LookupThreads
from dicom_exporter.prober.record import make_record
from dicom_exporter.results import QueryResult, SessionResult, StoreResult, TargetResult
from tests.testing.context import probe_context
from tests.testing.hostile import scenarios, simulated

_OVER = 5.0
"""Seconds beyond its deadline that a scenario may take: TLS and A-RELEASE have time of their own."""
_LABEL = re.compile(r"[ -~]*")


def play(
    scenario: scenarios.Scenario, steps: Sequence[bytes], pieces: Iterable[int] = (), *, silent_at_end: bool = False
) -> scenarios.Found:
    """What the client found. Asserts that it took no longer than it had, left no peer without a word, ran into nothing
    that it did not expect, and can be shown.
    """
    loop, lookups = _stage()
    script = simulated.Script(steps, pieces, silent_at_end=silent_at_end)
    start = loop.time()
    target = scenarios.target()

    async def client() -> scenarios.Found:
        return await scenario(target, probe_context(lookups, seconds=scenarios.SECONDS))

    found = loop.play(script, client)
    assert loop.time() - start <= scenarios.SECONDS + _OVER, "took longer than it had"
    if scenario in scenarios.ALL.values():
        for conversation in script.conversations:
            conversation.check()
    if isinstance(found, SessionResult):
        record = make_record(target, target.modules, TargetResult(target.name, (found,)), 0.0)
        for family in families([record], target_label=True):
            for sample in family.samples:
                assert all(_LABEL.fullmatch(value) for value in sample.labels.values()), sample.labels
    return found


@cache
def _stage() -> tuple[simulated.Loop, LookupThreads]:
    return simulated.Loop(), LookupThreads()


def facts(found: scenarios.Found) -> Any:
    """What was found, without how long it took."""
    if isinstance(found, StoreResult):
        return replace(found, duration=None)
    return replace(
        found,
        queries={name: _timeless(result) for name, result in found.queries.items()},
        phases=dict.fromkeys(found.phases, 0.0),
        duration=None,
        timeout=None,
        stranger=found.stranger
        and replace(
            found.stranger,
            attempts=tuple(
                replace(attempt, queries={name: _timeless(result) for name, result in attempt.queries.items()})
                for attempt in found.stranger.attempts
            ),
        ),
        dicomweb=found.dicomweb and replace(found.dicomweb, phases={}),
        web=tuple(replace(page, phases={}) for page in found.web),
    )


def _timeless(result: QueryResult) -> QueryResult:
    return replace(result, duration=None, first_match=None, match_interval_mean=None, match_interval_max=None)
