"""*Fleet*, what is below: certificates, and the closed rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dicom_exporter.enums import Phase
from grafana.source.dashboard import to_target
from grafana.source.panels import Line, Panel, bars, column, queries, query, row, stat, table, text, timeseries
from grafana.source.queries import (
    ANSWER_SECONDS,
    EXPORTER,
    FAILED,
    OVER,
    US,
    chosen,
    per_target,
    select,
)
from grafana.source.target_details import ENDS
from grafana.source.words import BAD, GOOD, OUTCOMES, QUERY_OUTCOMES, SERVICES, WARNING, numbers, texts

_ABOUT = """\
**DICOM** is how medical images travel. An *archive* (PACS) stores a hospital's images; a **C-ECHO** asks it \
"are you there?", as scanners and workstations do before they work with it.

**EXPOSED**: strangers get further than `expect` allows. **DOWN**: it does not answer. **Unknown**: it could not be \
determined, and unknown is not safe. **Rejects monitor**: it answers, but does not accept our AE title or question: \
its configuration has changed. **Busy**: it has no free association now. **Trouble**: a query, a store or another \
request fails.

An archive that must stay closed is not monitored; only whether strangers reach it is tested.
"""
_NO_ECHO = "No target here is asked for a C-ECHO: those that must stay closed are not monitored."


def certificates() -> Panel:
    """The table of certificates, of DICOM over TLS and of DICOMweb."""
    left = f"{chosen(select('dicom:certificate_expiry:last'))} / 86400 - time() / 86400"
    return table(
        "Certificates that expire first",
        "The first certificate of each chain that expires; of DICOM over TLS, and of DICOMweb. The first 50.",
        {"left": f"bottomk(50, {per_target(left, OVER)})"},
        names={"left": "Expires in", "target": "Target", OVER: "Over"},
        sort="Expires in",
        ascending=True,
        overrides=[
            column("Expires in", unit="suffix: days", decimals=0, coloured=True, steps=ENDS, width=95),
            column("Target", links=to_target()),
            column("Over", mappings=texts(SERVICES), width=85),
        ],
        no_value="No certificate was seen: no target here is asked over TLS.",
    )


def by_phase(sessions: Callable[[str], str]) -> list[dict[str, Any]]:
    """One query for each phase, in the order in which they happen: that of the stack. `sessions`: matcher -> query."""
    return queries(*((sessions(f'phase="{phase}"'), phase.value) for phase in Phase))


def details() -> list[Line]:
    """Rows that are closed at first."""
    share = f"{select('dicom_probe_duration_seconds')} / {select('dicom_probe_timeout_seconds')}"
    return [
        row(
            "C-ECHO and time",
            (
                9,
                [
                    (
                        12,
                        timeseries(
                            "C-ECHO results",
                            "Targets by how the C-ECHO ended; those that answer are left out.",
                            [
                                query(
                                    "count by (outcome) ("
                                    f"{chosen(select('dicom_echo_outcome', US, FAILED) + ' == 1')})",
                                    "{{outcome}}",
                                )
                            ],
                            stacked=True,
                            decimals=0,
                            overrides=[
                                column(name, displayName=words, colour=colour)
                                for name, (words, _, colour) in OUTCOMES.items()
                                if name != "success"
                            ],
                            no_value="No failure: every C-ECHO in this range was answered, or none was asked.",
                            legend_calcs=["lastNotNull"],
                        ),
                    ),
                    (
                        12,
                        timeseries(
                            "Time per phase",
                            "Mean seconds of each phase of our sessions, of all targets that got so far.",
                            by_phase(lambda phase: f"avg({chosen(select('dicom_phase_duration_seconds', US, phase))})"),
                            unit="s",
                            stacked=True,
                            no_value=_NO_ECHO,
                        ),
                    ),
                ],
            ),
            (
                9,
                [
                    (
                        12,
                        bars(
                            "Slowest answers",
                            "The ten targets that take longest to answer a C-ECHO, of those that answer.",
                            [query(f"topk(10, {per_target(chosen(ANSWER_SECONDS))})", "{{target}}", instant=True)],
                            unit="s",
                            steps=[(None, GOOD), (1, WARNING), (5, BAD)],
                            no_value=_NO_ECHO,
                        ),
                    ),
                    (
                        12,
                        bars(
                            "Probe time used",
                            "Share of the timeout that a probe needed. If it needs all of it, its results may be "
                            "incomplete.",
                            [query(f"topk(10, {per_target(chosen(share))})", "{{target}}", instant=True)],
                            unit="percentunit",
                            highest=1,
                            decimals=1,
                            steps=[(None, GOOD), (0.7, WARNING), (0.9, BAD)],
                            no_value="No probe has ended yet.",
                        ),
                    ),
                ],
            ),
        ),
        row("Queries, flows, bandwidth", _queries_and_flows()),
        row("The exporter", _exporter(), (6, [(24, text("What this shows", _ABOUT))])),
    ]


def _queries_and_flows() -> Line:
    return (
        9,
        [
            (
                8,
                bars(
                    "Query results",
                    "Queries of the configuration (C-FIND), by how they ended now.",
                    [
                        query(
                            f"count by (outcome) ({chosen(select('dicom_query_outcome', US) + ' == 1')})",
                            "{{outcome}}",
                            instant=True,
                        )
                    ],
                    overrides=[
                        column(name, displayName=words, colour=colour)
                        for name, (words, colour) in QUERY_OUTCOMES.items()
                    ],
                    no_value="No query is configured for these targets.",
                ),
            ),
            (
                8,
                table(
                    "Missing studies",
                    "Flows that are compared: studies that the source lists and the destination does not. Some are "
                    "always on "
                    "their way; the number must go down again.",
                    {"missing": f"max by (source, destination) (dicom_flow_missing_studies{{{EXPORTER}}})"},
                    names={"source": "From", "destination": "To", "missing": "Missing"},
                    sort="Missing",
                    overrides=[
                        column("Missing", coloured=True, steps=[(None, "transparent"), (1, WARNING)]),
                        column("From", links=to_target()),
                        column("To", links=to_target()),
                    ],
                    no_value="No flow could be compared: none is configured, or a count was not complete.",
                ),
            ),
            (
                8,
                bars(
                    "Bandwidth",
                    "Bytes per second that a target stored in the bandwidth test: the ten slowest.",
                    [query(f"bottomk(10, {per_target(chosen(_bandwidth()))})", "{{target}}", instant=True)],
                    unit="Bps",
                    no_value="No bandwidth test is configured, or none was run.",
                ),
            ),
        ],
    )


def _exporter() -> Line:
    scrapes = f"scrape_duration_seconds{{{EXPORTER}}}"
    return (
        9,
        [
            (
                9,
                timeseries(
                    "Scrape time",
                    "Seconds that the scrapes of the exporter took.",
                    queries((f"max({scrapes})", "longest"), (f"quantile(0.5, {scrapes})", "median")),
                    unit="s",
                    no_value="Prometheus does not scrape the exporter.",
                ),
            ),
            (
                5,
                stat(
                    "Failed scrapes",
                    "Scrapes that fail now: what is shown of their targets is old.",
                    f"count(up{{{EXPORTER}}} == 0) or 0 * count(up{{{EXPORTER}}})",
                    bad=BAD,
                    no_value="Prometheus does not scrape the exporter.",
                ),
            ),
            (
                5,
                stat(
                    "Configuration",
                    "Whether the configuration was valid when it was last read.",
                    f"min(dicom_exporter_config_last_reload_successful{{{EXPORTER}}})",
                    mappings=numbers({1: ("valid", GOOD), 0: ("reload FAILED", BAD)}),
                    unit="none",
                    no_value="unknown: no /metrics of an exporter is chosen above",
                ),
            ),
            (
                5,
                stat(
                    "Credential files",
                    "Files of identities that cannot be used now: their last valid contents are in use.",
                    f"sum(dicom_exporter_credential_file_stale{{{EXPORTER}}}) or 0 * count(up{{{EXPORTER}}})",
                    bad=BAD,
                    no_value="unknown: no /metrics of an exporter is chosen above",
                ),
            ),
        ],
    )


def _bandwidth() -> str:
    return f"{select('dicom_store_bytes')} / {select('dicom_store_duration_seconds')}"
