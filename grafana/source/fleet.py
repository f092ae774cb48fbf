"""*Fleet*: what is down, since when; how all the others do."""

from __future__ import annotations

from typing import Any

from grafana.source.dashboard import dashboard, to_dashboard, to_runbook, to_target
from grafana.source.panels import (
    column,
    lay_out,
    queries,
    query,
    row,
    stat,
    table,
    text,
    timeline,
    timeseries,
)
from grafana.source.queries import (
    ANSWER_SECONDS,
    ASKED,
    EXCESS,
    EXPORTER,
    KEYS,
    US,
    WORST_EXCESS,
    WORST_LEVEL,
    by_severity,
    chosen,
    counted,
    in_state,
    info,
    outcome,
    per_target,
    select,
    state,
)
from grafana.source.trouble import trouble
from grafana.source.words import (
    BUSY,
    DOWN,
    LEVELS,
    OUTCOMES,
    REFUSES,
    SEVERITIES,
    STATES,
    UNKNOWN,
    UP,
    numbers,
    texts,
)

_ABOUT = """\
**DICOM** is how medical images travel. An *archive* (PACS) stores a hospital's images; a **C-ECHO** asks it \
"are you there?", as scanners and workstations do before they work with it.

**DOWN**: it does not answer. **Refuses us**: it answers, but no longer accepts our name: its configuration \
has changed. **Busy**: it has no room now. **Unknown**: the exporter had no time for it, which says nothing about it.

An archive that must stay closed to us is not asked; *Exposure* shows whether it does.
"""


def _state_stat(title: str, description: str, score: int) -> Any:
    return stat(title, description, counted(in_state(score)), bad=STATES[score][1])


def fleet() -> dict[str, Any]:
    """The dashboard."""
    answering = f"sum(({state(ASKED)}) == bool {UP}) / count({state(ASKED)})"
    worst = f"bottomk(20, avg by ({KEYS}) (avg_over_time({select('dicom_echo_success', US)}[$__range] @ end())))"
    phase = select("dicom_phase_duration_seconds", US)
    outcomes = chosen(f"{outcome()} == 1", ASKED)
    panels = lay_out(
        (
            4,
            [
                (
                    4,
                    stat(
                        "Targets",
                        "How many archives the configuration has, of those that are chosen above.",
                        f"count({info()})",
                    ),
                ),
                (
                    4,
                    stat(
                        "Answering",
                        "Share of the archives that must answer us and do.",
                        answering,
                        unit="percentunit",
                        steps=[(None, "red"), (0.9, "orange"), (1, "blue")],
                    ),
                ),
                (
                    4,
                    _state_stat("Down", "Archives that must answer us and do not: as the alert DicomTargetDown.", DOWN),
                ),
                (
                    4,
                    _state_stat(
                        "Refuse us", "Archives that live and no longer accept our AE title or our question.", REFUSES
                    ),
                ),
                (
                    4,
                    stat(
                        "Busy, or unknown",
                        "Archives without room for us, and those that the exporter had no time for.",
                        f"(count({in_state(BUSY)}) or 0 * count({info()}))"
                        f" + (count({in_state(UNKNOWN)}) or 0 * count({info()}))",
                        bad="semi-dark-yellow",
                    ),
                ),
                (
                    4,
                    stat(
                        "Exposed",
                        "Archives that let strangers further than they should: see the dashboard Exposure.",
                        counted(f"({chosen(select('dicom:status'))}) > 10"),
                        bad="dark-purple",
                        links=to_dashboard("exposure", "Exposure"),
                    ),
                ),
            ],
        ),
        (12, [(24, _targets())]),
        (
            10,
            [
                (10, _alerts()),
                (
                    14,
                    timeseries(
                        "How our questions ended",
                        "Archives that must answer, by the outcome of the C-ECHO.",
                        [query(f"count by (outcome) ({outcomes})", "{{outcome}}")],
                        stacked=True,
                        decimals=0,
                        overrides=[
                            column(name, displayName=words, colour=colour)
                            for name, (words, _, colour) in OUTCOMES.items()
                        ],
                    ),
                ),
            ],
        ),
        row("Over time"),
        (
            10,
            [
                (
                    7,
                    timeseries(
                        "Where the time goes",
                        "Mean seconds of each phase of our sessions, over all archives that got so far.",
                        [query(f"avg by (phase) ({chosen(phase)})", "{{phase}}")],
                        unit="s",
                        stacked=True,
                    ),
                ),
                (
                    10,
                    timeline(
                        "History of the 20 that failed most",
                        "The archives that failed for most of the time that is shown, and when.",
                        f"({state(ASKED)}) and on ({KEYS}) {worst}",
                        "{{target}}",
                        numbers(STATES),
                    ),
                ),
                (
                    7,
                    timeseries(
                        "Time to answer",
                        "Seconds from the first packet to the answer of the C-ECHO: half of the archives, 95 "
                        "of 100, and the slowest.",
                        queries(
                            (f"quantile(0.5, {chosen(ANSWER_SECONDS)})", "half are faster"),
                            (f"quantile(0.95, {chosen(ANSWER_SECONDS)})", "95 of 100 are faster"),
                            (f"max({chosen(ANSWER_SECONDS)})", "the slowest"),
                        ),
                        unit="s",
                    ),
                ),
            ],
        ),
        *trouble(),
        row("By site, and the exporter itself"),
        (
            10,
            [
                (
                    9,
                    table(
                        "Sites",
                        "Archives of each site; the labels site and country come from the exporter's configuration.",
                        {
                            "all": f"count by (country, site) ({info()})",
                            "down": f"sum by (country, site) (({state(ASKED)}) == bool {DOWN})",
                            "refuse": f"sum by (country, site) (({state(ASKED)}) == bool {REFUSES})",
                            "exposed": f"sum by (country, site) (({chosen(WORST_EXCESS)}) > bool 0)",
                        },
                        names={
                            "country": "Country",
                            "site": "Site",
                            "all": "Archives",
                            "down": "Down",
                            "refuse": "Refuse us",
                            "exposed": "Exposed",
                        },
                        sort="Down",
                        overrides=[
                            column("Down", coloured=True, steps=[(None, "transparent"), (1, "red")]),
                            column("Refuse us", coloured=True, steps=[(None, "transparent"), (1, "orange")]),
                            column("Exposed", coloured=True, steps=[(None, "transparent"), (1, "dark-purple")]),
                        ],
                    ),
                ),
                (
                    7,
                    timeseries(
                        "Scrapes",
                        "Whether what you see is fresh: seconds that the scrapes took, and scrapes that failed.",
                        queries(
                            (f"max(scrape_duration_seconds{{{EXPORTER}}})", "the longest"),
                            (f"quantile(0.5, scrape_duration_seconds{{{EXPORTER}}})", "half are faster"),
                            (f"count(up{{{EXPORTER}}} == 0) or 0 * count(up{{{EXPORTER}}})", "failed (number)"),
                        ),
                        unit="s",
                        overrides=[column("failed (number)", unit="short", colour="red")],
                    ),
                ),
                (
                    3,
                    stat(
                        "Configuration",
                        "Whether the configuration was valid when it was last read.",
                        f"min(dicom_exporter_config_last_reload_successful{{{EXPORTER}}})",
                        mappings=numbers({1: ("valid", "blue"), 0: ("reload FAILED", "red")}),
                        no_value="unknown: no /metrics of an exporter is chosen above",
                    ),
                ),
                (5, text("What this shows", _ABOUT)),
            ],
        ),
    )
    return dashboard("fleet", "Which DICOM archives are down, since when, and how the others do.", panels)


_EVEN_ABSENT = 'job=~"$job|", instance=~"$instance|"'
"""An exporter that is absent has neither job nor instance, and its alert must not be filtered away."""


def _alerts() -> Any:
    return table(
        "Alerts that fire",
        "What Prometheus' rules say now, critical first: those page somebody. A click on a name leads to what to do.",
        {"rank": by_severity(f'alertstate="firing", alertname=~"Dicom.+", {_EVEN_ABSENT}', "target")},
        names={"rank": "Severity", "alertname": "Alert", "target": "Target"},
        sort="Severity",
        overrides=[
            column("Severity", mappings=numbers(SEVERITIES), coloured=True, width=90),
            column("Alert", links=to_runbook()),
            column("Target", links=to_target()),
        ],
        no_value="No alert fires, or Prometheus has not loaded the rules of prometheus/rules.",
    )


def _targets() -> Any:
    answered = f"max_over_time((timestamp({select('dicom_echo_success', US)} == 1))[$__range:1m])"
    return table(
        "Targets, the worst first",
        "Every archive: whether it answers us, what happened, since when, and how far a stranger gets. The link of a "
        "name leads to its own dashboard and to its last probes.",
        {
            "state": per_target(f"({state(ASKED)}) or on ({KEYS}) 0 * {info()}"),
            "happened": per_target(chosen(f"{outcome()} == 1"), "outcome"),
            "since": per_target(chosen(f"1000 * min by ({KEYS}) ({select('dicom:state_since')} > 0)")),
            "answered": per_target(chosen(f"1000 * max by ({KEYS}) ({answered})")),
            "day": per_target(chosen(f"last_over_time({select('dicom:available:avg24h')}[2h])")),
            "week": per_target(chosen(f"last_over_time({select('dicom:available:avg7d')}[2h])")),
            "month": per_target(chosen(f"last_over_time({select('dicom:available:avg30d')}[2h])")),
            "seconds": per_target(chosen(ANSWER_SECONDS)),
            "stranger": per_target(chosen(WORST_LEVEL)),
            "excess": per_target(f"({chosen(f'max by ({KEYS}) {EXCESS}')}) > 0"),
        },
        names={
            "state": "State",
            "target": "Target",
            "country": "Country",
            "site": "Site",
            "outcome": "What happened",
            "since": "Trouble for",
            "answered": "Last answer",
            "day": "24 h",
            "week": "7 d",
            "month": "30 d",
            "seconds": "Time to answer",
            "stranger": "A stranger gets to",
            "excess": "Too far by",
        },
        sort="State",
        overrides=[
            column("State", mappings=numbers(STATES), coloured=True, width=120),
            column("Target", links=to_target()),
            column("Country", width=80),
            column("Site", width=120),
            column(
                "What happened", mappings=texts({name: words for name, (words, _, _) in OUTCOMES.items()}), width=170
            ),
            column("Trouble for", unit="dateTimeFromNow", width=145),
            column("Last answer", unit="dateTimeFromNow", width=150),
            column("Time to answer", unit="s", decimals=1, width=125),
            column("A stranger gets to", mappings=numbers(LEVELS), coloured=True, width=160),
            column("Too far by", coloured=True, steps=[(None, "transparent"), (1, "dark-purple")], width=90),
        ],
    )
