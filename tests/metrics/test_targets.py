"""Series of a target as a whole: its labels, what a stranger reached, and two targets compared."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dicom_exporter.config import Expect
from dicom_exporter.enums import Outcome, Phase, QueryOutcome, Service
from dicom_exporter.metrics import families, flow_families
from dicom_exporter.probes.session import NOT_SENT
from dicom_exporter.results import Attempt, EchoResult, Flow, QueryResult, SessionResult, StrangerResult
from tests.builders import FULL, STRANGER, STRANGER_REJECTED, TARGET, peer, record
from tests.metrics.samples import labels, shown, values

_UNANSWERED = {"studies": QueryOutcome.TIMEOUT, "patients": QueryOutcome.NO_ASSOCIATION}
MONITOR = labels(identity="monitor")
EXPOSURE = (
    "dicom_exposure_level",
    "dicom_exposure_level_allowed",
    "dicom_exposure_level_at_least",
    "dicom_exposure_known",
    "dicom_exposure_unknown_reason",
    "dicom_exposure_check",
)


def test_target_info_has_user_labels() -> None:
    key = labels(address="pacs.example:104", called_ae_title="PACS", expect="guarded", site="north", country="DE")
    assert shown()["dicom_target_info"] == {key: 1}


def test_user_labels_are_on_target_info_only() -> None:
    for name, series in shown(FULL, STRANGER_REJECTED).items():
        if name != "dicom_target_info":
            assert not any(label in ("site", "country") for key in series for label, _ in key)


def test_target_info_own_label_wins_over_user_label() -> None:
    target = replace(TARGET, labels={"expect": "closed"})
    (key,) = shown(target=target)["dicom_target_info"]
    assert dict(key)["expect"] == "guarded"


def test_target_label_is_on_metrics_and_not_on_probe() -> None:
    on_metrics = shown(FULL, STRANGER_REJECTED, target_label=True)
    on_probe = shown(FULL, STRANGER_REJECTED)
    assert on_metrics.keys() == on_probe.keys()
    for name, series in on_probe.items():
        assert {key | labels(target="main") for key in series} == set(on_metrics[name])


def test_two_targets_have_series_each() -> None:
    targets = [replace(TARGET, name=name) for name in ("one", "two")]
    found = values(families([record(target, FULL) for target in targets], target_label=True))
    assert found["dicom_studies_visible"] == {
        MONITOR | labels(target="one"): 50,
        MONITOR | labels(target="two"): 50,
    }


def test_flow_missing_studies_has_series_per_pair() -> None:
    found = values(flow_families([Flow("main", "copy", 3, oldest=600), Flow("copy", "main", 0)]))
    assert found == {
        "dicom_flow_missing_studies": {
            labels(source="main", destination="copy"): 3,
            labels(source="copy", destination="main"): 0,
        },
        "dicom_flow_oldest_missing_seconds": {
            labels(source="main", destination="copy"): 600,
            labels(source="copy", destination="main"): 0,
        },
    }
    assert list(flow_families([])) == []


def test_exposure_level_is_furthest_step_of_each_service() -> None:
    assert shown(STRANGER)["dicom_exposure_level"] == {
        labels(protocol="dimse", service="dimse"): 3,
        labels(protocol="dicomweb", service="dicomweb"): 2,
    }


def test_exposure_unknown_service_has_known_0_and_no_level() -> None:
    found = shown(STRANGER)
    assert found["dicom_exposure_known"] == {
        labels(protocol="dimse", service="dimse"): 1,
        labels(protocol="dicomweb", service="dicomweb"): 1,
        labels(protocol="web", service="web"): 0,
    }
    assert labels(protocol="web", service="web") not in found["dicom_exposure_level"]


def test_exposure_without_attempt_is_not_known() -> None:
    found = shown(SessionResult("stranger", None, stranger=StrangerResult()))
    assert found["dicom_exposure_known"] == {labels(protocol="dimse", service="dimse"): 0}
    assert found["dicom_exposure_unknown_reason"] == {labels(protocol="dimse", service="dimse", reason="overload"): 1}
    assert not {"dicom_exposure_level", "dicom_exposure_level_at_least"} & found.keys()


@pytest.mark.parametrize("outcome", Outcome)
def test_queries_of_a_stranger_have_series_only_if_it_was_let_in(outcome: Outcome) -> None:
    """Else none was sent, as the outcome of the association says."""
    session = SessionResult(
        "stranger", EchoResult(outcome), {"studies": NOT_SENT}, association=outcome, stranger=StrangerResult()
    )
    has_query_series = any(name.startswith("dicom_query_") for name in shown(session))
    assert has_query_series == (outcome is Outcome.SUCCESS)
    assert shown(replace(session, stranger=None))["dicom_query_success"]


def test_exposure_unknown_service_has_a_series_for_each_reason_and_what_was_proved() -> None:
    queries = {name: QueryResult(outcome) for name, outcome in _UNANSWERED.items()}
    found = shown(
        SessionResult("stranger", None, stranger=StrangerResult((Attempt(Outcome.SUCCESS, queries=queries),)))
    )
    assert found["dicom_exposure_unknown_reason"] == {
        labels(protocol="dimse", service="dimse", reason="not_asked"): 1,
        labels(protocol="dimse", service="dimse", reason="timeout"): 1,
    }
    assert found["dicom_exposure_level_at_least"] == {labels(protocol="dimse", service="dimse"): 3}
    assert "dicom_exposure_level" not in found


def test_exposure_known_service_has_no_reason_and_its_level_as_proved() -> None:
    found = shown(STRANGER)
    assert found["dicom_exposure_level_at_least"] == found["dicom_exposure_level"]
    assert {dict(key)["service"] for key in found["dicom_exposure_unknown_reason"]} == {"web"}


@pytest.mark.parametrize(("expect", "level"), [(Expect.CLOSED, 0), (Expect.GUARDED, 2), (Expect.CONTROL, 7)])
def test_exposure_level_allowed_follows_expect(expect: Expect, level: int) -> None:
    found = shown(STRANGER, target=replace(TARGET, expect=expect))
    assert found["dicom_exposure_level_allowed"] == dict.fromkeys(found["dicom_exposure_known"], level)


def test_exposure_level_allowed_is_absent_for_expect_available() -> None:
    assert "dicom_exposure_level_allowed" not in shown(STRANGER, target=replace(TARGET, expect=Expect.AVAILABLE))


def test_exposure_checks_asked_have_series() -> None:
    checks = shown(STRANGER)["dicom_exposure_check"]
    assert checks[labels(check="calling_ae_title_unchecked")] == 1
    assert checks[labels(check="called_ae_title_unchecked")] == 0
    assert checks[labels(check="store_negotiable")] == 1
    assert checks[labels(check="retrieve_negotiable")] == 0
    assert labels(check="worklist_queryable") not in checks  # nobody asked


def test_exposure_series_have_target_and_no_identity() -> None:
    found = shown(FULL, STRANGER, target_label=True)
    for name in EXPOSURE:
        assert all(dict(key)["target"] == "main" and "identity" not in dict(key) for key in found[name])


def test_exposure_without_stranger_has_no_series() -> None:
    assert not set(EXPOSURE) & shown(FULL, STRANGER_REJECTED).keys()


def test_groups_have_as_many_series_as_the_documentation_says() -> None:
    """Of the default module, at a target that answers, and at one that refuses the connection."""
    query = QueryResult(
        QueryOutcome.ALLOWED,
        0,
        matches=2,
        complete=True,
        instances=20,
        instances_complete=True,
        duration=0.5,
        first_match=0.25,
        match_interval_mean=0.125,
        match_interval_max=0.125,
        last_run=1_600_000_000.0,
    )
    phases = dict.fromkeys((Phase.CONNECT, Phase.ASSOCIATE, Phase.ECHO, Phase.QUERY, Phase.RELEASE), 0.25)
    answers = SessionResult(
        "monitor",
        EchoResult(Outcome.SUCCESS, 0),
        {"studies": query},
        association=Outcome.SUCCESS,
        phases=phases,
        duration=1.0,
        timeout=5.0,
        services={Service.VERIFICATION: True, Service.STUDY_FIND: True},
        peer=peer("OFFIS_DCMTK_367", "1.2.276.0.7230010.3.0.3.6.7", 16384),
    )
    refuses = SessionResult(
        "monitor",
        EchoResult(Outcome.REFUSED),
        {"studies": NOT_SENT},
        association=Outcome.REFUSED,
        phases={Phase.CONNECT: 0.25},
        duration=0.25,
        timeout=5.0,
    )
    counts = [
        sum(len(metric.samples) for metric in families([record(TARGET, session)], target_label=True))
        for session in (answers, refuses)
    ]
    page = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert f"| module `availability` | {counts[0]} | {counts[1]} |" in page
