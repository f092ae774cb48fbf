"""What `lines` writes is to Prometheus what its own library writes, in every format."""

from __future__ import annotations

import math
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import Metric, generate_latest
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from dicom_exporter.enums import Outcome, QueryOutcome
from dicom_exporter.metrics import Group, families, groups, lines
from dicom_exporter.metrics.families import Family, Row, single
from dicom_exporter.prober.record import ProbeRecord
from dicom_exporter.results import SessionResult
from tests.builders import CONQUEST, FULL, STRANGER, STRANGER_REJECTED, TARGET, record
from tests.metrics.samples import values
from tests.testing.peers.requirements import program

SESSIONS = (FULL, replace(STRANGER_REJECTED, peer=CONQUEST), replace(STRANGER, identity="other"))


def found(*sessions: SessionResult, **target: Any) -> list[ProbeRecord]:
    return [record(replace(TARGET, **target), *sessions)]


def read(text: str) -> Iterable[Metric]:
    return text_string_to_metric_families(text)


def read_openmetrics(text: str) -> Iterable[Metric]:
    metrics: Iterable[Metric] = openmetrics.text_string_to_metric_families(text + "# EOF\n")  # type: ignore[no-untyped-call]
    return metrics


@pytest.mark.parametrize("reader", [read, read_openmetrics])
@pytest.mark.parametrize("target_label", [True, False], ids=["metrics", "probe"])
def test_lines_are_the_series_of_prometheus_client(reader: Any, target_label: bool) -> None:
    results = found(*SESSIONS) + found(*SESSIONS, name="second") + found(name="nothing known")
    if not target_label:
        results = results[:1]
    text = "".join(lines(groups(results, target_label=target_label)))
    made = list(families(results, target_label=target_label))
    back = list(reader(text))
    assert values(back) == values(made)
    assert [(m.name, m.documentation, m.type) for m in back] == [(m.name, m.documentation, m.type) for m in made]


def test_lines_shared_rows_are_written_for_each_subject() -> None:
    (name, *_), (query, *_) = FULL.queries.keys(), FULL.queries.values()
    results = found(replace(FULL, queries={name: query, "again": query, "and again": query}))
    text = "".join(lines(groups(results, target_label=True)))
    assert values(read(text)) == values(families(results, target_label=True))
    assert text.count('query="and again"') == text.count(f'query="{name}"') > 5


@pytest.mark.parametrize("target_label", [True, False], ids=["metrics", "probe"])
@pytest.mark.parametrize("outcome", Outcome)
def test_lines_every_outcome_reads_back(outcome: Outcome, target_label: bool) -> None:
    assert FULL.echo is not None
    session = replace(FULL, echo=replace(FULL.echo, outcome=outcome))
    session = replace(session, queries={name: replace(FULL.queries["studies"], outcome=name) for name in QueryOutcome})
    results = found(session)
    text = "".join(lines(groups(results, target_label=target_label)))
    assert values(read(text)) == values(families(results, target_label=target_label))


@given(st.text(), st.text(min_size=1))
def test_lines_label_of_any_text_reads_back(label: str, name: str) -> None:
    """Quotation marks, backslashes, line ends, what looks like a label: all of it comes back as it was."""
    text_of = {"site": label, "country": label + '",x="'}
    results = found(replace(FULL, queries={name: FULL.queries["studies"]}), name=name, labels=text_of)
    text = "".join(lines(groups(results, target_label=True)))
    library = generate_latest(_Collected(families(results, target_label=True))).decode()
    assert sorted(_sorted_labels(text)) == sorted(_sorted_labels(library))


@pytest.mark.parametrize(
    "value", [0.0, 1.0, -1.0, 0.1, 1e-9, 1.7e9, 1764043200.123, 2.0**60, 1e300, math.inf, -math.inf, math.nan]
)
@pytest.mark.parametrize("reader", [read, read_openmetrics])
def test_lines_number_reads_back(reader: Any, value: float) -> None:
    (metric,) = reader("".join(lines([Group((Family("some_seconds", "Some.", single(float)),), [({}, value)])])))
    (sample,) = metric.samples
    assert sample.value == value or (math.isnan(sample.value) and math.isnan(value))


def test_lines_family_without_sample_is_left_out() -> None:
    def none(_: float) -> list[Row]:
        return []

    assert list(lines([Group((Family("some_seconds", "Some.", none),), [({"target": "main"}, 1.0)])])) == []
    assert list(lines(groups([], target_label=True))) == []


def test_lines_invalid_family_is_refused() -> None:
    counter = Family("some_total", "Some.", single(float), type="counter")
    quoted = Family("some_seconds", 'Some "seconds".', single(float))
    for family in (counter, quoted):
        with pytest.raises(ValueError, match=r"some_total|Some"):
            list(lines([Group((family,), [({}, 1.0)])]))


@pytest.mark.integration
@pytest.mark.parametrize("target_label", [True, False], ids=["metrics", "probe"])
def test_lines_pass_promtool_check(target_label: bool) -> None:
    done = subprocess.run(
        [program("promtool", "prometheus"), "check", "metrics"],
        input="".join(lines(groups(found(*SESSIONS), target_label=target_label))).encode(),
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


@dataclass
class _Collected:
    metrics: Iterable[Metric]

    def collect(self) -> Iterable[Metric]:
        return self.metrics


def _sorted_labels(text: str) -> list[str]:
    """The lines without values, characters sorted: the order of labels means nothing, and their escapes must agree."""
    return ["".join(sorted(line.rpartition(" ")[0])) for line in text.split("\n")]
