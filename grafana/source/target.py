"""*Target*: everything about one archive."""

from __future__ import annotations

from typing import Any

from grafana.source.arrivals import arrivals, canary
from grafana.source.dashboard import dashboard, to_runbook
from grafana.source.panels import (
    NO_DATA,
    Panel,
    bars,
    column,
    lay_out,
    queries,
    query,
    row,
    stat,
    strip,
    table,
    text,
    timeline,
    timeseries,
)
from grafana.source.queries import (
    ABSENT,
    LABELS,
    ONE_TARGET,
    OVER,
    US,
    alerts_since,
    by_severity,
    heading,
    is_,
    judged,
    named,
    select_one,
    since,
)
from grafana.source.target_details import CUT, ENDS, bandwidth, dicomweb, protection, software
from grafana.source.trouble import by_phase
from grafana.source.words import (
    AT_LEAST,
    JUDGED,
    LEVELS,
    OUTCOMES,
    QUERY_OUTCOMES,
    SEVERITIES,
    STATUSES,
    numbers,
    texts,
)

_LINKS = """\
[**Last probes of this target**](${exporter}/targets/${target:percentencode}), with what happened in each

[All targets](${exporter}/) · [Running configuration](${exporter}/config)
"""
NOT_MONITORED = "Not monitored: this target must stay closed, or no C-ECHO is asked for."
NO_STRANGER = "Not checked: no stranger is sent to this target."
AVAILABILITY = ((None, STATUSES[6][1]), (0.95, STATUSES[3][1]), (0.999, "transparent"))
_LEVEL = (
    f"(max by ({OVER}) ({select_one('dicom:exposure_level:last')})"
    f" + on ({OVER}) {AT_LEAST} * (1 - max by ({OVER}) ({select_one('dicom_exposure_known')})))"
)
_EXCESS = f"max by ({OVER}) ({select_one('dicom:exposure_excess')})"
_JUDGED = f"({judged(_LEVEL, _EXCESS, OVER)} or on ({OVER}) {_LEVEL})"
_ALLOWED = f"max by ({OVER}) ({select_one('dicom:exposure_level_allowed:last')})"


def target() -> dict[str, Any]:
    """The dashboard."""
    up = f"{select_one('dicom:state')} != 4 < bool 6"
    panels = lay_out(
        (4, _header()),
        (
            5,
            [
                (
                    13,
                    table(
                        "What it is",
                        "The target as the exporter's configuration has it.",
                        {"info": select_one("dicom:target_info")},
                        names={
                            "target": "Target",
                            "address": "Address",
                            "called_ae_title": "AE title",
                            "expect": "Expected",
                            "vantage": "Seen from",
                            LABELS.get()[0]: heading(LABELS.get()[0]),
                        },
                        overrides=[
                            column("Target", width=150),
                            column("Address", width=150),
                            column("AE title", width=135),
                            column("Expected", width=85),
                        ],
                        no_value=NO_DATA,
                    ),
                ),
                (
                    7,
                    strip(
                        "Available",
                        "Share of the time in which it was not down, of the time in which that is known.",
                        {
                            f"{number} {unit}": (f"avg_over_time(({up})[{number}{unit}:5m])", AVAILABILITY)
                            for number, unit in ((24, "h"), (7, "d"), (30, "d"))
                        },
                        overrides=[column(days, unit="percentunit", decimals=2) for days in ("24 h", "7 d", "30 d")],
                        no_value=NOT_MONITORED,
                    ),
                ),
                (4, text("More", _LINKS)),
            ],
        ),
        (7, [(24, _alerts())]),
        (
            8,
            [
                (
                    12,
                    timeline(
                        "C-ECHO results",
                        "How the C-ECHO of each of our identities ended.",
                        _outcome_number(),
                        "{{identity}}",
                        numbers(
                            {index: (words, colour) for index, (words, _, colour) in enumerate(OUTCOMES.values(), 1)}
                        ),
                        NOT_MONITORED,
                    ),
                ),
                (
                    12,
                    timeline(
                        "Anonymous access",
                        "How far a stranger got, for each service. `at least`: a probe could not tell whether one gets "
                        "further.",
                        named(_JUDGED),
                        f"{{{{{OVER}}}}}",
                        numbers(JUDGED),
                        NO_STRANGER,
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
                        "Time per phase",
                        "Seconds of each phase of our session, in order; phases that were not reached are missing.",
                        by_phase(lambda phase: f"max({select_one('dicom_phase_duration_seconds', US, phase)})"),
                        unit="s",
                        stacked=True,
                        no_value=NOT_MONITORED,
                    ),
                ),
                (
                    12,
                    timeseries(
                        "Probe time used",
                        "Share of the timeout that the probe of each identity needed. If it needs all of it, its "
                        "results may be "
                        "incomplete.",
                        [
                            query(
                                f"max by (identity) ({select_one('dicom_probe_duration_seconds')}"
                                f" / {select_one('dicom_probe_timeout_seconds')})",
                                "{{identity}}",
                            )
                        ],
                        unit="percentunit",
                        decimals=1,
                        no_value=NO_DATA,
                    ),
                ),
            ],
        ),
        row(
            "Queries",
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
                                    "topk(20, max by (query, attribute, value) "
                                    f"({select_one('dicom_query_matches_by')}))",
                                    "{{value}} · {{query}}",
                                    instant=True,
                                )
                            ],
                            no_value="No query of this target has count_by, or none was answered.",
                        ),
                    ),
                ],
            ),
            (8, _query_times()),
        ),
        row("Protection and TLS", *protection()),
        row("DICOMweb", dicomweb()),
        row("Software, flows, bandwidth", software(), bandwidth(), arrivals(), canary()),
    )
    return dashboard("target", "One DICOM archive: everything that is known of it.", panels, one_target=True)


def _header() -> list[tuple[int, Panel]]:
    return [
        (
            5,
            stat(
                "Verdict",
                "The worst that is found.",
                f"max({select_one('dicom:status')})",
                mappings=numbers(STATUSES),
                unit="none",
            ),
        ),
        (
            4,
            stat(
                "Since",
                "A restart of Prometheus or of the exporter, or a probe that cannot tell, does not reset it.",
                f"max({since(ONE_TARGET)}) and on () (max({select_one('dicom:status')}) > 0)",
                unit="dateTimeFromNow",
                no_value="-",
            ),
        ),
        (
            4,
            stat(
                "C-ECHO",
                "How our C-ECHO ended.",
                f"max({_outcome_number()})",
                mappings=numbers(
                    {index: (words, colour) for index, (words, _, colour) in enumerate(OUTCOMES.values(), 1)}
                ),
                unit="none",
                no_value="not monitored",
            ),
        ),
        (
            7,
            strip(
                "Policy",
                "How far a stranger gets with the worst service, and what `expect` allows there.",
                {
                    "Anonymous access": (f"max({_JUDGED})", []),
                    "Allowed": (f"min({_ALLOWED}) or {ABSENT} + 0 * max({_LEVEL})", []),
                },
                overrides=[
                    column("Anonymous access", mappings=numbers(JUDGED), unit="none"),
                    column(
                        "Allowed",
                        mappings=numbers(
                            {level: (words, "transparent") for level, (words, _) in LEVELS.items()}
                            | {ABSENT: ("no limit set", "transparent")}
                        ),
                        unit="none",
                    ),
                ],
                no_value="not checked",
            ),
        ),
        (
            4,
            stat(
                "Certificate",
                "The first that expires, of DICOM over TLS and of DICOMweb.",
                f"min({select_one('dicom:certificate_expiry:last')}) / 86400 - time() / 86400",
                unit="suffix: days",
                steps=ENDS,
                decimals=0,
                no_value="no TLS",
            ),
        ),
    ]


def _alerts() -> Panel:
    return table(
        "Alerts",
        "What Prometheus' rules say of it now. The link of an alert leads to what to do.",
        {
            "since": alerts_since(ONE_TARGET, "alertname"),
            "rank": by_severity(ONE_TARGET, "alertstate"),
        },
        names={"rank": "Severity", "alertname": "Alert", "since": "Since", "alertstate": "State"},
        sort="Severity",
        overrides=[
            column("Severity", mappings=numbers(SEVERITIES), coloured=True, width=90),
            column("Alert", links=to_runbook(), width=280),
            column("Since", unit="dateTimeFromNow", width=130),
        ],
        no_value="No alert, or Prometheus has not loaded the rules of prometheus/rules.",
    )


def _outcome_number() -> str:
    """The outcome of the C-ECHO, or else of the association, for each identity, as its index in `words.OUTCOMES`."""
    echo, association = (
        " or ".join(
            f"{index} * ({select_one(metric, *of, is_('outcome', name))} == 1)"
            for index, name in enumerate(OUTCOMES, 1)
        )
        for metric, of in (("dicom_echo_outcome", (US,)), ("dicom:association_outcome:last", ()))
    )
    return f"max by (identity) ({echo}) or max by (identity) ({association})"


def _query_times() -> list[tuple[int, Panel]]:
    none = "No query is configured for this target, or none was answered."
    return [
        (
            8,
            timeseries(
                "Matches",
                "How many entities each query lists; a lower bound if the table above says `at least`.",
                [query(f"max by (query, identity) ({select_one('dicom_query_matches', US)})", "{{query}}")],
                no_value=none,
            ),
        ),
        (
            8,
            timeseries(
                "Query time",
                "Seconds from the request to the last response.",
                [query(f"max by (query) ({select_one('dicom_query_duration_seconds', US)})", "{{query}}")],
                unit="s",
                no_value=none,
            ),
        ),
        (
            8,
            timeseries(
                "Between matches",
                "Seconds to the first match, and the longest pause between two: where an archive is slow.",
                queries(
                    (f"max by (query) ({select_one('dicom_query_first_match_seconds', US)})", "{{query}}: first"),
                    (
                        f"max by (query) ({select_one('dicom_query_match_interval_max_seconds', US)})",
                        "{{query}}: longest pause",
                    ),
                ),
                unit="s",
                no_value=none,
            ),
        ),
    ]


def _queries() -> Panel:
    by = "identity, query"
    return table(
        "Queries",
        "Each query of the configuration (C-FIND), and those of a stranger: how it ended, and what it listed. "
        "`at least` means that there are more than were counted.",
        {
            "ended": f"max by ({by}, outcome) ({select_one('dicom_query_outcome')} == 1)",
            "matches": f"max by ({by}) ({select_one('dicom_query_matches')})",
            "complete": f"min by ({by}) ({select_one('dicom_query_complete')})",
            "seconds": f"max by ({by}) ({select_one('dicom_query_duration_seconds')})",
            "pause": f"max by ({by}) ({select_one('dicom_query_match_interval_mean_seconds')})",
            "age": f"time() - min by ({by}) ({select_one('dicom_query_last_run_timestamp_seconds')})",
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
            column("Counted", mappings=CUT, width=90),
            column("Took", unit="s", decimals=2, width=90),
            column("Between matches", unit="s", width=130),
            column("Age", unit="s", decimals=0, width=90),
        ],
        no_value="No query is configured for this target, or it was not asked yet.",
    )
