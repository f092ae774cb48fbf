"""The words and colours that all dashboards share: levels of exposure, outcomes, states, checks.

The colours of states and levels are those of the pages and the report. Good is blue, not green: red and green are the
pair that most colour-blind people confuse. Every colour comes with a word.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dicom_exporter.enums import LadderLevel
from dicom_exporter.verdict import texts as standard_words
from dicom_exporter.verdict.colours import LEVELS as LEVEL_COLOURS
from dicom_exporter.verdict.colours import STATES
from dicom_exporter.verdict.findings import BADNESS, Kind

GOOD, QUIET, NOTE, WARNING, BAD = (
    STATES[None], "#7f8490", STATES[Kind.BUSY], STATES[Kind.REFUSES_US], STATES[Kind.DOWN]
)  # fmt: skip

LEVELS: Mapping[int, tuple[str, str]] = {
    int(level): (f"{level} {name}", LEVEL_COLOURS[level]) for level, (name, _) in standard_words.LEVELS.items()
}
"""How far a stranger gets."""

EXPOSED, DOWN, BLIND, UNKNOWN, REFUSES, BUSY, TROUBLE = (
    BADNESS[kind]
    for kind in (
        Kind.EXPOSED, Kind.DOWN, Kind.BLIND, Kind.UNKNOWN, Kind.REFUSES_US, Kind.BUSY, Kind.TROUBLE
    )
)  # fmt: skip
OK = 0
PATIENT_DATA = EXPOSED + LadderLevel.LISTS_STUDIES
"""From this status on a stranger is shown patients' data."""


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


STATUSES: Mapping[float, tuple[str, str]] = {
    OK: ("OK", STATES[None]),
    **{
        number: (kind.word.upper() if kind in (Kind.DOWN, Kind.BLIND) else _capital(kind.word), STATES[kind])
        for kind, number in BADNESS.items()
        if kind is not Kind.EXPOSED
    },
    **{
        EXPOSED + int(level): (f"EXPOSED: {name}", STATES[Kind.EXPOSED])
        for level, (name, _) in standard_words.LEVELS.items()
        if level
    },
}
"""What the number of `dicom:status` means: the worst that is found at a target."""

AT_LEAST = 0.5
"""Added to the status of a service whose level is not known, and may be higher."""
NO_POLICY = -1
POLICY: Mapping[float, tuple[str, str]] = {
    NO_POLICY: ("no limit set", QUIET),
    OK: ("within policy", STATES[None]),
    UNKNOWN: STATUSES[UNKNOWN],
    **{number: shown for number, shown in STATUSES.items() if number > EXPOSED},
    **{
        number + AT_LEAST: (words.replace(":", ", at least:"), colour)
        for number, (words, colour) in STATUSES.items()
        if number > EXPOSED
    },
}
"""The same for one service of a target, and only about strangers."""

KEPT, BROKEN = 10, 20
"""Added to a level that is within what is allowed, and to one that is not; to neither if no limit is set."""
JUDGED: Mapping[float, tuple[str, str]] = {
    number + level + doubt: (prefix + words, colour or own)
    for number, known, doubtful in (
        (0, None, None),
        (BROKEN, STATES[Kind.EXPOSED], STATES[Kind.EXPOSED]),
        (KEPT, STATES[None], STATES[Kind.UNKNOWN]),
    )
    for level, (words, own) in LEVELS.items()
    for doubt, prefix, colour in ((0, "", known), (AT_LEAST, "at least ", doubtful))
}
"""Levels in the colour of what they mean for the service: an open port is bad where nobody may connect."""

OUTCOMES: Mapping[str, tuple[str, int, str]] = {
    # outcome -> words, status, colour
    "success": ("answers", OK, GOOD),
    "overload": ("the exporter had no time for it", UNKNOWN, STATES[Kind.UNKNOWN]),
    "proxy_failure": ("the vantage's proxy made no connection", UNKNOWN, "#a59bc8"),
    "busy": ("busy: no free association", BUSY, NOTE),
    "rejected": ("rejects monitor", REFUSES, WARNING),
    "not_offered": ("does not offer C-ECHO", REFUSES, "#e89b3f"),
    "dns_failure": ("name does not resolve", DOWN, "#6b3a4f"),
    "unreachable": ("no route", DOWN, "#8c5a6e"),
    "refused": ("connection refused", DOWN, BAD),
    "connect_timeout": ("no answer to connect", DOWN, "#a52522"),
    "tls_failure": ("TLS fails", DOWN, "#7a1f4d"),
    "no_answer": ("connected, then silence", DOWN, "#7d1b19"),
    "closed": ("hangs up", DOWN, "#e2726f"),
    "not_dicom": ("does not speak DICOM", DOWN, "#b5541c"),
    "protocol_error": ("breaks the protocol", DOWN, "#8f4316"),
    "aborted": ("aborts", DOWN, "#efa5a3"),
    "failure_status": ("answers with a failure", DOWN, "#d9895b"),
}
"""How a C-ECHO ended. Which of them mean DOWN is decided as in prometheus/rules/availability.yml."""

QUERY_OUTCOMES: Mapping[str, tuple[str, str]] = {
    "allowed": ("answered", GOOD),
    "empty": ("answered: no match", LEVEL_COLOURS[LadderLevel.REFUSES_STRANGERS]),
    "truncated": ("answered: at least this many", NOTE),
    "refused": ("refused", WARNING),
    "unsupported": ("not supported", "#e89b3f"),
    "failed": ("failed", BAD),
    "aborted": ("aborted", "#a52522"),
    "protocol_error": ("breaks the protocol", "#7d1b19"),
    "timeout": ("no end until the deadline", "#b5541c"),
    "no_association": ("not asked: no association", STATES[Kind.UNKNOWN]),
    "overload": ("the exporter had no time for it", QUIET),
}

STORE_OUTCOMES: Mapping[str, tuple[str, str]] = {
    "success": ("takes images", GOOD),
    "warning": ("takes images, and changes them", LEVEL_COLOURS[LadderLevel.REFUSES_STRANGERS]),
    "out_of_resources": ("OUT OF RESOURCES", BAD),
    "sop_class": ("does not accept this SOP class", WARNING),
    "refused": ("rejects monitor", "#e89b3f"),
    "mismatch": ("says the SOP class does not match", "semi-dark-orange"),
    "cannot_understand": ("says it cannot understand", "dark-orange"),
    "failed": ("answers with a failure", "light-red"),
    "aborted": ("aborts", "semi-dark-red"),
    "protocol_error": ("breaks the protocol", "dark-red"),
    "timeout": ("no answer until the deadline", "#b5541c"),
    "no_association": ("no association", STATES[Kind.UNKNOWN]),
    "overload": ("the exporter had no time for it", QUIET),
}
"""How a bandwidth test ended."""

CHECKS: Mapping[str, str] = {check.value: holds for check, (holds, _) in standard_words.CHECKS.items()}
"""What each check says where it holds, which is bad."""

UNKNOWN_REASONS: Mapping[str, str] = {reason.value: why for reason, why in standard_words.UNKNOWN_REASONS.items()}
"""Why a level is not known."""

SERVICES: Mapping[str, str] = {service.value: name for service, name in standard_words.SERVICES.items()}

SEVERITIES: Mapping[int, tuple[str, str]] = {3: ("critical", BAD), 2: ("warning", WARNING), 1: ("info", GOOD)}
"""Severities of the alerts, as numbers that sort."""


def numbers(words: Mapping[int, tuple[str, str]] | Mapping[float, tuple[str, str]]) -> list[dict[str, Any]]:
    """Value mappings of Grafana for numbers."""
    return texts({str(number): word for number, word in words.items()})


def texts(words: Mapping[str, tuple[str, str] | str]) -> list[dict[str, Any]]:
    """Value mappings of Grafana for texts, each with its colour if it has one."""
    options = {}
    for index, (text, word) in enumerate(words.items()):
        shown, colour = (word, None) if isinstance(word, str) else word
        options[text] = {"text": shown, "index": index} | ({"color": colour} if colour else {})
    return [{"type": "value", "options": options}]


def yes_no(yes: tuple[str, str], no: tuple[str, str]) -> list[dict[str, Any]]:
    """Value mappings for 1 and 0."""
    return numbers({1: yes, 0: no})
