"""Queries over DICOMweb for the newest study: what is asked, and what an answer or none makes of a query."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from yarl import URL

from dicom_exporter.config import Address, Level, Model, Module, Query, RelativeDate, Target
from dicom_exporter.enums import QueryOutcome, UnknownReason, WebAnswer
from dicom_exporter.http_client.json_scan import Scan
from dicom_exporter.http_client.request import Reply
from dicom_exporter.probes import newest, studies_list
from dicom_exporter.probes.newest import probe_newest
from dicom_exporter.results import QueryResult
from dicom_exporter.text import SafeText
from tests.testing.context import NOW, lookup_threads, probe_context

QUERY = Query(
    "newest",
    Model.STUDY_ROOT,
    Level.STUDY,
    match={"StudyDate": RelativeDate(last=0, first=7)},
    count_by=("ModalitiesInStudy",),
    expect_within={"CT": 3600.0},
    over_dicomweb=True,
)
TARGET = Target("main", Address("192.0.2.1", 104), dicomweb="http://192.0.2.1/dicom-web")


def entry(number: int, *modalities: str, minutes: int = 0) -> dict[str, Any]:
    when = NOW - timedelta(minutes=minutes)
    return {
        "0020000D": {"vr": "UI", "Value": [f"2.25.{number}"]},
        "00080020": {"vr": "DA", "Value": [f"{when:%Y%m%d}"]},
        "00080030": {"vr": "TM", "Value": [f"{when:%H%M%S}"]},
        "00080061": {"vr": "CS", "Value": list(modalities)},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "SYNTHETIC^PATIENT"}]},
    }


class Server:
    """Answers searches from a list of entries, or all in one way."""

    def __init__(self, entries: list[dict[str, Any]], reply: Reply | None = None) -> None:
        self.asked: list[URL] = []
        self._entries = entries
        self._reply = reply

    async def request(self, url: URL, _context: object, _facts: object, scan: Scan, **_: object) -> Reply:
        self.asked.append(url)
        if self._reply is not None:
            return self._reply
        begin, limit = int(url.query.get("offset", "0")), int(url.query["limit"])
        page = self._entries[begin : begin + limit]
        scan.feed(json.dumps(page).encode())
        return Reply(scan, WebAnswer.ENTRIES if page else WebAnswer.EMPTY, status=200)


async def ask(monkeypatch: pytest.MonkeyPatch, server: Server, query: Query = QUERY) -> QueryResult:
    monkeypatch.setattr(newest, "request", server.request)
    monkeypatch.setattr(studies_list, "request", server.request)
    with lookup_threads() as lookups:
        module = Module("m", queries={"newest": query})
        session = await probe_newest(TARGET, module, probe_context(lookups))
    return session.queries["newest"]


async def test_newest_is_read_of_each_entry_and_value(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server([entry(1, "CT", minutes=120), entry(2, "MR", "CT", minutes=70), entry(3, "MR", minutes=5)])
    result = await ask(monkeypatch, server)
    assert (result.outcome, result.matches, result.complete) == (QueryOutcome.ALLOWED, 3, True)
    found = {each.value: (each.age, each.overdue) for each in result.freshness}
    assert found == {"CT": (4200.0, True), "MR": (300.0, None)}
    assert dict(server.asked[0].query) == {
        "StudyDate": "20260108-20260115",
        "includefield": "ModalitiesInStudy",
        "limit": "1",
    }


async def test_newest_of_a_list_without_entries_is_overdue(monkeypatch: pytest.MonkeyPatch) -> None:
    result = await ask(monkeypatch, Server([]))
    assert (result.outcome, result.matches) == (QueryOutcome.EMPTY, 0)
    assert [(each.value, each.age, each.overdue) for each in result.freshness] == [(SafeText("CT"), None, True)]


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (Reply(Scan(1), WebAnswer.DENIED), QueryOutcome.REFUSED),
        (Reply(Scan(1), WebAnswer.OTHER), QueryOutcome.UNSUPPORTED),
        (Reply(Scan(1), WebAnswer.OTHER, UnknownReason.NOT_OFFERED), QueryOutcome.FAILED),
        (Reply(Scan(1), WebAnswer.OTHER, UnknownReason.UNREADABLE), QueryOutcome.PROTOCOL_ERROR),
        (Reply(Scan(1), WebAnswer.UNKNOWN, UnknownReason.UNAVAILABLE), QueryOutcome.FAILED),
        (Reply(Scan(1), WebAnswer.UNKNOWN, UnknownReason.TIMEOUT), QueryOutcome.TIMEOUT),
        (Reply(Scan(1), WebAnswer.UNKNOWN, UnknownReason.OVERLOAD), QueryOutcome.OVERLOAD),
        (Reply(Scan(1), WebAnswer.CLOSED), QueryOutcome.NO_ASSOCIATION),
        (Reply(Scan(1), WebAnswer.UNKNOWN, UnknownReason.DNS_FAILURE), QueryOutcome.NO_ASSOCIATION),
    ],
)
async def test_query_that_is_not_answered_has_no_ages(
    monkeypatch: pytest.MonkeyPatch, reply: Reply, outcome: QueryOutcome
) -> None:
    result = await ask(monkeypatch, Server([], reply))
    assert (result.outcome, result.matches, result.freshness) == (outcome, None, ())
