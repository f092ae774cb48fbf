"""What the terminal shows of Alertmanager's messages."""

from __future__ import annotations

import re
from typing import Any

from deploy.demo_stack.pages import Pages, page

EXPOSED: dict[str, Any] = {
    "status": "firing",
    "labels": {
        "alertname": "DicomPatientDataListed",
        "severity": "critical",
        "target": "main",
        "site": "north",
        "protocol": "dimse",
    },
    "annotations": {
        "summary": "EXPOSED: main shows patients' studies to strangers",
        "description": "Close it first.",
        "level": "5",
        "runbook_url": "http://localhost:10104/runbooks/DicomPatientDataListed",
    },
    "startsAt": "2026-03-01T02:03:04.5Z",
    "endsAt": "2026-03-01T02:13:04.5Z",
    "fingerprint": "1",
}


def test_page_has_time_severity_alert_target_and_runbook() -> None:
    shown = page(EXPOSED)
    assert "CRITICAL" in shown.splitlines()[0]
    assert re.match(r"\d\d:\d\d:\d\d  ", shown)  # of the message
    assert re.search(r"since \d\d:03:04\n", shown)  # in whichever zone
    for part in (
        "main shows patients' studies",
        "target main",
        "level 5",
        "site north",
        "runbooks/DicomPatientDataListed",
    ):
        assert part in shown
    assert "\033" not in shown
    assert "\033" in page(EXPOSED, colours=True)


def test_page_fits_the_terminal_and_breaks_no_word() -> None:
    long = "Anyone who can reach the archive from the exporter's network can do the same. " * 3
    alert = {**EXPOSED, "annotations": {**EXPOSED["annotations"], "description": long}}
    shown = page(alert, width=80)
    words = set(long.split())
    assert words <= set(shown.split())
    assert [line for line in shown.splitlines() if len(line) > 80 and "http" not in line] == []


def test_page_resolved_names_the_alert() -> None:
    shown = page({**EXPOSED, "status": "resolved"})
    assert "RESOLVED" in shown
    assert re.search(r"ended \d\d:13:04\n", shown)
    assert "target main" in shown
    assert "Close it" not in shown


def test_page_control_characters_are_escaped() -> None:
    shown = page({**EXPOSED, "labels": {"target": "a\033[2Jb\nc", "severity": "\a"}})
    assert "target a?[2Jb?c" in shown
    assert "\033" not in shown
    assert "\a" not in shown


def test_page_of_empty_alert_is_shown() -> None:
    assert "since ??:??:??" in page({})


class Message:
    """A webhook's request."""

    def __init__(self, *alerts: dict[str, Any]) -> None:
        self._alerts = alerts

    async def json(self) -> dict[str, Any]:
        return {"alerts": list(self._alerts)}


async def test_pages_repeated_alert_is_shown_once() -> None:
    shown: list[str] = []
    pages = Pages(shown.append)
    resolved = {**EXPOSED, "status": "resolved"}
    again = {**EXPOSED, "startsAt": "2026-03-02T02:03:04.5Z"}
    for alerts in ([EXPOSED], [EXPOSED, {**EXPOSED, "fingerprint": "2"}], [resolved], [resolved], [again]):
        await pages.receive(Message(*alerts))  # type: ignore[arg-type]
    assert ["CRITICAL" in text for text in shown] == [True, True, False, True]
