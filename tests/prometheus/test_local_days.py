"""Alerts about counts that begin anew at local midnight, in the weeks in which clocks are changed.

promtool gets the counts of an archive that receives as many studies each day, as a query with `every` sees them.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.testing.peers.requirements import program
from tests.testing.rules import rules

pytestmark = pytest.mark.integration

STEP = timedelta(minutes=15)
DAYS_BEFORE, DAYS_AFTER = 9, 2
NEEDED = ("dicom:target_info", "dicom:studies_today", "DicomStudiesDriedUp")
CHANGES = {
    "forward, northern": ("Europe/Berlin", date(2026, 3, 29)),
    "back, northern": ("Europe/Berlin", date(2026, 10, 25)),
    "forward, America": ("America/New_York", date(2026, 3, 8)),
    "back, America": ("America/New_York", date(2026, 11, 1)),
    "forward, southern": ("Australia/Sydney", date(2026, 10, 4)),
    "back, southern": ("Australia/Sydney", date(2026, 4, 5)),
    "forward at midnight": ("America/Santiago", date(2026, 9, 6)),
    "back at midnight": ("America/Santiago", date(2026, 4, 5)),
    "by half an hour": ("Australia/Lord_Howe", date(2026, 10, 4)),
}


def around_the_clock(hours: float) -> int:
    """Studies since midnight of an archive that receives as many in each hour."""
    return int(40 * hours)


def in_one_night_job(hours: float) -> int:
    """Of an archive that a router sends everything of the day to at once, soon after midnight."""
    return 500 if hours >= 0.25 else 0


def office_hours(hours: float) -> int:
    """Of a practice that is open from 8 to 17."""
    return int(60 * (min(max(hours, 8), 17) - 8))


def counts(zone: str, change: date, arrivals: Any, every: timedelta) -> list[int]:
    """What the query `today` shows at each step, from nine days before the change to two days after it."""
    local = ZoneInfo(zone)
    begin = datetime(change.year, change.month, change.day, tzinfo=UTC) - timedelta(days=DAYS_BEFORE)
    found = []
    for number in range((DAYS_BEFORE + DAYS_AFTER) * 24 * 4):
        asked = begin + number * STEP
        asked -= (asked - begin) % every  # the last result is shown until the next is due
        there = asked.astimezone(local)
        midnight = datetime(there.year, there.month, there.day, tzinfo=local).astimezone(UTC)
        found.append(arrivals((asked - midnight) / timedelta(hours=1)))
    return found


def promtool(directory: Path, archives: Mapping[str, Sequence[object]], looks: list[dict[str, Any]]) -> str:
    """What promtool says against `looks` at the counts of archives by their names; nothing if all of them are right."""
    series = []
    for name, values in archives.items():
        labels = f'job="dicom", instance="exporter", target="{name}"'
        query = f'{labels}, identity="monitor", query="today"'
        series += [
            (f"dicom_query_matches{{{query}}}", " ".join(map(str, values))),
            (f"dicom_query_complete{{{query}}}", f"1x{len(values)}"),
            (f'dicom_target_info{{{labels}, expect="available"}}', f"1x{len(values)}"),
        ]
    test = {
        "interval": "15m",
        "input_series": [{"series": name, "values": text} for name, text in series],
        "alert_rule_test": looks,
    }
    named = {rule.get("alert") or rule["record"]: rule for rule in rules()}
    needed = [named[name] for name in NEEDED]  # in this order: the alert reads what was recorded at the same time
    (directory / "rules.yml").write_text(json.dumps({"groups": [{"name": "all", "rules": needed}]}))
    path = directory / "test.yml"
    path.write_text(json.dumps({"rule_files": ["rules.yml"], "evaluation_interval": "15m", "tests": [test]}))
    command = [program("promtool", "prometheus"), "test", "rules", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def look(step: int) -> dict[str, Any]:
    """That no alert fires at that step."""
    return {"eval_time": f"{15 * step}m", "alertname": "DicomStudiesDriedUp", "exp_alerts": []}


def test_dried_up_as_many_studies_each_day_no_alert_when_clocks_change(tmp_path: Path) -> None:
    archives = {
        f"{name}, {arrivals.__name__}": counts(zone, change, arrivals, timedelta(hours=1))
        for name, (zone, change) in CHANGES.items()
        for arrivals in (around_the_clock, in_one_night_job, office_hours)
    }
    (length,) = {len(values) for values in archives.values()}
    assert promtool(tmp_path, archives, [look(step) for step in range(7 * 96, length)]) == ""


def test_dried_up_nothing_arrives_after_clocks_change_alert_before_noon(tmp_path: Path) -> None:
    days = 8 * 96  # steps before the midnight after which nothing arrives
    noon = days + 11 * 4
    archives = {}
    for name, (zone, change) in CHANGES.items():
        values = counts(zone, change, around_the_clock, timedelta(minutes=15))
        midnight = datetime(change.year, change.month, change.day, tzinfo=ZoneInfo(zone)) + timedelta(days=1)
        begin = datetime(change.year, change.month, change.day, tzinfo=UTC) - timedelta(days=DAYS_BEFORE)
        first = (midnight.astimezone(UTC) - begin) // STEP + 1
        archives[name] = [*values[first - days : first], *([3] * 96)]
    said = promtool(tmp_path, archives, [look(noon)])
    assert set(archives) == set(re.findall(r'target="([^"]+)"', said.rpartition("got:")[2]))


@pytest.mark.parametrize("gap", [(-12, 0), (0, 12), (-4, 20)], ids=str)
def test_dried_up_last_week_has_a_gap_at_midnight_no_alert(gap: tuple[int, int], tmp_path: Path) -> None:
    """Prometheus or the exporter was down then, for hours: what is left of last week is no measure."""
    values: list[Any] = list(counts("Europe/Berlin", date(2026, 7, 1), in_one_night_job, timedelta(minutes=15)))
    midnight = (1 * 24 + 22) * 4  # of the second day, in steps
    values[midnight + gap[0] : midnight + gap[1]] = ["_"] * (gap[1] - gap[0])
    looks = [look(step) for step in range(midnight + 7 * 96 - 12, midnight + 7 * 96 + 24)]
    assert promtool(tmp_path, {"main": values}, looks) == ""


def test_dried_up_in_the_first_week_no_alert(tmp_path: Path) -> None:
    values = counts("Europe/Berlin", date(2026, 7, 1), around_the_clock, timedelta(minutes=15))
    dry = [*values[: 3 * 96], *([0] * (4 * 96))]
    assert promtool(tmp_path, {"main": dry}, [look(step) for step in range(3 * 96, 7 * 96)]) == ""
