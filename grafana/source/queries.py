"""PromQL that several panels share. Every selector is filtered by the variables job and instance.

The dashboards read what prometheus/rules/recorded.yml records, one series for each target, so that they stay cheap.
"""

from __future__ import annotations

from contextvars import ContextVar

from grafana.source.words import BROKEN, KEPT, SERVICES, SEVERITIES

KEYS = "job, instance, target"
"""The labels that identify a target, whether it is scraped over /metrics or over /probe."""
OVER = "protocol"
"""The label for what a stranger uses: DICOM, DICOMweb, web pages."""
EXPORTER = 'job=~"$job", instance=~"$instance"'
TARGETS = f'{EXPORTER}, target=~"$target"'
"""Of dashboards where several targets can be chosen: Grafana escapes their names for a regular expression."""
ONE_TARGET = f'{EXPORTER}, target="$target"'
"""Of a dashboard of one target: Grafana does not escape a single name, which may have any characters."""
LABELS: ContextVar[tuple[str, ...]] = ContextVar("LABELS", default=("site", "country"))
"""The user's own labels of targets, one or more: the place of a target, then each group of those before it."""
FAILED = 'outcome!="success"'
US, STRANGER = 'identity!="stranger"', 'identity="stranger"'
NOT_CONTROL, CONTROL = 'expect!="control"', 'expect="control"'


def select(metric: str, *matchers: str) -> str:
    """A selector of a metric of the targets that are chosen by name."""
    return f"{metric}{{{', '.join([TARGETS, *matchers])}}}"


def select_one(metric: str, *matchers: str) -> str:
    """The same, of the only target."""
    return f"{metric}{{{', '.join([ONE_TARGET, *matchers])}}}"


def is_(label: str, value: str) -> str:
    """A matcher of one label."""
    return f'{label}="{value}"'


def place() -> list[str]:
    """The matchers of the variables for the user's labels."""
    return [f'{label}=~"${label}"' for label in LABELS.get()]


def heading(label: str) -> str:
    """The heading of the column of a user's label."""
    return label.replace("_", " ").capitalize()


def info(*matchers: str) -> str:
    """One series per target that the variables choose, with the user's labels and expect."""
    return select("dicom:target_info", *place(), *matchers)


def status(*matchers: str) -> str:
    """The status of each target that the variables choose, with the user's labels and expect."""
    return select("dicom:status", *place(), *matchers)


def chosen(expression: str, *matchers: str) -> str:
    """`expression`, of the targets that the variables choose, with the user's labels."""
    return f"({expression}) * on ({KEYS}) group_left ({', '.join(LABELS.get())}) {info(*matchers)}"


def per_target(expression: str, *labels: str) -> str:
    """The highest value for each target (and each of `labels`), with the user's labels: one row of a table."""
    return f"max by ({', '.join([KEYS, *LABELS.get(), *labels])}) ({expression})"


def counted(expression: str) -> str:
    """How many series, 0 if there are none, and nothing if there is no data at all."""
    return f"count({expression}) or 0 * count({info()})"


ABSENT = -1
"""What `or_absent` gives where there is nothing."""


def or_absent(expression: str) -> str:
    """One number, or `ABSENT`: a tile without data would not be drawn. Nothing if there is no data at all."""
    return f"{expression} or {ABSENT} + 0 * count({info()})"


def judged(level: str, excess: str, *by: str) -> str:
    """The numbers of `words.JUDGED` where a limit is set, from the level and by how much it is too high.

    Both are unique for the labels `by`.
    """
    return f"({level} + on ({', '.join(by)}) ({KEPT} + {BROKEN - KEPT} * ({excess} > bool 0)))"


def named(expression: str) -> str:
    """`expression` with what strangers use in words, for a legend."""
    for value, words in SERVICES.items():
        expression = f'label_replace({expression}, "{OVER}", "{words}", "{OVER}", "{value}")'
    return expression


def by_severity(matchers: str, *labels: str) -> str:
    """The alerts that fire, as numbers of `words.SEVERITIES`."""
    ranked = (f'{rank} * ALERTS{{severity="{words}", {matchers}}}' for rank, (words, _) in SEVERITIES.items())
    return f"max by (alertname, {', '.join(labels)}) ({' or '.join(ranked)})"


def since(chosen_targets: str) -> str:
    """Unix time in milliseconds since when a target has been exposed; or else in its state; or else its first alert.

    `chosen_targets` are matchers.
    """
    recorded = (
        f"min by ({KEYS}) ({name}{{{chosen_targets}}} > 0)" for name in ("dicom:exposed_since", "dicom:state_since")
    )
    others = 'alertname=~"Dicom(VantageBlind|ExposureUnknown|WebDown|WebRefusesUs|QueryFailing|StoreFailing)"'
    alert = f"min by ({KEYS}) (ALERTS_FOR_STATE{{{others}, {chosen_targets}}})"
    return f"1000 * ({' or '.join(recorded)} or {alert})"


def alerts_since(matchers: str, *labels: str) -> str:
    """Unix time in milliseconds since when the condition of each alert has held.

    As recorded, if it is: ALERTS_FOR_STATE begins anew when Prometheus does.
    """
    recorded = (
        f'0 * ALERTS{{alertname=~"{alerts}", {matchers}}}'
        f" + on ({KEYS}) group_left () min by ({KEYS}) ({series}{{{EXPORTER}}} > 0)"
        for alerts, series in (
            ("Dicom(Exposed|ExposedOpenPort|PatientDataListed)", "dicom:exposed_since"),
            ("DicomTarget(Down|RefusesUs|Busy|Unknown)", "dicom:state_since"),
        )
    )
    return f"1000 * min by (alertname, {', '.join(labels)}) ({' or '.join(recorded)} or ALERTS_FOR_STATE{{{matchers}}})"


def available(days: str) -> str:
    """Share of the time in which a target was not down, as recorded each hour."""
    return f"last_over_time({select(f'dicom:available:avg{days}')}[2h])"


POLICY = (
    f"(10 + ({select('dicom:exposure_level:last')} and on ({KEYS}, {OVER}) {select('dicom:exposure_excess')} > 0)"
    f" + on ({KEYS}, {OVER}) 0.5 * (1 - max by ({KEYS}, {OVER}) ({select('dicom_exposure_known')})))"
    f" or on ({KEYS}, {OVER}) (4 * max by ({KEYS}, {OVER}) ({select('dicom_exposure_known')} == bool 0)"
    f" and on ({KEYS}, {OVER}) {select('dicom:exposure_level_allowed:last')})"
    f" or on ({KEYS}, {OVER}) (0 * max by ({KEYS}, {OVER}) ({select('dicom_exposure_known')}) - 1)"
)
"""For each service of a target, the numbers of `words.POLICY`."""

ANSWER_SECONDS = f"max by ({KEYS}) ({select('dicom:answer_seconds:avg15m')})"
"""From the first packet to the answer of the C-ECHO, of targets that answer."""
