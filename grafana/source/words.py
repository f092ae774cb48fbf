"""The words and colours that all dashboards share: levels of exposure, outcomes, states, checks.

Colours are those of Grafana's own palette, which has a shade for the dark and the light theme. Good is blue, not green:
red and green are the pair that most colour-blind people confuse. Every colour comes with a word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dicom_exporter.verdict import texts as standard_words

GOOD, QUIET, NOTE, WARNING, BAD = "blue", "#7f8490", "light-yellow", "orange", "red"

_LEVEL_COLOURS = (
    "dark-blue", "semi-dark-blue", "light-blue", "light-yellow", "semi-dark-yellow", "orange", "red", "dark-purple",
)  # fmt: skip
LEVELS: Mapping[int, tuple[str, str]] = {
    level: (f"{level} {name}", colour)
    for (level, (name, _)), colour in zip(standard_words.LEVELS.items(), _LEVEL_COLOURS, strict=True)
}
"""How far a stranger gets."""

UP, UNKNOWN, BUSY, REFUSES, DOWN, NOT_ASKED = 1, 2, 3, 4, 5, 0
STATES: Mapping[int, tuple[str, str]] = {
    NOT_ASKED: ("not asked", QUIET),
    UP: ("up", GOOD),
    UNKNOWN: ("unknown", NOTE),
    BUSY: ("busy", "semi-dark-yellow"),
    REFUSES: ("refuses us", WARNING),
    DOWN: ("DOWN", BAD),
}
"""Whether a target answers us: what the score of `queries.state` means."""

OUTCOMES: Mapping[str, tuple[str, int, str]] = {
    # outcome -> words, state, colour
    "success": ("answers", UP, GOOD),
    "overload": ("the exporter had no time for it", UNKNOWN, NOTE),
    "busy": ("busy: no room for us", BUSY, "semi-dark-yellow"),
    "rejected": ("rejects us", REFUSES, WARNING),
    "not_offered": ("does not offer C-ECHO", REFUSES, "light-orange"),
    "dns_failure": ("name does not resolve", DOWN, "light-purple"),
    "unreachable": ("no route", DOWN, "semi-dark-purple"),
    "refused": ("connection refused", DOWN, "red"),
    "connect_timeout": ("no answer to connect", DOWN, "semi-dark-red"),
    "tls_failure": ("TLS fails", DOWN, "purple"),
    "no_answer": ("connected, then silence", DOWN, "dark-red"),
    "closed": ("hangs up", DOWN, "light-red"),
    "not_dicom": ("does not speak DICOM", DOWN, "dark-orange"),
    "protocol_error": ("breaks the protocol", DOWN, "semi-dark-orange"),
    "aborted": ("aborts", DOWN, "super-light-red"),
    "failure_status": ("answers with a failure", DOWN, "super-light-orange"),
}
"""How a C-ECHO ended. Which of them mean DOWN is decided as in prometheus/rules/availability.yml."""

QUERY_OUTCOMES: Mapping[str, tuple[str, str]] = {
    "allowed": ("answered", GOOD),
    "empty": ("answered: no match", "light-blue"),
    "truncated": ("answered: at least so many", NOTE),
    "refused": ("refused", WARNING),
    "unsupported": ("not supported", "light-orange"),
    "failed": ("failed", BAD),
    "aborted": ("aborted", "semi-dark-red"),
    "protocol_error": ("breaks the protocol", "dark-red"),
    "timeout": ("no end until the deadline", "purple"),
    "no_association": ("no association", "dark-purple"),
    "overload": ("the exporter had no time for it", QUIET),
}

STORE_OUTCOMES: Mapping[str, tuple[str, str]] = {
    "success": ("takes images", GOOD),
    "warning": ("takes images, and changes them", "light-blue"),
    "out_of_resources": ("OUT OF RESOURCES", BAD),
    "sop_class": ("does not accept this SOP class", WARNING),
    "refused": ("refuses us", "light-orange"),
    "mismatch": ("says the SOP class does not match", "semi-dark-orange"),
    "cannot_understand": ("says it cannot understand", "dark-orange"),
    "failed": ("answers with a failure", "light-red"),
    "aborted": ("aborts", "semi-dark-red"),
    "protocol_error": ("breaks the protocol", "dark-red"),
    "timeout": ("no answer until the deadline", "purple"),
    "no_association": ("no association", "dark-purple"),
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


def numbers(words: Mapping[int, tuple[str, str]]) -> list[dict[str, Any]]:
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


def outcome_names(state: int) -> Iterable[str]:
    """The outcomes that mean a state."""
    return (name for name, (_, means, _) in OUTCOMES.items() if means == state)
