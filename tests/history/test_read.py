"""How a history is read in pieces, from a Prometheus that is played."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from dicom_exporter.history import read
from dicom_exporter.history.api import AnswerTooLargeError, Api, ApiError, Labels, Points
from dicom_exporter.history.episodes import Observer, Service
from dicom_exporter.history.read import ALERTS, History, Period, read_history
from dicom_exporter.verdict.findings import Kind
from tests.testing.rules import alerts

MAIN = {"job": "dicom", "instance": "exporter", "target": "main"}
DIMSE = {**MAIN, "protocol": "dimse"}


class Played:
    """Answers as an `Api`: levels of one target by Unix time, every minute."""

    name = "prometheus"

    def __init__(self, levels: Mapping[int, float], end: int, most_points: int = 10_000) -> None:
        self.levels = levels
        self.end = end
        self.most_points = most_points
        self.asked: list[tuple[float, float]] = []

    async def query(self, path: str, parameters: Mapping[str, str]) -> list[tuple[Labels, Points]]:
        if path == "query":
            return [({**MAIN, "country": "DE"}, [(0, 1)])]
        begin, end, step = (float(parameters[name]) for name in ("start", "end", "step"))
        times = [begin + step * number for number in range(round((end - begin) / step) + 1)]
        if len(times) > self.most_points:
            raise AnswerTooLargeError("too large")
        if parameters["query"].startswith("max by") and "dicom_exposure_known" in parameters["query"]:
            self.asked.append((begin, end))
            return [(DIMSE, [(time, 1.0) for time in times if time <= self.end])]
        if "dicom_exposure_level_at_least" in parameters["query"]:
            return [(DIMSE, [(time, self.levels[int(time)]) for time in times if int(time) in self.levels])]
        if "ALERTS" in parameters["query"]:
            labels = {**DIMSE, "alertname": "DicomExposed", "severity": "critical"}
            return [(labels, [(time, 1.0) for time in times if int(time) in self.levels])]
        return []


async def history(played: Played, period: Period, progress: Any = lambda _: None) -> History:
    return await read_history(cast("Api", played), period, progress)


def episodes(found: History) -> Iterable[tuple[float, float | None, int | None]]:
    return [
        (each.first_seen.timestamp(), None if each.end is None else each.end.timestamp(), each.level)
        for each in found.episodes
    ]


@pytest.mark.parametrize("most_points", [1, 7, 100, 10_000])
async def test_pieces_do_not_cut_episodes(most_points: int) -> None:
    levels = dict.fromkeys(range(6_000, 9_000, 60), 5.0) | dict.fromkeys(range(11_940, 12_060, 60), 3.0)
    read_points: list[int] = []
    played = Played(levels, 12_000, most_points)
    found = await history(played, Period(0, 12_000, 60), read_points.append)
    assert list(episodes(found)) == [(6_000, 9_000, 5), (11_940, None, 3)]
    assert sum(read_points) == 201  # each point once
    assert [begin for begin, _ in played.asked[1:]] == [end + 60 for _, end in played.asked[:-1]]
    first, second = (each.alerts for each in found.episodes)
    assert [(each.begin, each.end) for each in first] == [
        (datetime.fromtimestamp(6_000, UTC), datetime.fromtimestamp(8_940, UTC))
    ]
    assert [each.severity for each in second] == ["critical"]


async def test_one_point_that_is_too_large_is_an_error() -> None:
    with pytest.raises(AnswerTooLargeError):
        await history(Played({}, 0, most_points=0), Period(0, 600, 60))


async def test_too_many_episodes_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "MAX_EPISODES", 3)
    flapping = dict.fromkeys(range(0, 6_000, 120), 5.0)
    with pytest.raises(ApiError, match="more than 3 episodes: choose a shorter time"):
        await history(Played(flapping, 6_000), Period(0, 6_000, 60))


async def test_labels_of_targets_are_kept() -> None:
    found = await history(Played({}, 600), Period(0, 600, 60))
    assert [labels["country"] for labels in found.labels.values()] == ["DE"]


def test_alerts_are_those_of_the_rules() -> None:
    conditions = {name: rule["labels"]["condition"] for name, rule in alerts().items() if "condition" in rule["labels"]}
    assert conditions == {name: "EXPOSED" if kind is Kind.EXPOSED else "DOWN" for name, kind in ALERTS.items()}


def test_outcomes_are_those_of_the_rules() -> None:
    (down, *_) = re.findall(r'outcome=~"([^"]*)"', alerts()["DicomTargetDown"]["expr"])
    assert set(read._DOWN.split("|")) == set(down.split("|"))
    assert f'outcome=~"{read._NO_WEB_ALERT}"' in alerts()["DicomWebDown"]["expr"]


def test_alert_is_about_one_protocol_vantage_or_identity() -> None:
    observer = Observer("dicom", "exporter", "main")
    outside = Service(Kind.EXPOSED, observer, "dimse from internet")
    assert read._is_about("DicomExposed", {**DIMSE, "vantage": "internet"}, outside)
    assert not read._is_about("DicomExposed", DIMSE, outside)
    assert not read._is_about("DicomTargetDown", {**DIMSE, "vantage": "internet"}, outside)
    down = Service(Kind.DOWN, observer, "dicomweb as monitor")
    assert read._is_about("DicomWebDown", {**MAIN, "identity": "monitor"}, down)
    assert not read._is_about("DicomTargetDown", {**MAIN, "identity": "monitor"}, down)
    assert not read._is_about("DicomWebDown", {**MAIN, "identity": "other"}, down)
