"""*Target*: everything about one archive."""

from __future__ import annotations

from typing import Any

from grafana.source.arrivals import arrivals
from grafana.source.dashboard import dashboard, to_runbook
from grafana.source.panels import (
    Panel,
    bars,
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
from grafana.source.queries import ALLOWED, EXCESS, KEYS, LEVEL, TARGET, US, by_severity, is_, outcome, select, state
from grafana.source.target_details import ENDS, others, protection
from grafana.source.words import (
    LEVELS,
    OUTCOMES,
    QUERY_OUTCOMES,
    SEVERITIES,
    STATES,
    numbers,
    texts,
    yes_no,
)

_LINKS = """\
[**The last probes of ${target}**, with what happened in each](${exporter}/targets/${target})

[All targets](${exporter}/) · [The running configuration](${exporter}/config)

*${exporter} is where your browser reaches the exporter: change it above if the links lead nowhere.*
"""


def target() -> dict[str, Any]:
    """The dashboard."""
    seconds = f"max by ({KEYS}) ({select('dicom_probe_duration_seconds')} / {select('dicom_probe_timeout_seconds')})"
    expiry = " or ".join(
        f"min by ({KEYS}) ({select(name)})"
        for name in (
            "dicom_tls_certificate_expiry_timestamp_seconds",
            "dicomweb_tls_certificate_expiry_timestamp_seconds",
        )
    )
    panels = lay_out(
        (
            5,
            [
                (
                    5,
                    stat(
                        "Does it answer us?",
                        "Whether the archive answers our C-ECHO. One that must stay closed is not asked.",
                        f"{state()} or on ({KEYS}) 0 * group by ({KEYS}) ({select('dicom_target_info')})",
                        mappings=numbers(STATES),
                        unit="none",
                    ),
                ),
                (
                    5,
                    stat(
                        "How far does a stranger get?",
                        "The highest level over all services; no level is no all-clear.",
                        f"max({select('dicom_exposure_level')})",
                        mappings=numbers(LEVELS),
                        unit="none",
                        no_value="unknown, or strangers are not sent here",
                    ),
                ),
                (
                    4,
                    stat(
                        "Further than allowed by",
                        "Levels above what `expect` allows; 0 and less is as it should be.",
                        f"max({EXCESS})",
                        steps=[(None, "blue"), (1, "orange"), (3, "red")],
                        no_value="unknown, or nothing is said of strangers",
                    ),
                ),
                (
                    3,
                    stat(
                        "Studies",
                        "Studies that the query `studies` lists to us; at least so many if it was cut.",
                        f"max({select('dicom_studies_visible', US)})",
                        unit="locale",
                        no_value="not asked, or no answer",
                    ),
                ),
                (
                    3,
                    stat(
                        "Certificate ends in",
                        "The first that ends, of DICOM over TLS and of DICOMweb.",
                        f"min({expiry}) - time()",
                        unit="dtdurations",
                        steps=ENDS,
                        decimals=1,
                        no_value="no TLS was seen",
                    ),
                ),
                (
                    4,
                    stat(
                        "Time that probes need",
                        "Share of their timeout; near 1 they find less than they could.",
                        f"max({seconds})",
                        unit="percentunit",
                        decimals=0,
                        steps=[(None, "blue"), (0.7, "orange"), (0.9, "red")],
                    ),
                ),
            ],
        ),
        (
            7,
            [
                (
                    9,
                    table(
                        "What it is",
                        "The target as the exporter's configuration has it.",
                        {"info": select("dicom_target_info")},
                        names={
                            "address": "Address",
                            "called_ae_title": "AE title",
                            "expect": "Expected",
                            "country": "Country",
                            "site": "Site",
                        },
                        overrides=[column("Address", width=150), column("AE title", width=140)],
                    ),
                ),
                (
                    9,
                    table(
                        "Its alerts",
                        "What Prometheus' rules say of it now. A click on a name leads to what to do.",
                        {
                            "since": f"1000 * min by (alertname) (ALERTS_FOR_STATE{{{TARGET}}})",
                            "rank": by_severity(TARGET, "alertstate"),
                        },
                        names={"rank": "Severity", "alertname": "Alert", "alertstate": "State", "since": "For"},
                        sort="Severity",
                        overrides=[
                            column("Severity", mappings=numbers(SEVERITIES), coloured=True, width=80),
                            column("Alert", links=to_runbook()),
                            column("State", width=75),
                            column("For", unit="dateTimeFromNow", width=120),
                        ],
                        no_value="No alert, or Prometheus has not loaded the rules of prometheus/rules.",
                    ),
                ),
                (6, text("More", _LINKS)),
            ],
        ),
        row("Over time"),
        (
            8,
            [
                (
                    12,
                    timeline(
                        "What happened to our questions",
                        "The outcome of our C-ECHO, for each identity that asks.",
                        _outcome_number(),
                        "{{identity}}",
                        numbers(
                            {index: (words, colour) for index, (words, _, colour) in enumerate(OUTCOMES.values(), 1)}
                        ),
                    ),
                ),
                (
                    12,
                    timeline(
                        "How far a stranger got",
                        "The level of exposure, for each service, and what `expect` allows.",
                        f'{LEVEL} or label_replace({ALLOWED}, "protocol", "$1: allowed", "protocol", "(.*)")',
                        "{{protocol}}",
                        numbers(LEVELS),
                        no_value="Strangers are not sent here, or there is no data.",
                    ),
                ),
            ],
        ),
        (
            9,
            [
                (
                    12,
                    timeseries(
                        "Where the time goes",
                        "Seconds of each phase of a session; phases that were not reached are missing.",
                        [query(f"max by (phase) ({select('dicom_phase_duration_seconds', US)})", "{{phase}}")],
                        unit="s",
                        stacked=True,
                    ),
                ),
                (
                    12,
                    timeseries(
                        "Whole probes, and the time they had",
                        "Seconds of a probe by each identity; dashed: its timeout.",
                        queries(
                            (f"max by (identity) ({select('dicom_probe_duration_seconds')})", "{{identity}}"),
                            (f"max by (identity) ({select('dicom_probe_timeout_seconds')})", "{{identity}}: timeout"),
                        ),
                        unit="s",
                        overrides=[_dashed("/timeout/")],
                    ),
                ),
            ],
        ),
        row("What it holds: queries"),
        (
            9,
            [
                (14, _queries()),
                (
                    10,
                    bars(
                        "Matches by value",
                        "What the matches of our queries are, by the attribute that the configuration "
                        "counts: modalities, for one. CT, MR, US … are kinds of imaging machines.",
                        [
                            query(
                                f"topk(20, max by (query, attribute, value) ({select('dicom_query_matches_by')}))",
                                "{{value}} · {{query}}",
                                instant=True,
                            )
                        ],
                        no_value="No query of this target has count_by, or none was answered.",
                    ),
                ),
            ],
        ),
        (
            8,
            [
                (
                    8,
                    timeseries(
                        "Matches",
                        "How many entities each query lists.",
                        [query(f"max by (query, identity) ({select('dicom_query_matches', US)})", "{{query}}")],
                    ),
                ),
                (
                    8,
                    timeseries(
                        "Time that queries take",
                        "Seconds from the request to the last response.",
                        [query(f"max by (query) ({select('dicom_query_duration_seconds', US)})", "{{query}}")],
                        unit="s",
                    ),
                ),
                (
                    8,
                    timeseries(
                        "Between matches",
                        "Seconds to the first match, and the longest pause between two: where an archive is slow.",
                        queries(
                            (f"max by (query) ({select('dicom_query_first_match_seconds', US)})", "{{query}}: first"),
                            (
                                f"max by (query) ({select('dicom_query_match_interval_max_seconds', US)})",
                                "{{query}}: longest pause",
                            ),
                        ),
                        unit="s",
                    ),
                ),
            ],
        ),
        *arrivals(),
        *protection(),
        *others(),
    )
    return dashboard("target", "One DICOM archive: everything that is known of it.", panels, one_target=True)


def _outcome_number() -> str:
    """The outcome of the C-ECHO, or else of the association, for each identity, as its index in `words.OUTCOMES`."""
    numbered = " or ".join(
        f"{index} * ({outcome(is_('outcome', name))} == 1)" for index, name in enumerate(OUTCOMES, 1)
    )
    return f"max by (identity) ({numbered})"


def _queries() -> Panel:
    by = "identity, query"
    return table(
        "Queries",
        "Each query of the configuration (C-FIND), and those of a stranger: how it ended, and what it listed. "
        "`at least` means that there are more than were counted.",
        {
            "ended": f"max by ({by}, outcome) ({select('dicom_query_outcome')} == 1)",
            "matches": f"max by ({by}) ({select('dicom_query_matches')})",
            "complete": f"min by ({by}) ({select('dicom_query_complete')})",
            "seconds": f"max by ({by}) ({select('dicom_query_duration_seconds')})",
            "pause": f"max by ({by}) ({select('dicom_query_match_interval_mean_seconds')})",
            "age": f"time() - min by ({by}) ({select('dicom_query_last_run_timestamp_seconds')})",
        },
        names={
            "query": "Query",
            "identity": "Asked by",
            "outcome": "Ended",
            "matches": "Matches",
            "complete": "Counted",
            "seconds": "Took",
            "pause": "Between matches",
            "age": "Age",
        },
        sort="Query",
        ascending=True,
        overrides=[
            column("Ended", mappings=texts(QUERY_OUTCOMES), coloured=True, width=190),
            column("Counted", mappings=yes_no(("all", "blue"), ("at least", "orange")), width=90),
            column("Took", unit="s", decimals=2, width=90),
            column("Between matches", unit="s", width=130),
            column("Age", unit="s", decimals=0, width=90),
        ],
    )


def _dashed(names: str) -> dict[str, Any]:
    style = {"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [8, 8]}}
    return {"matcher": {"id": "byRegexp", "options": names}, "properties": [style]}
