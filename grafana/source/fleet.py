"""*Fleet*: what is wrong, since when, and why; how all the others do."""

from __future__ import annotations

from typing import Any

from grafana.source.dashboard import dashboard, to_runbook, to_target
from grafana.source.panels import NO_DATA, Panel, column, lay_out, queries, query, strip, table, timeline, timeseries
from grafana.source.queries import (
    ABSENT,
    ANSWER_SECONDS,
    CONTROL,
    FAILED,
    KEYS,
    LABELS,
    OVER,
    TARGETS,
    US,
    alerts_since,
    available,
    by_severity,
    chosen,
    counted,
    heading,
    info,
    or_absent,
    per_target,
    select,
    since,
    status,
)
from grafana.source.trouble import certificates, details
from grafana.source.words import (
    BLIND,
    BUSY,
    DOWN,
    EXPOSED,
    LEVELS,
    OUTCOMES,
    REFUSES,
    SEVERITIES,
    STATUSES,
    TROUBLE,
    UNKNOWN,
    UNKNOWN_REASONS,
    numbers,
    texts,
)

ALL_OK = "Nothing: in this range every target was OK."
AVAILABILITY = ((None, STATUSES[DOWN][1]), (0.95, STATUSES[REFUSES][1]), (0.999, "transparent"))

_WHY = {
    **UNKNOWN_REASONS,
    **{name: words for name, (words, _, _) in OUTCOMES.items()},
    **{str(level): f"allowed: {words}" for level, (words, _) in LEVELS.items()},
}


def vantage() -> dict[str, Any]:
    """The override of the number that is the worst status of a control target."""
    return column(
        "Vantage check",
        mappings=numbers({**dict.fromkeys((1, 2, 3, 4, DOWN), ("unknown", STATUSES[UNKNOWN][1])),
                          0: ("OK", STATUSES[0][1]), BLIND: STATUSES[BLIND], ABSENT: ("no control", "transparent")}),
    )  # fmt: skip


def fleet() -> dict[str, Any]:
    """The dashboard."""
    panels = lay_out(
        (4, [(24, _now())]),
        (12, [(24, _targets())]),
        (
            11,
            [
                (
                    12,
                    timeline(
                        "Targets that were not OK in this range",
                        "At most 15, the worst first. A gap: no data.",
                        f"{status()} and on ({KEYS}) "
                        f"topk(15, max by ({KEYS}) (max_over_time({status()}[$__range] @ end())) > 0)",
                        "{{target}}",
                        numbers(STATUSES),
                        ALL_OK,
                    ),
                ),
                (12, _not_ok()),
            ],
        ),
        (9, [(8, certificates()), (7, _answer_time()), (9, _places())]),
        (8, [(24, _alerts())]),
        *details(),
    )
    return dashboard("fleet", "Which DICOM archives are down or exposed, since when, and why.", panels)


def _now() -> Panel:
    def has(number: int) -> tuple[str, list[tuple[float | None, str]]]:
        return counted(f"{status()} == {number}"), [(None, "transparent"), (1, STATUSES[number][1])]

    return strip(
        "Now",
        "Targets by their status; each is counted once, by the worst that is found. Vantage check: an archive that is "
        "open on "
        "purpose (`expect: control`) must read as open. BLIND: it reads closed, so no other `closed` proves anything.",
        {
            "Targets": (f"count({info()})", [(None, "transparent")]),
            "Exposed": (counted(f"{status()} > {EXPOSED}"), [(None, "transparent"), (1, STATUSES[EXPOSED + 3][1])]),
            "Down": has(DOWN),
            "Unknown": has(UNKNOWN),
            "Rejects monitor": has(REFUSES),
            "Busy": has(BUSY),
            "Trouble": has(TROUBLE),
            "Available, 24 h": (
                or_absent(f"avg({available('24h')} and on ({KEYS}) {info()})"),
                AVAILABILITY,
            ),
            "Vantage check": (or_absent(f"max({status(CONTROL)})"), [(None, "transparent")]),
        },
        overrides=[
            column(
                "Available, 24 h",
                unit="percentunit",
                decimals=2,
                mappings=numbers({ABSENT: ("after 1 h", "transparent")}),
            ),
            vantage(),
        ],
    )


def _targets() -> Panel:
    worst, place = f"topk(1000, {status()})", LABELS.get()[0]
    ended = f"max by ({KEYS}, outcome) ({select('dicom_echo_outcome', US, FAILED)} == 1)"
    limits = select("dicom:exposure_level_allowed:last")
    over = f"{limits} and on ({KEYS}, {OVER}) {select('dicom:exposure_excess')} > 0"
    allowed = f'count_values by ({KEYS}) ("outcome", min by ({KEYS}) ({over}))'
    reasons = f"topk by ({KEYS}) (1, max by ({KEYS}, reason) ({select('dicom_exposure_unknown_reason')}))"
    unknown = f'max by ({KEYS}, outcome) (label_replace({reasons}, "outcome", "$1", "reason", "(.+)"))'
    why = f"{allowed} or on ({KEYS}) topk by ({KEYS}) (1, {ended}) or on ({KEYS}) {unknown}"
    return table(
        "Targets, the worst first",
        "Verdict: the worst that is found. Why: what `expect` allows; how our C-ECHO ended; or why a level is not "
        "known. Since: a restart or a probe "
        "that "
        "cannot tell does not reset it. 24 h, 7 d, 30 d: share of the time in which it was not down. The link of "
        "a name "
        "leads to its own dashboard and to its last probes. The 1,000 worst.",
        {
            "status": per_target(worst),
            "why": per_target(f"{chosen(why)} and on ({KEYS}) ({status()} > 0)", "outcome"),
            "since": per_target(f"{chosen(since(TARGETS))} and on ({KEYS}) ({status()} > 0)"),
            **{days: per_target(f"{chosen(available(days))} and on ({KEYS}) {worst}") for days in ("24h", "7d", "30d")},
        },
        names={
            "status": "Verdict",
            "target": "Target",
            place: heading(place),
            "since": "Since",
            "24h": "24 h",
            "7d": "7 d",
            "30d": "30 d",
            "outcome": "Why",
        },
        sort="Verdict",
        overrides=[
            column("Verdict", mappings=numbers(STATUSES), coloured=True, width=185),
            column("Target", links=to_target(), width=175),
            column(heading(place), width=80),
            column("Since", unit="dateTimeFromNow", width=100),
            *(
                column(name, unit="percentunit", decimals=1, coloured=True, steps=AVAILABILITY, width=65)
                for name in ("24 h", "7 d", "30 d")
            ),
            column("Why", mappings=texts(_WHY)),
        ],
        no_value=NO_DATA,
    )


def _not_ok() -> Panel:
    return timeseries(
        "Targets that are not OK",
        "How many, by their status; those that are OK are left out.",
        [query(f'count_values("status", {status()} > 0)', "{{status}}")],
        stacked=True,
        decimals=0,
        overrides=[
            column(f"{number:g}", displayName=words, colour=colour)
            for number, (words, colour) in STATUSES.items()
            if number
        ],
        no_value=ALL_OK,
        legend_calcs=["lastNotNull"],
    )


def _answer_time() -> Panel:
    seconds = f"{ANSWER_SECONDS} and on ({KEYS}) {info()}"
    return timeseries(
        "Time to answer",
        "From the first packet to the answer of the C-ECHO, of targets that answer: the median, and 95 of 100.",
        queries((f"quantile(0.5, {seconds})", "median"), (f"quantile(0.95, {seconds})", "95 of 100 are faster")),
        unit="s",
        no_value="No target answers a C-ECHO, or none is asked: targets that must stay closed are not monitored.",
    )


def _places() -> Panel:
    place = LABELS.get()[0]

    def number(condition: str) -> str:
        return f"sum by ({place}) ({status()} {condition})"

    return table(
        f"By {place}",
        f"The label {place} comes from the exporter's configuration.",
        {
            "all": f"count by ({place}) ({status()})",
            "exposed": number(f"> bool {EXPOSED}"),
            "down": number(f"== bool {DOWN}"),
            "other": f"sum by ({place}) (({status()} > bool 0) * ({status()} < bool {DOWN}))",
        },
        names={place: heading(place), "exposed": "Exposed", "down": "Down", "other": "Other", "all": "Targets"},
        sort="Exposed",
        overrides=[
            column(heading(place), noValue="(none)"),
            *(
                column(name, coloured=True, steps=[(None, "transparent"), (1, colour)], width=width)
                for name, colour, width in (
                    ("Exposed", STATUSES[EXPOSED + 3][1], 86),
                    ("Down", STATUSES[DOWN][1], 58),
                    ("Other", STATUSES[REFUSES][1], 58),
                )
            ),
            column("Targets", width=68),
        ],
        no_value="No target is chosen above.",
    )


_EVEN_ABSENT = 'job=~"$job|", instance=~"$instance|"'
"""An exporter that is absent has neither job nor instance, and its alert must not be filtered away."""


def _alerts() -> Panel:
    firing, place = f'alertstate="firing", alertname=~"Dicom.+", {_EVEN_ABSENT}', LABELS.get()[0]
    return table(
        "Alerts that fire",
        "What Prometheus' rules say now, critical first: those page somebody. The link of an alert leads to what to "
        "do.",
        {
            "rank": by_severity(firing, "target", place),
            "since": alerts_since(f'alertname=~"Dicom.+", {_EVEN_ABSENT}', "target", place),
        },
        names={"rank": "Severity", "alertname": "Alert", "target": "Target", "since": "Since", place: heading(place)},
        sort="Severity",
        overrides=[
            column("Severity", mappings=numbers(SEVERITIES), coloured=True, width=90),
            column("Alert", links=to_runbook(), width=260),
            column("Target", links=to_target(), width=220),
            column("Since", unit="dateTimeFromNow", width=130),
        ],
        no_value="No alert fires, or Prometheus has not loaded the rules of prometheus/rules.",
    )
