"""`dicom_exporter report --prometheus` with Debian's Prometheus, which gets 30 days that were played before."""

from __future__ import annotations

import csv
import io
import json
import random
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from tests.testing.peers.alertmanager import alertmanager
from tests.testing.peers.process import reserved_address
from tests.testing.peers.prometheus import Prometheus, prometheus
from tests.testing.peers.requirements import program
from tests.testing.running import started

pytestmark = pytest.mark.integration

BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
MINUTES = 30 * 24 * 60
MINUTE = timedelta(minutes=1)

Samples = dict[int, float]
"""Minute -> value."""


def minute(day: int, hour: int, minutes: int = 0) -> int:
    """Minutes since the begin; the first day is 0."""
    return (day * 24 + hour) * 60 + minutes


def at(number: int) -> str:
    return (BEGIN + number * MINUTE).isoformat(timespec="seconds")


class Played:
    """What Prometheus gets: for each minute, what was found of each service."""

    def __init__(self) -> None:
        self.series: dict[str, dict[str, Samples]] = {}

    def put(self, metric: str, labels: Mapping[str, str], values: Samples) -> None:
        text = ",".join(f'{name}="{value}"' for name, value in labels.items())
        self.series.setdefault(metric, {}).setdefault(f"{{{text}}}", {}).update(values)

    def target(self, name: str, expect: str, **more: str) -> dict[str, str]:
        labels = {"job": "dicom", "instance": "exporter:10104", "target": name}
        info = {**labels, "address": "192.0.2.1:104", "called_ae_title": "A", "expect": expect, **more}
        self.put("dicom_target_info", info, dict.fromkeys(range(MINUTES), 1))
        return labels

    def stranger(self, labels: Mapping[str, str], levels: Sequence[int | str | None], allowed: int) -> None:
        """A level, `unknown`, or None where nothing was recorded, for each minute."""
        labels = {**labels, "protocol": "dimse", "service": "dimse"}
        observed = {number: level for number, level in enumerate(levels) if level is not None}
        known = {number: level for number, level in observed.items() if isinstance(level, int)}
        self.put("dicom_exposure_known", labels, {number: number in known for number in observed})
        self.put("dicom_exposure_level", labels, dict(known))
        self.put("dicom_exposure_level_at_least", labels, dict(known))
        self.put("dicom_exposure_level_allowed", labels, dict.fromkeys(observed, allowed))

    def echo(self, labels: Mapping[str, str], outcomes: Sequence[str | None]) -> None:
        """The outcome, or None where nothing was recorded, for each minute."""
        for name in ("success", "refused", "overload", "rejected"):
            values = {number: outcome == name for number, outcome in enumerate(outcomes) if outcome is not None}
            self.put("dicom_echo_outcome", {**labels, "identity": "monitor", "outcome": name}, dict(values))

    def lines(self) -> Iterator[str]:
        """The text of OpenMetrics."""
        begin = int(BEGIN.timestamp())
        for metric, each in self.series.items():
            yield f"# TYPE {metric} gauge\n"
            for labels, values in each.items():
                for number in sorted(values):
                    yield f"{metric}{labels} {float(values[number]):g} {begin + 60 * number}\n"
        yield "# EOF\n"


def changed(base: Any, *changes: tuple[int, int, Any]) -> list[Any]:
    """`base` for each minute, and something else from one minute until before another."""
    found = [base] * MINUTES
    for begin, end, value in changes:
        found[begin:end] = [value] * (end - begin)
    return found


RANDOM = random.Random(20)
FLAPPING: list[tuple[int, int]] = []
while not FLAPPING or FLAPPING[-1][1] < MINUTES - 900:
    after = FLAPPING[-1][1] if FLAPPING else 0
    begin_of = after + RANDOM.randint(1, 600)
    FLAPPING.append((begin_of, begin_of + RANDOM.randint(1, 200)))
"""Minutes at which a target became open, and closed again."""


def play() -> Played:
    played = Played()
    north = played.target("north", "closed", country="DE")
    played.stranger(
        north,
        changed(
            0,
            (minute(2, 10), minute(2, 14, 30), 5),
            (minute(2, 12), minute(2, 13), 7),
            (minute(2, 13), minute(2, 13, 10), "unknown"),
            (minute(9, 8), minute(9, 11, 30), 3),
            (minute(9, 9), minute(9, 11), None),  # and nothing of it is over
            (minute(19, 22, 15), minute(19, 23), 4),
            (minute(19, 23), minute(20, 3), "unknown"),
            (minute(24, 1), minute(24, 2), 5),
            (minute(24, 1, 20), minute(24, 1, 24), None),  # too short to be a gap
            (minute(26, 1), minute(26, 2), "unknown"),  # nothing was proved
            (minute(28, 6), MINUTES, 6),
        ),
        0,
    )
    south = played.target("south", "guarded", country="FR")
    played.stranger(
        south, changed(2, (0, minute(0, 5), 5), (minute(27, 1), minute(27, 3), 3), (minute(27, 3), MINUTES, None)), 2
    )
    east = played.target("east", "available", country="DE")
    played.echo(
        east,
        changed(
            "success",
            (minute(4, 12), minute(4, 12, 7), "refused"),
            (minute(14, 0), minute(14, 6), "refused"),
            (minute(14, 1), minute(14, 4), "overload"),
            (minute(15, 0), minute(15, 0, 1), "refused"),
            (minute(16, 0), minute(16, 5), "rejected"),  # it runs
            (minute(29, 0), minute(29, 23), "refused"),
            (minute(29, 23), MINUTES, "overload"),
        ),
    )
    alert = {"alertname": "DicomTargetDown", "alertstate": "firing", "severity": "critical", "identity": "monitor"}
    played.put("ALERTS", {**east, **alert}, dict.fromkeys(range(minute(4, 12, 2), minute(4, 12, 7)), 1))
    west = played.target("west", "closed", country="FR")
    played.stranger(west, changed(0, *((begin, end, 5) for begin, end in FLAPPING)), 0)
    # It need not answer, and a control is meant to be open: neither has episodes.
    played.echo(played.target("private", "closed"), changed("refused"))
    return played


@contextmanager
def recorded(directory: Path, played: Played) -> Iterator[Prometheus]:
    """A Prometheus that has recorded it."""
    (directory / "played").write_text("".join(played.lines()))
    data = directory / "data"
    promtool = [program("promtool", "prometheus"), "tsdb", "create-blocks-from"]
    command = [
        *promtool,
        "--max-block-duration=720h",
        "openmetrics",
        "played",
        str(data),
    ]  # each block reads the file again
    subprocess.run(command, cwd=directory, check=True, capture_output=True)
    with prometheus(directory, {"scrape_configs": []}, "--storage.tsdb.retention.time=100y") as running:
        yield running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    with recorded(tmp_path_factory.mktemp("prometheus"), play()) as running:
        yield running


async def report(directory: Path, *arguments: str) -> tuple[int, str, str]:
    """The exit code, what is on stdout, what is on stderr."""
    async with started("report", *arguments, directory=directory) as running:
        out, err = await running.process.communicate()
    assert running.process.returncode is not None
    return running.process.returncode, out.decode(), err.decode()


def times(server: Prometheus) -> list[str]:
    return [f"--prometheus=http://{server.address}", f"--since={at(0)}", f"--until={at(MINUTES - 1)}"]


async def test_episodes_are_those_that_were_played_minute_by_minute(server: Prometheus, tmp_path: Path) -> None:
    code, out, err = await report(tmp_path, *times(server), "--format=json", "--by=country")
    assert (code, err) == (1, "")
    found = json.loads(out)
    north, south, east, west = (
        [each for each in found["episodes"] if each["target"] == name] for name in ("north", "south", "east", "west")
    )
    assert len(north) + len(south) + len(east) + len(west) == len(found["episodes"])

    def span(what: str, begin: int, end: int | None) -> dict[str, object]:
        return {"what": what, "begin": at(begin), "end": None if end is None else at(end)}

    def short(each: Mapping[str, Any]) -> tuple[object, ...]:
        return each["first_seen"], each["end"], each["state"], each["level"], each["not_known"]

    assert [short(each) for each in north] == [
        (
            at(minute(2, 10)),
            at(minute(2, 14, 30)),
            "over",
            7,
            [span("unknown", minute(2, 13), minute(2, 13, 10))],
        ),
        (
            at(minute(9, 8)),
            at(minute(9, 11, 30)),
            "over",
            3,
            [span("not observed", minute(9, 9) - 1, minute(9, 11))],
        ),
        (
            at(minute(19, 22, 15)),
            at(minute(20, 3)),
            "over",
            4,
            [span("unknown", minute(19, 23), minute(20, 3))],
        ),
        (at(minute(24, 1)), at(minute(24, 2)), "over", 5, []),
        (at(minute(28, 6)), None, "still", 6, []),
    ]
    assert [each["good_before"] for each in north[:2]] == [at(minute(2, 10) - 1), at(minute(9, 8) - 1)]
    assert (north[0]["due_24h"], north[0]["due_72h"]) == (at(minute(3, 10)), at(minute(5, 10)))
    assert north[0]["due_month"] == "2025-02-03T10:00:00+00:00"

    begun_before, lost = south
    assert (begun_before["before_report"], begun_before["end"], begun_before["due_24h"]) == (
        True,
        at(minute(0, 5)),
        None,
    )
    assert short(lost) == (
        at(minute(27, 1)),
        None,
        "not known",
        3,
        [span("not observed", minute(27, 3) - 1, None)],
    )

    assert [(each["first_seen"], each["end"], each["what"]) for each in east] == [
        (at(minute(4, 12)), at(minute(4, 12, 7)), "refused"),
        (at(minute(14, 0)), at(minute(14, 6)), "refused"),
        (at(minute(15, 0)), at(minute(15, 0, 1)), "refused"),
        (at(minute(29, 0)), None, "refused"),
    ]
    assert (east[1]["not_known"], east[3]["state"]) == (
        [span("unknown", minute(14, 1), minute(14, 4))],
        "not known",
    )
    fired = {"alert": "DicomTargetDown", "severity": "critical"}
    assert east[0]["alerts"] == [{**fired, "begin": at(minute(4, 12, 2)), "end": at(minute(4, 12, 6))}]
    assert [each["alerts"] for each in east[1:]] == [[], [], []]

    assert [(each["first_seen"], each["end"]) for each in west] == [(at(begin), at(end)) for begin, end in FLAPPING]

    germany, france, none = found["groups"]
    assert [each["name"] for each in found["groups"]] == ["DE", "FR", "(none)"]
    assert (germany["targets"], germany["exposed"], germany["exposed_not_over"], germany["down"]) == (2, 5, 1, 4)
    assert (france["exposed"], none["exposed"], none["down"]) == (2 + len(FLAPPING), 0, 0)
    by_target = {each["name"]: each for each in found["targets"]}
    assert by_target["west"]["exposed_for"] == 60 * sum(end - begin for begin, end in FLAPPING)
    assert by_target["north"]["not_known_for"] == 60 * (10 + 121 + 4 * 60 + 60)


async def test_longer_steps_lose_no_episode(server: Prometheus, tmp_path: Path) -> None:
    _, out, _ = await report(tmp_path, *times(server), "--format=json", "--step=15m")
    east = [each for each in json.loads(out)["episodes"] if each["target"] == "east"]
    assert [(each["first_seen"], each["end"]) for each in east] == [
        (at(minute(4, 12)), at(minute(4, 12, 30))),  # a time is up to one step too late
        (at(minute(14, 0)), at(minute(14, 6, 15))),
        (at(minute(15, 0)), at(minute(15, 0, 15))),
        (at(minute(29, 0)), None),
    ]


async def test_every_format_has_every_episode(server: Prometheus, tmp_path: Path) -> None:
    count = 5 + 2 + 4 + len(FLAPPING)
    _, out, _ = await report(tmp_path, *times(server), "--format=csv")
    assert sum(line["line"] == "episode" for line in csv.DictReader(io.StringIO(out, newline=""))) == count
    for name, begin in (("markdown", "| north |"), ("html", '<th scope="row">north</th>'), ("table", "north ")):
        code, out, _ = await report(tmp_path, *times(server), f"--format={name}")
        assert (code, out.count("lists studies")) == (1, 2 + len(FLAPPING)), name
        assert sum(line.startswith(begin) or f"<tr>{begin}" in line for line in out.splitlines()) >= 5, name
        assert f"5 targets: 3 exposed in {count - 4} episodes (2 not over), 1 down in 4 episodes (1 not over)." in out


async def test_quiet_time_is_as_expected(server: Prometheus, tmp_path: Path) -> None:
    quiet = [times(server)[0], f"--since={at(minute(6, 0))}", f"--until={at(minute(6, 1))}"]
    code, out, err = await report(tmp_path, *quiet, "--format=json")
    targets = {each["target"] for each in json.loads(out)["episodes"]}
    assert (targets <= {"west"}, err) == (True, "")
    empty = [times(server)[0], "--since=2024-01-01", "--until=2024-01-03"]
    code, out, err = await report(tmp_path, *empty)
    assert (code, out, err.count("\n")) == (3, "", 1)
    assert "has no series of dicom_exporter in that time" in err


async def test_server_that_is_off_or_no_prometheus_is_one_sentence(tmp_path: Path) -> None:
    with reserved_address() as off:
        code, out, err = await report(tmp_path, f"--prometheus=http://{off}", "--output=report.json", "--format=json")
    assert (code, out) == (3, "")
    assert err == f"dicom_exporter report: http://{off} does not answer: connection refused\n"
    with alertmanager(tmp_path / "alertmanager", "{route: {receiver: pager}, receivers: [{name: pager}]}") as other:
        code, out, err = await report(tmp_path, f"--prometheus=http://{other.address}", "--since=1h")
    assert (code, out, err.count("\n")) == (3, "", 1)
    assert "does not answer with JSON, but with HTTP status 404" in err
    assert not (tmp_path / "report.json").exists()


async def test_commands_of_the_documentation_run(server: Prometheus, tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "report-over-time.md").read_text()
    commands = re.findall(r"^dicom_exporter report (.*)$", page, re.M)
    assert len(commands) == 2
    for command in commands:
        arguments = command.replace("http://localhost:9090", f"http://{server.address}").replace("2026", "2025").split()
        code, _, err = await report(tmp_path, *arguments)
        assert (code, "january.html: 5 targets" in err) in [(1, True), (3, False)], err  # nothing in the last 30 days
    assert "lists studies" in (tmp_path / "january.html").read_text()


async def test_label_that_no_target_has_is_bad_usage(server: Prometheus, tmp_path: Path) -> None:
    code, out, err = await report(tmp_path, *times(server), "--step=1h", "--by=contry")
    assert (code, out, "no target has the label contry (did you mean country?)" in err) == (2, "", True)


async def test_web_and_associations_with_and_without_echo(tmp_path: Path) -> None:
    played = Played()
    labels = {**played.target("web", "available"), "identity": "monitor"}
    minutes = range(240)
    played.put("dicomweb_success", labels, {number: not 60 <= number < 180 for number in minutes})
    played.put("dicomweb_authentication_required", labels, {number: 90 <= number < 120 for number in minutes})
    for outcome, begin, end in (
        ("success", 0, 20),
        ("connect_timeout", 20, 30),
        ("overload", 30, 35),
        ("busy", 35, 240),
    ):
        values = dict.fromkeys(range(begin, end), 1.0)
        played.put("dicom_association_outcome", {**labels, "outcome": outcome}, values)
    for outcome, begin, end in (
        ("success", 0, 40),
        ("failure_status", 40, 50),
        ("overload", 50, 55),
        ("success", 55, 240),
    ):
        values = dict.fromkeys(range(begin, end), 1.0)
        played.put("dicom_echo_outcome", {**labels, "identity": "second", "outcome": outcome}, values)
    played.put(
        "dicom_association_outcome", {**labels, "identity": "second", "outcome": "success"}, dict.fromkeys(minutes, 1)
    )
    directory = tmp_path / "prometheus"
    directory.mkdir()
    with recorded(directory, played) as running:
        until = [f"--until={at(239)}"]
        code, out, _ = await report(tmp_path, *times(running)[:2], *until, "--format=json")
    assert code == 1
    assert [
        (each["service"], each["first_seen"], each["end"], each["what"]) for each in json.loads(out)["episodes"]
    ] == [
        ("dimse as monitor", at(20), at(35), "connect_timeout"),
        ("dimse as second", at(40), at(55), "failure_status"),
        ("dicomweb as monitor", at(60), at(90), "no valid answer"),
        ("dicomweb as monitor", at(120), at(180), "no valid answer"),
    ]


async def test_alertmanager_says_who_is_told_now(server: Prometheus, tmp_path: Path) -> None:
    labels = {"job": "dicom", "instance": "exporter:10104", "target": "north", "protocol": "dimse"}

    alert = {"labels": {**labels, "alertname": "DicomPatientDataListed"}}
    with alertmanager(tmp_path / "alertmanager", "{route: {receiver: pager}, receivers: [{name: pager}]}") as there:
        async with (
            ClientSession() as client,
            client.post(f"http://{there.address}/api/v2/alerts", json=[alert]) as response,
        ):
            assert response.status == 200
        code, out, err = await report(
            tmp_path, *times(server), "--step=1h", "--format=json", f"--alertmanager=http://{there.address}"
        )
    assert (code, err) == (1, "")
    north = [each for each in json.loads(out)["episodes"] if each["target"] == "north"]
    assert [each["receivers"] for each in north] == [None, None, None, None, ["pager"]]
