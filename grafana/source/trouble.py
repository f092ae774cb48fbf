"""*Fleet*, its middle: what is slow, full or late now, and will be trouble."""

from __future__ import annotations

from grafana.source.dashboard import to_target
from grafana.source.panels import Line, bars, column, query, row, table
from grafana.source.queries import ANSWER_SECONDS, EXPORTER, KEYS, US, chosen, per_target, select
from grafana.source.target_details import ENDS
from grafana.source.words import QUERY_OUTCOMES


def trouble() -> list[Line]:
    """Slow answers, timeouts, certificates, queries, flows, bandwidth."""
    share = f"{select('dicom_probe_duration_seconds')} / {select('dicom_probe_timeout_seconds')}"
    expiry = f"min by ({KEYS}) ({select('dicom_tls_certificate_expiry_timestamp_seconds')})"
    return [
        row("What will be trouble"),
        (
            9,
            [
                (
                    8,
                    bars(
                        "Slowest answers",
                        "The ten archives that take longest to answer a C-ECHO.",
                        [query(f"topk(10, {per_target(chosen(ANSWER_SECONDS))})", "{{target}}", instant=True)],
                        unit="s",
                        steps=[(None, "blue"), (1, "orange"), (5, "red")],
                    ),
                ),
                (
                    8,
                    bars(
                        "Closest to the timeout",
                        "Share of its time that a probe needed. If it needs all of it, its results may be incomplete.",
                        [query(f"topk(10, {per_target(chosen(share))})", "{{target}}", instant=True)],
                        unit="percentunit",
                        highest=1,
                        steps=[(None, "blue"), (0.7, "orange"), (0.9, "red")],
                    ),
                ),
                (
                    8,
                    table(
                        "Certificates that end first",
                        "Of DICOM over TLS; the first to expire of each verified chain.",
                        {"ends": f"bottomk(50, {per_target(f'({chosen(expiry)}) - time()')})"},
                        names={"target": "Target", "site": "Site", "ends": "Ends in"},
                        sort="Ends in",
                        ascending=True,
                        overrides=[
                            column(
                                "Ends in",
                                unit="dtdurations",
                                decimals=0,
                                coloured=True,
                                steps=ENDS,
                            ),
                            column("Target", links=to_target()),
                        ],
                        no_value="No certificate was seen: no archive here is asked over TLS, or there is no data.",
                    ),
                ),
            ],
        ),
        (
            9,
            [
                (
                    8,
                    bars(
                        "How queries ended",
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
                    ),
                ),
                (
                    8,
                    table(
                        "Studies on their way",
                        "Flows that are compared: studies that the source lists and the destination "
                        "does not. Some are always on their way; what matters is whether the number goes down again.",
                        {"missing": f"max by (source, destination) (dicom_flow_missing_studies{{{EXPORTER}}})"},
                        names={"source": "From", "destination": "To", "missing": "Not arrived"},
                        sort="Not arrived",
                        overrides=[
                            column("Not arrived", coloured=True, steps=[(None, "blue"), (1, "orange")]),
                            column("From", links=to_target()),
                            column("To", links=to_target()),
                        ],
                        no_value="No flow could be compared: none is configured, or a count was not complete.",
                    ),
                ),
                (
                    8,
                    bars(
                        "Bandwidth of stores",
                        "Bytes a second that an archive took in the bandwidth test.",
                        [query(f"bottomk(10, {per_target(chosen(_bandwidth()))})", "{{target}}", instant=True)],
                        unit="Bps",
                        no_value="No bandwidth test is configured, or none was taken.",
                    ),
                ),
            ],
        ),
    ]


def _bandwidth() -> str:
    return f"{select('dicom_store_bytes')} / {select('dicom_store_duration_seconds')}"
