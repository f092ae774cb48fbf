"""Every way in which a peer can misbehave, and the outcome that the user sees for it.

The peers are sockets of our own, as no real archive can be made to do these things. Each one notes how we ended the
association: by A-RELEASE or A-ABORT, always.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import pytest

from dicom_exporter.enums import Outcome, Phase, QueryOutcome
from tests.testing import hostile
from tests.testing.hostile import Event, catalogue
from tests.testing.probing import STUDIES, probe

pytestmark = pytest.mark.integration

PATIENCE = 0.5
"""Seconds that a probe has here: long enough for loopback, short enough to wait for silence."""
BOUND = 200
"""Matches that are counted here at most."""


def _names(part: Mapping[str, object], *prefixes: str) -> list[str]:
    return [name for name in part if name.startswith(prefixes)]


BEFORE: Mapping[Outcome, list[str]] = {
    Outcome.PROTOCOL_ERROR: ["4 GiB PDU", "odd AC: maximum length 1"],
    Outcome.NO_ANSWER: [
        "silent",
        "half a header",
        "half a body",
        "drips",
        "accepts, then silent",
        *_names(catalogue.BEFORE_ASSOCIATION, "odd AC: "),
        "AC: same context twice",
        *_names(catalogue.BEFORE_ASSOCIATION, "AC: transfer syntax", "AC: accepted without"),
    ],
    Outcome.CLOSED: [
        "closes at once",
        "resets at once",
        "closes after the request",
        "resets after the request",
        "accepts, then closes",
        "accepts, then resets",
    ],
    Outcome.NOT_DICOM: [
        "garbage",
        "garbage without end",
        "HTTP",
        "SSH",
        "TLS alert",
        "TLS server hello",
        *_names(catalogue.BEFORE_ASSOCIATION, "AC: PDU type"),
    ],
    Outcome.BUSY: _names(catalogue.BEFORE_ASSOCIATION, "rejects (2,", "rejects (1, 3, 1)", "rejects (1, 3, 2)"),
    Outcome.REJECTED: _names(catalogue.BEFORE_ASSOCIATION, "rejects ("),
    Outcome.ABORTED: _names(catalogue.BEFORE_ASSOCIATION, "aborts ("),
    Outcome.NOT_OFFERED: [
        *_names(catalogue.BEFORE_ASSOCIATION, "refuses contexts"),
        "accepts no context",
        "accepts a context never proposed",
        "AC: no items",
        "AC: even context ID",
        "AC: unlisted result",
    ],
}
"""A name belongs to the first outcome that lists it; all others are `protocol_error`."""

AT_THE_ECHO: Mapping[Outcome, list[str]] = {
    Outcome.FAILURE_STATUS: _names(catalogue.AT_THE_ECHO, "status "),
    Outcome.NO_ANSWER: ["drips the response"],
    Outcome.SUCCESS: ["unexpected dataset"],
    Outcome.ABORTED: ["replies A-ABORT as the answer"],
    Outcome.CLOSED: [
        "closes in place of the response",
        "resets in place of the response",
        "replies A-RELEASE-RQ as the answer",
    ],
}


def _table(part: Mapping[str, object], outcomes: Mapping[Outcome, list[str]]) -> list[tuple[str, Outcome]]:
    expected: dict[str, Outcome] = {}
    for outcome, names in outcomes.items():
        for name in names:
            expected.setdefault(name, outcome)
    assert expected.keys() <= part.keys()
    return [(name, expected.get(name, Outcome.PROTOCOL_ERROR)) for name in part]


@pytest.mark.parametrize(
    ("name", "outcome"),
    [*_table(catalogue.BEFORE_ASSOCIATION, BEFORE), *_table(catalogue.AT_THE_ECHO, AT_THE_ECHO)],
)
async def test_echo_outcome_of_each_behaviour(name: str, outcome: Outcome) -> None:
    behaviour = {**catalogue.BEFORE_ASSOCIATION, **catalogue.AT_THE_ECHO}[name]
    async with hostile.server(behaviour) as server, asyncio.timeout(10):
        result = await probe(server.host, server.port, seconds=PATIENCE)
        assert result.echo is not None
        assert result.echo.outcome is outcome
        for peer in await server.ended(1):
            assert peer.ended_cleanly or Event.RELEASE_ANSWERED in peer.events


FINDS: Mapping[str, tuple[QueryOutcome, int | None, bool | None, int | None]] = {
    "endless matches": (QueryOutcome.TRUNCATED, BOUND, False, BOUND),
    "cancelled, then some more": (QueryOutcome.TRUNCATED, BOUND, False, BOUND),
    "cancelled, then Success": (QueryOutcome.TRUNCATED, BOUND, False, BOUND),
    "limit B001": (QueryOutcome.TRUNCATED, 50, False, 50),
    "limit B001, then Success": (QueryOutcome.TRUNCATED, 50, False, 50),
    "refused 0xa700": (QueryOutcome.REFUSED, None, None, None),
    "refused 0x0124": (QueryOutcome.REFUSED, None, None, None),
    "refused 0xc001": (QueryOutcome.REFUSED, None, None, None),
    "refused 0xa900": (QueryOutcome.UNSUPPORTED, None, None, None),
    "refused 0x0122": (QueryOutcome.UNSUPPORTED, None, None, None),
    "3 matches, then 0xa700": (QueryOutcome.FAILED, 3, False, 3),
    "3 matches, then 0x0124": (QueryOutcome.REFUSED, 3, False, 3),
    "3 matches, then 0xc001": (QueryOutcome.FAILED, 3, False, 3),
    "3 matches, then 0xfe00": (QueryOutcome.TRUNCATED, 3, False, 3),
    "pending FF01": (QueryOutcome.ALLOWED, 3, True, 3),
    "unlisted status": (QueryOutcome.FAILED, 3, False, 3),
    "silent": (QueryOutcome.TIMEOUT, None, None, None),
    "silent after 3 matches": (QueryOutcome.TIMEOUT, 3, False, 3),
    "aborts": (QueryOutcome.ABORTED, None, None, None),
    "aborts after 3 matches": (QueryOutcome.ABORTED, 3, False, 3),
    "closes after 3 matches": (QueryOutcome.ABORTED, 3, False, 3),
    "resets after 3 matches": (QueryOutcome.ABORTED, 3, False, 3),
    "aborts on NumberOfStudyRelatedInstances": (QueryOutcome.ALLOWED, 5, True, None),
    "pending without a dataset": (QueryOutcome.PROTOCOL_ERROR, None, None, None),
    "final with a dataset": (QueryOutcome.EMPTY, 0, True, 0),
    **dict.fromkeys(_names(catalogue.AT_THE_FIND, "dataset: "), (QueryOutcome.ALLOWED, 3, True, None)),
    "dataset: cut off in a header": (QueryOutcome.ALLOWED, 3, True, 3),  # the count came before the damage
    "dataset: instances twice": (QueryOutcome.ALLOWED, 3, True, 21),
    "dataset: elements out of order": (QueryOutcome.ALLOWED, 3, True, 9),
    "dataset: attributes nobody asked for": (QueryOutcome.ALLOWED, 3, True, 3),
}
"""outcome, matches, complete, instances"""


def test_query_outcome_table_has_every_behaviour() -> None:
    assert FINDS.keys() == catalogue.AT_THE_FIND.keys()


@pytest.mark.parametrize("name", FINDS)
async def test_query_outcome_of_each_behaviour(name: str) -> None:
    async with hostile.server(catalogue.AT_THE_FIND[name]) as server, asyncio.timeout(10):
        patience = PATIENCE if "silent" in name else 5.0
        result = await probe(server.host, server.port, replace(STUDIES, max_matches=BOUND), seconds=patience)
        assert result.echo is not None
        assert result.echo.outcome is Outcome.SUCCESS
        query = result.queries["studies"]
        assert (query.outcome, query.matches, query.complete, query.instances) == FINDS[name]
        for peer in await server.ended(len(server.connections)):
            assert peer.ended_cleanly


@pytest.mark.parametrize("name", catalogue.AT_THE_RELEASE)
async def test_outcome_is_not_changed_by_how_release_goes(name: str) -> None:
    async with hostile.server(catalogue.AT_THE_RELEASE[name]) as server, asyncio.timeout(10):
        result = await probe(server.host, server.port, STUDIES)
        assert result.echo is not None
        assert result.echo.outcome is Outcome.SUCCESS
        assert result.queries["studies"].outcome is QueryOutcome.EMPTY
        assert Phase.RELEASE in result.phases
        (peer,) = await server.ended(1)
        assert Event.RELEASED in peer.events
        assert peer.ended_cleanly


@pytest.mark.parametrize("in_one_pdu", [True, False])
@pytest.mark.parametrize("interval", [None, 0.0])
async def test_query_fragmented_answer_is_read(in_one_pdu: bool, interval: float | None) -> None:
    behaviour = hostile.echo.fragmented(in_one_pdu=in_one_pdu, interval=interval)
    async with hostile.server(behaviour) as server, asyncio.timeout(10):
        result = await probe(server.host, server.port)
        assert result.echo is not None
        assert result.echo.outcome is Outcome.SUCCESS


async def test_echo_outcome_of_network_failures() -> None:
    unused = await probe("127.0.0.1", 1)
    assert unused.echo is not None
    assert unused.echo.outcome is Outcome.REFUSED
    assert Phase.ASSOCIATE not in unused.phases
    unknown = await probe("no-such-host.invalid", 104)
    assert unknown.echo is not None
    assert unknown.echo.outcome is Outcome.DNS_FAILURE
    assert Phase.CONNECT not in unknown.phases


async def test_echo_over_ipv6_succeeds() -> None:
    async with hostile.server(hostile.honest.honest(matches=2), host="::1") as server:
        result = await probe("::1", server.port, STUDIES)
        assert result.queries["studies"].matches == 2


async def test_phases_not_reached_have_no_time() -> None:
    async with hostile.server(catalogue.BEFORE_ASSOCIATION["rejects (1, 1, 3)"]) as server:
        result = await probe(server.host, server.port, STUDIES)
        assert set(result.phases) == {Phase.CONNECT, Phase.ASSOCIATE}
        assert result.rejection is not None
        assert result.rejection.reason == "calling-ae-title-not-recognized"
        assert result.peer is None
        assert result.services == {}
