"""PromQL that several panels share. Every selector is filtered by the variables job and instance."""

from __future__ import annotations

from grafana.source.words import BUSY, DOWN, REFUSES, SEVERITIES, UNKNOWN, UP, outcome_names

KEYS = "job, instance, target"
"""The labels that identify a target, whether it is scraped over /metrics or over /probe."""
EXPORTER = 'job=~"$job", instance=~"$instance"'
TARGET = f'{EXPORTER}, target=~"$target"'
US, STRANGER = 'identity!="stranger"', 'identity="stranger"'
ASKED = 'expect=~"available|guarded"'
"""Targets that must answer us."""
NOT_CONTROL = 'expect!="control"'


_CHOSEN = ('site=~"$site"', 'country=~"$country"')


def select(metric: str, *matchers: str) -> str:
    """A selector of a metric of a target."""
    return f"{metric}{{{', '.join([TARGET, *matchers])}}}"


def is_(label: str, value: str) -> str:
    """A matcher of one label."""
    return f'{label}="{value}"'


def info(*matchers: str) -> str:
    """One series per target that the variables choose, with its labels site and country."""
    return f"group by ({KEYS}, site, country, expect) ({select('dicom_target_info', *_CHOSEN, *matchers)})"


def chosen(expression: str, *matchers: str) -> str:
    """`expression`, of the targets that the variables choose."""
    return f"({expression}) * on ({KEYS}) group_left (site, country) {info(*matchers)}"


def per_target(expression: str, *labels: str) -> str:
    """The highest value for each target (and each of `labels`), with site and country: one row of a table."""
    return f"max by ({', '.join([KEYS, 'site', 'country', *labels])}) ({expression})"


def counted(expression: str) -> str:
    """How many series, 0 if there are none, and nothing if there is no data at all."""
    return f"count({expression}) or 0 * count({info()})"


def outcome(*matchers: str) -> str:
    """How our own identities fared: the outcome of the C-ECHO, or of the association if no C-ECHO is asked for.

    Series of the C-ECHO's other outcomes are there too, with the value 0.
    """
    echo, association = (select(f"dicom_{name}_outcome", US, *matchers) for name in ("echo", "association"))
    return f"({echo} or {association} unless on ({KEYS}, identity) {select('dicom_echo_outcome', US)})"


def state(*matchers: str) -> str:
    """The state of each target, as a number of `words.STATES`: the worst of its identities."""
    parts = []
    for score in (DOWN, REFUSES, BUSY, UNKNOWN, UP):
        names = f'outcome=~"{"|".join(outcome_names(score))}"'
        parts.append(f"{score} * {outcome(names)}")
    return f"max by ({KEYS}) ({' or '.join(parts)})" if not matchers else chosen(state(), *matchers)


def in_state(score: int) -> str:
    """The targets that must answer and are in that state."""
    return f"({state(ASKED)}) == {score}"


def by_severity(matchers: str, *labels: str) -> str:
    """The alerts that fire, as numbers of `words.SEVERITIES`."""
    ranked = (f'{rank} * ALERTS{{severity="{words}", {matchers}}}' for rank, (words, _) in SEVERITIES.items())
    return f"max by (alertname, {', '.join(labels)}) ({' or '.join(ranked)})"


LEVEL = f"max by ({KEYS}, protocol) ({select('dicom_exposure_level')})"
ALLOWED = f"max by ({KEYS}, protocol) ({select('dicom_exposure_level_allowed')})"
PROVED = f"max by ({KEYS}, protocol) ({select('dicom_exposure_level_at_least')})"
"""The level, or a lower bound if it is not known."""
EXCESS = f"({PROVED} - {ALLOWED})"
"""Levels that were proved above what `expect` allows, for each protocol of a target."""
WORST_EXCESS = f"max by ({KEYS}) ({EXCESS})"
WORST_LEVEL = f"max by ({KEYS}) ({select('dicom_exposure_level')})"
WORST_PROVED = f"max by ({KEYS}) ({select('dicom_exposure_level_at_least')})"

_TO_ANSWER = 'phase=~"connect|tls|associate|echo"'
ANSWER_SECONDS = f"sum by ({KEYS}) ({select('dicom_phase_duration_seconds', US, _TO_ANSWER)})"
"""From the first packet to the answer of the C-ECHO."""
