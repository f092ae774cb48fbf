"""Queries on real archives: the counts equal what DCMTK's findscu lists, and what was stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dicom_exporter.config import Level, Model, Query, RelativeDate
from dicom_exporter.enums import QueryOutcome
from dicom_exporter.results import QueryResult
from tests.testing.peers import Orthanc, dcmtk, synthetic
from tests.testing.probing import NOW, STUDIES, probe

pytestmark = pytest.mark.integration

TODAY = RelativeDate(0, 0)
LAST_WEEK = RelativeDate(6, 0)
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
STUDY, SERIES, IMAGE, PATIENT = Level.STUDY, Level.SERIES, Level.IMAGE, Level.PATIENT


def study_root(level: Level, match: Mapping[str, Any] | None = None, *count_by: str, **more: Any) -> Query:
    return Query("query", Model.STUDY_ROOT, level, match or {}, count_by, **more)


@dataclass(frozen=True)
class Archive:
    """Twelve studies: 1 to 7 of today with two images each, 8 to 10 of three days ago, 11 and 12 of last month."""

    address: Any
    called: str

    async def ask(self, query: Query) -> QueryResult:
        result = await probe(self.address.host, self.address.port, query, called=self.called, seconds=20)
        return result.queries[query.name]

    def list(self, *keys: str, model: str = "-S") -> dcmtk.Finished:
        return dcmtk.findscu(self.address, *keys, options=[model], called=self.called)


@pytest.fixture(params=["orthanc", "dcmqrscp"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Archive:
    day = NOW.date()
    files = [
        *synthetic.studies(7, instances=2, date=day),
        *synthetic.studies(3, first=8, date=day - timedelta(days=3)),
        *synthetic.studies(2, first=11, date=day - timedelta(days=30)),
    ]
    start = request.getfixturevalue(request.param)
    if request.param == "orthanc":
        server = start(DicomAlwaysAllowFind=True)
        server.upload(files)
        return Archive(server.dicom, "ANY-SCP")
    server = start()
    synthetic.write_files(files, tmp_path / "files")
    assert dcmtk.storescu(server.dicom, tmp_path / "files", called="DCMQRSCP").ok
    return Archive(server.dicom, "DCMQRSCP")


UIDS = (synthetic.uid(1), synthetic.uid(2))
COUNTS: Mapping[str, tuple[Query, int]] = {
    "all": (study_root(STUDY), 12),
    "today": (study_root(STUDY, {"StudyDate": TODAY}), 7),
    "yesterday": (study_root(STUDY, {"StudyDate": RelativeDate(1, 1)}), 0),
    "last 7d": (study_root(STUDY, {"StudyDate": LAST_WEEK}), 10),
    "a range": (study_root(STUDY, {"StudyDate": "20260110-20260114"}), 3),
    "an open range": (study_root(STUDY, {"StudyDate": "20260113-"}), 7),
    "some UIDs, one of them unknown": (study_root(STUDY, {"StudyInstanceUID": (*UIDS, "2.25.99")}), 2),
    "series of some studies": (study_root(SERIES, {"StudyInstanceUID": UIDS}), 2),
    "images of a series": (
        study_root(IMAGE, {"StudyInstanceUID": UIDS[:1], "SeriesInstanceUID": (synthetic.uid(1, "series"),)}),
        2,
    ),
    "patients": (Query("patients", Model.PATIENT_ROOT, PATIENT), 12),
}


async def test_query_counts_are_those_of_the_archive(archive: Archive) -> None:
    for name, (query, count) in COUNTS.items():
        result = await archive.ask(query)
        outcome = QueryOutcome.ALLOWED if count else QueryOutcome.EMPTY
        assert (name, result.outcome, result.matches, result.complete) == (name, outcome, count, True)


async def test_query_count_by_agrees_with_findscu(archive: Archive) -> None:
    """At the level of studies dcmqrscp knows neither attribute and leaves them out; then all are `none`."""
    counted = await archive.ask(study_root(STUDY, {"StudyDate": TODAY}, "ModalitiesInStudy", "SOPClassesInStudy"))
    for keyword in ("ModalitiesInStudy", "SOPClassesInStudy"):
        listed = archive.list("QueryRetrieveLevel=STUDY", "StudyInstanceUID", f"StudyDate={NOW:%Y%m%d}", keyword)
        values = [_uid(value) for value in listed.values(keyword)]
        expected = Counter(values) + Counter(none=listed.matches - len(values))
        assert counted.matches_by[keyword] == expected
        assert sum(expected.values()) == counted.matches == listed.matches == 7


async def test_query_series_by_modality(archive: Archive) -> None:
    uids = tuple(synthetic.uid(number) for number in range(1, 8))
    counted = await archive.ask(study_root(SERIES, {"StudyInstanceUID": uids}, "Modality"))
    listed = archive.list(
        "QueryRetrieveLevel=SERIES", "StudyInstanceUID=" + "\\".join(uids), "SeriesInstanceUID", "Modality"
    )
    assert counted.matches_by == {"Modality": Counter(listed.values("Modality"))}
    assert counted.matches_by == {"Modality": {"CT": 2, "MR": 3, "US": 2}}
    assert counted.matches == listed.matches == 7


async def test_query_wildcard_matches_series(archive: Archive) -> None:
    for pattern, count in (("M*", 1), ("M?", 1), ("?R", 1), ("C*", 0)):
        wanted = {"StudyInstanceUID": (synthetic.uid(1),), "Modality": pattern}
        assert (pattern, (await archive.ask(study_root(SERIES, wanted))).matches) == (pattern, count)


async def test_query_deleted_study_is_empty(archive: Archive) -> None:
    result = await archive.ask(study_root(STUDY, {"StudyInstanceUID": ("2.25.99",)}))
    assert result.outcome is QueryOutcome.EMPTY
    assert result.outcome.is_success
    assert (result.matches, result.complete, result.first_match) == (0, True, None)


async def test_query_below_study_level_without_key(archive: Archive) -> None:
    """Orthanc answers; dcmqrscp refuses, as it may (PS3.4 C.4.1.2.1), and a refusal is not an empty archive."""
    for level, count in ((SERIES, 12), (IMAGE, 19)):
        found = await archive.ask(study_root(level))
        if archive.called == "DCMQRSCP":
            assert (found.outcome, found.matches, found.complete) == (QueryOutcome.REFUSED, None, None)
        else:
            assert (found.outcome, found.matches, found.complete) == (QueryOutcome.ALLOWED, count, True)


async def test_query_orthanc_images_and_modalities(orthanc: Callable[..., Orthanc]) -> None:
    archive = orthanc(DicomAlwaysAllowFind=True)
    archive.upload(synthetic.studies(9, instances=3, date=NOW.date()))
    studies = replace(STUDIES, count_by=("ModalitiesInStudy", "SOPClassesInStudy"))
    modality = study_root(STUDY, {"ModalitiesInStudy": "CT"}, "ModalitiesInStudy")
    found = (await probe(archive.dicom.host, archive.dicom.port, studies, modality)).queries
    assert (found["studies"].matches, found["studies"].instances) == (9, archive.statistics()["CountInstances"])
    assert found["studies"].matches_by == {
        "ModalitiesInStudy": {"CT": 3, "MR": 3, "US": 3},
        "SOPClassesInStudy": {SECONDARY_CAPTURE: 9},
    }
    assert found["query"].matches_by == {"ModalitiesInStudy": {"CT": 3}}


@pytest.mark.parametrize(("limit", "outcome", "complete"), [(20, QueryOutcome.TRUNCATED, False), (0, None, True)])
async def test_query_orthanc_own_limit_is_truncated(
    orthanc: Callable[..., Orthanc], limit: int, outcome: QueryOutcome | None, complete: bool
) -> None:
    """LimitFindResults ends the answer with FE00, although no cancel was sent; 0 is no limit."""
    archive = orthanc(DicomAlwaysAllowFind=True, LimitFindResults=limit)
    if limit and not archive.says_what_it_cuts:
        pytest.skip("this version of Orthanc does not say that it cut an answer")
    archive.upload(synthetic.studies(30))
    result = await Archive(archive.dicom, "ANY-SCP").ask(study_root(STUDY))
    assert result.outcome is (outcome or QueryOutcome.ALLOWED)
    assert (result.matches, result.complete) == (limit or 30, complete)


async def test_query_at_our_bound_is_truncated(orthanc: Callable[..., Orthanc]) -> None:
    archive = orthanc(DicomAlwaysAllowFind=True)
    archive.upload(synthetic.studies(30, instances=2))
    found = await probe(archive.dicom.host, archive.dicom.port, replace(STUDIES, max_matches=10), STUDIES)
    assert found.queries["studies"].outcome is QueryOutcome.ALLOWED
    bounded = (await probe(archive.dicom.host, archive.dicom.port, replace(STUDIES, max_matches=10))).queries["studies"]
    assert (bounded.outcome, bounded.matches, bounded.complete) == (QueryOutcome.TRUNCATED, 10, False)
    assert bounded.instances == 20


# -- worklists --------------------------------------------------------------------------------------------------------

ITEMS = [
    *(synthetic.worklist_item(number, date=NOW.date()) for number in range(3)),
    *(synthetic.worklist_item(number, modality="MR", station="MR1", date=NOW.date()) for number in range(3, 5)),
    synthetic.worklist_item(5, modality="US", station="US1", date=NOW.date() + timedelta(days=1)),
]
WORKLIST = Query("worklist", Model.WORKLIST, None, {"ScheduledProcedureStepStartDate": TODAY})


@pytest.fixture(params=["orthanc", "wlmscpfs"])
def worklist(request: pytest.FixtureRequest) -> Callable[[list[synthetic.Instance]], Archive]:
    def start(items: list[synthetic.Instance]) -> Archive:
        run = request.getfixturevalue(request.param)
        if request.param == "wlmscpfs":
            return Archive(run(items=items).dicom, "WORKLIST")
        server = run(worklists=True, DicomAlwaysAllowFindWorklist=True, known={"us": "PROMETHEUS", "f": "FINDSCU"})
        server.add_worklist_items(items)
        return Archive(server.dicom, "ANY-SCP")

    return start


async def test_query_worklist_is_counted(worklist: Callable[..., Archive]) -> None:
    server = worklist(ITEMS)
    today = await server.ask(replace(WORKLIST, count_by=("Modality", "ScheduledStationAETitle")))
    assert (today.outcome, today.matches, today.complete) == (QueryOutcome.ALLOWED, 5, True)
    assert today.matches_by == {
        "Modality": {"CT": 3, "MR": 2},
        "ScheduledStationAETitle": {"STATION": 3, "MR1": 2},
    }
    step = "ScheduledProcedureStepSequence[0]"
    listed = server.list(f"{step}.ScheduledProcedureStepStartDate={NOW:%Y%m%d}", f"{step}.Modality", model="-W")
    assert Counter(listed.values("Modality")) == today.matches_by["Modality"]

    assert (await server.ask(replace(WORKLIST, match={}))).matches == 6
    for match, count in (
        ({"Modality": "MR"}, 2),
        ({"ScheduledStationAETitle": "US1"}, 1),
        ({"ScheduledProcedureStepStartDate": "20260116-"}, 1),
    ):
        assert (match, (await server.ask(replace(WORKLIST, match=match))).matches) == (match, count)


async def test_query_empty_worklist_is_a_success(worklist: Callable[..., Archive]) -> None:
    for items in ([], ITEMS[5:]):
        found = await worklist(items).ask(WORKLIST)
        assert (found.outcome, found.matches, found.complete) == (QueryOutcome.EMPTY, 0, True)
        assert found.outcome.is_success


def _uid(value: str) -> str:
    """A UID as it is: findscu prints the name of one that it knows."""
    return SECONDARY_CAPTURE if value == "=SecondaryCaptureImageStorage" else value


async def test_query_key_that_the_archive_ignores_is_unsupported(archive: Archive) -> None:
    """At the level of studies dcmqrscp does not know ModalitiesInStudy, and lists all; Orthanc matches by it."""
    found = await archive.ask(study_root(STUDY, {"ModalitiesInStudy": "CT"}, "ModalitiesInStudy"))
    if archive.called == "DCMQRSCP":
        assert found.outcome is QueryOutcome.UNSUPPORTED
        assert (found.matches, found.complete, found.instances, found.matches_by) == (None, None, None, {})
    else:
        assert (found.outcome, found.matches) == (QueryOutcome.ALLOWED, 4)
        assert found.matches_by == {"ModalitiesInStudy": {"CT": 4}}


async def test_query_worklist_uid_that_wlmscpfs_ignores_is_unsupported(wlmscpfs: Callable[..., dcmtk.Server]) -> None:
    server = wlmscpfs(items=[synthetic.worklist_item(number) for number in range(3)])
    by_uid = Query("one", Model.WORKLIST, None, match={"StudyInstanceUID": ("2.25.99",)})
    by_modality = Query("ct", Model.WORKLIST, None, match={"Modality": "CT"})
    result = await probe(server.dicom.host, server.dicom.port, by_uid, by_modality, called="WORKLIST")
    assert (result.queries["one"].outcome, result.queries["one"].matches) == (QueryOutcome.UNSUPPORTED, None)
    assert (result.queries["ct"].outcome, result.queries["ct"].matches) == (QueryOutcome.ALLOWED, 3)
