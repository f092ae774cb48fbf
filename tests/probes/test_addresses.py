"""What a stranger finds at the addresses of one name, as one result. No probe leaves the process."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any

import pytest

from dicom_exporter.config import Address, Exposure, Module, Target
from dicom_exporter.enums import Called, LadderLevel, LadderService, Outcome, QueryOutcome, UnknownReason
from dicom_exporter.net.context import ProbeContext
from dicom_exporter.probes import addresses
from dicom_exporter.results import Attempt, QueryResult, SessionResult, StrangerResult
from dicom_exporter.verdict.ladder import judge
from tests.testing.context import STRANGER, lookup_threads, probe_context

TARGET = Target("target", Address("pacs.example", 104))
STUDIES = {"studies": QueryResult(QueryOutcome.ALLOWED, 0, matches=3, complete=True)}
TIMEOUT = frozenset({UnknownReason.TIMEOUT})


def listing(image: bool | None = None, doubts: frozenset[UnknownReason] = frozenset()) -> Attempt:
    return Attempt(Outcome.SUCCESS, queries=STUDIES, identity_seen=image, image_received=image, doubts=doubts)


Found = Mapping[str, Attempt | tuple[Attempt, ...]]
"""IP address -> the attempts there."""


async def everywhere(monkeypatch: pytest.MonkeyPatch, found: Found, *prove: str) -> tuple[StrangerResult, ProbeContext]:
    """The merged result of `found`."""

    async def probe_exposure(target: Target, module: Module, context: ProbeContext) -> SessionResult:
        resolved = await context.resolve(target.address)
        attempts = found[resolved.addresses[0].ip]
        made = attempts if isinstance(attempts, tuple) else (attempts,)
        return SessionResult("stranger", None, stranger=StrangerResult(made))

    def getaddrinfo(*_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, 0)) for ip in found]

    monkeypatch.setattr(addresses, "probe_exposure", probe_exposure)
    module = Module("module", identity="stranger", exposure=Exposure(prove=prove))
    with lookup_threads(getaddrinfo) as lookups:
        context = probe_context(lookups, STRANGER)
        session = await addresses.probe_exposure_everywhere(TARGET, module, context)
    assert session.stranger is not None
    return session.stranger, context


async def test_exposure_attempts_of_the_furthest_address_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    refused, accepted = Attempt(Outcome.REFUSED), Attempt(Outcome.SUCCESS)
    stranger, context = await everywhere(monkeypatch, {"192.0.2.1": refused, "192.0.2.2": accepted})
    assert (stranger.attempts, stranger.doubts) == ((accepted, refused), frozenset())
    record = context.notes.names["pacs.example", 104]
    assert (record.total, {each.ip for each in record.failed}) == (2, {"192.0.2.1"})


async def test_exposure_nobody_gets_further_than_the_top_that_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    stranger, _ = await everywhere(monkeypatch, {"192.0.2.1": listing(), "192.0.2.2": Attempt(Outcome.UNREACHABLE)})
    assert (len(stranger.attempts), stranger.doubts) == (1, frozenset())


@pytest.mark.parametrize(
    ("outcome", "doubt"),
    [
        (Outcome.UNREACHABLE, UnknownReason.UNREACHABLE),
        (Outcome.OVERLOAD, UnknownReason.OVERLOAD),
        (Outcome.BUSY, UnknownReason.BUSY),
    ],
)
async def test_exposure_end_of_another_address_that_is_not_the_peers_doing_is_a_doubt(
    monkeypatch: pytest.MonkeyPatch, outcome: Outcome, doubt: UnknownReason
) -> None:
    rejected = Attempt(Outcome.REJECTED)
    stranger, _ = await everywhere(monkeypatch, {"192.0.2.1": rejected, "192.0.2.2": Attempt(outcome)})
    assert stranger.doubts == {doubt}


HANGS = Attempt(Outcome.SUCCESS, queries={"studies": QueryResult(QueryOutcome.TIMEOUT)})
BUSY = Attempt(Outcome.BUSY)
OTHER_TITLE = Attempt(Outcome.SUCCESS, Called.RANDOM)


@pytest.mark.parametrize("step", ["identity", "download"])
@pytest.mark.parametrize(
    ("other", "reasons"),
    [
        (listing(image=False), set()),
        (Attempt(Outcome.REFUSED), set()),
        (Attempt(Outcome.REJECTED), set()),
        (listing(image=None, doubts=TIMEOUT), {UnknownReason.TIMEOUT}),
        (Attempt(Outcome.UNREACHABLE), {UnknownReason.UNREACHABLE}),
        (Attempt(Outcome.TLS_FAILURE, over_tls=True), {UnknownReason.TLS_HANDSHAKE}),
        (HANGS, {UnknownReason.TIMEOUT}),
        ((BUSY, BUSY, OTHER_TITLE), {UnknownReason.BUSY, UnknownReason.NOT_ASKED}),
    ],
)
async def test_exposure_step_refused_by_one_address_is_known_only_where_no_other_is_in_doubt(
    monkeypatch: pytest.MonkeyPatch, other: Attempt | tuple[Attempt, ...], reasons: set[UnknownReason], step: str
) -> None:
    found: Found = {"192.0.2.1": listing(image=False), "192.0.2.2": other}
    stranger, _ = await everywhere(monkeypatch, found, step)
    asked = LadderLevel.IDENTIFIES_PATIENTS if step == "identity" else LadderLevel.HANDS_OUT_IMAGES
    verdict = judge([SessionResult("stranger", None, stranger=stranger, prove=frozenset({asked}))])
    assert verdict is not None
    assert verdict.at_least[LadderService.DIMSE] == LadderLevel.LISTS_STUDIES
    assert set(verdict.reasons[LadderService.DIMSE]) == reasons
