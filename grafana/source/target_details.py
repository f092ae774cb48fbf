"""*Target*, its lower half: how the archive is protected, who it is, and what else it does."""

from __future__ import annotations

from grafana.source.dashboard import to_target
from grafana.source.panels import Line, column, query, row, table, timeseries
from grafana.source.queries import EXPORTER, KEYS, select
from grafana.source.words import CHECKS, texts, yes_no

ENDS = ((None, "red"), (3 * 86400, "orange"), (21 * 86400, "blue"))
"""Thresholds of the seconds until a certificate ends: those of the alerts."""

_PLACE = f"{KEYS}, identity"
_SERVICES = {
    "verification": "C-ECHO: are you there?",
    "study_find": "query studies",
    "patient_find": "query patients",
    "worklist_find": "query the worklist",
    "study_get": "retrieve (C-GET)",
    "study_move": "have images sent (C-MOVE)",
    "storage": "store images",
}
_EXPIRY = "dicom_tls_certificate_expiry_timestamp_seconds"
_REJECTED = "dicom_association_rejected_info"
_YES_NO = yes_no(("yes", "blue"), ("no", "orange"))


def protection() -> list[Line]:
    """What strangers find, what it offers, and TLS."""
    return [
        row("How it is protected"),
        (
            9,
            [
                (
                    8,
                    table(
                        "What strangers find",
                        "Single facts beside the level. A fact that is missing is not known.",
                        {"holds": f"max by (check) ({select('dicom_exposure_check')})"},
                        names={"check": "What", "holds": "So?"},
                        sort="So?",
                        overrides=[
                            column("What", mappings=texts(CHECKS)),
                            column("So?", mappings=yes_no(("yes", "orange"), ("no", "blue")), coloured=True, width=70),
                        ],
                        no_value="Strangers are not sent here, or nothing is known.",
                    ),
                ),
                (
                    8,
                    table(
                        "Services it accepts",
                        "What the archive is willing to talk about, with us and with strangers. "
                        "Willing is not allowed: it may still refuse.",
                        {"accepted": f"max by (sop_class, identity) ({select('dicom_service_accepted')})"},
                        names={"sop_class": "Service", "identity": "With", "accepted": "Accepts"},
                        sort="With",
                        ascending=True,
                        overrides=[
                            column("Service", mappings=texts(_SERVICES)),
                            column("Accepts", mappings=yes_no(("yes", "text"), ("no", "text")), width=90),
                        ],
                        no_value="No association came about.",
                    ),
                ),
                (
                    8,
                    table(
                        "TLS",
                        "DICOM over TLS, for each identity that speaks it.",
                        {
                            "info": f"max by ({_PLACE}, version, cipher) ({select('dicom_tls_info')})",
                            "trusted": f"max by ({_PLACE}) ({select('dicom_tls_certificate_trusted')})",
                            "client": f"max by ({_PLACE}) ({select('dicom_tls_client_certificate_required')})",
                            "ends": f"max by ({_PLACE}) ({select(_EXPIRY)}) - time()",
                        },
                        names={
                            "identity": "Identity",
                            "version": "Version",
                            "cipher": "Cipher",
                            "trusted": "Trusted",
                            "client": "Wants ours",
                            "ends": "Ends in",
                        },
                        no_value="No TLS was spoken, or there is no data.",
                        overrides=[
                            column("Trusted", mappings=_YES_NO),
                            column("Wants ours", mappings=_YES_NO),
                            column("Ends in", unit="dtdurations", decimals=1, coloured=True, steps=ENDS),
                        ],
                    ),
                ),
            ],
        ),
    ]


def others() -> list[Line]:
    """Who it is, DICOMweb, flows, bandwidth."""
    return [
        row("Who it is, DICOMweb, flows, bandwidth"),
        (
            7,
            [
                (
                    8,
                    table(
                        "Who it says it is",
                        "Its own words, and the product that we take it for.",
                        {
                            "peer": f"max by ({_PLACE}, product, implementation_version, implementation_class_uid) "
                            f"({select('dicom_peer_info')})",
                            "pdu": f"max by ({_PLACE}) ({select('dicom_peer_max_pdu_bytes')})",
                        },
                        names={
                            "identity": "Asked by",
                            "product": "Product",
                            "implementation_version": "Version",
                            "implementation_class_uid": "Class UID",
                            "pdu": "Longest PDU",
                        },
                        overrides=[column("Longest PDU", unit="bytes")],
                    ),
                ),
                (
                    8,
                    table(
                        "Published advisories, and refusals",
                        "Advisories that its own version name leaves no doubt about, and "
                        "the reason of each refusal that we got.",
                        {
                            "advisory": f"max by (id) ({select('dicom_peer_advisory')})",
                            "rejected": f"max by (identity, reason, result) ({select(_REJECTED)})",
                        },
                        names={"id": "Advisory", "identity": "Refused", "reason": "Reason", "result": "For"},
                        overrides=[
                            column(
                                "Advisory",
                                links=[
                                    {
                                        "title": "${__value.raw}",
                                        "targetBlank": True,
                                        "url": "https://nvd.nist.gov/vuln/detail/${__value.raw}",
                                    }
                                ],
                            )
                        ],
                        no_value="No advisory is known to concern it, and nobody was refused; that proves nothing.",
                    ),
                ),
                (
                    8,
                    table(
                        "Flows that it is part of",
                        "Studies that the source lists and the destination does not.",
                        {
                            "missing": "max by (source, destination) ("
                            f'dicom_flow_missing_studies{{{EXPORTER}, source=~"$target"}} or '
                            f'dicom_flow_missing_studies{{{EXPORTER}, destination=~"$target"}})'
                        },
                        names={"source": "From", "destination": "To", "missing": "Not arrived"},
                        overrides=[
                            column("Not arrived", coloured=True, steps=[(None, "blue"), (1, "orange")]),
                            column("From", links=to_target()),
                            column("To", links=to_target()),
                        ],
                        no_value="It is in no flow that could be compared.",
                    ),
                ),
            ],
        ),
        (
            8,
            [
                (
                    8,
                    table(
                        "DICOMweb",
                        "Its web service (QIDO-RS), asked by us and by a stranger.",
                        {
                            "success": f"max by (identity) ({select('dicomweb_success')})",
                            "status": f"max by (identity) ({select('dicomweb_http_status_code')})",
                            "login": f"max by (identity) ({select('dicomweb_authentication_required')})",
                            "studies": f"max by (identity) ({select('dicomweb_studies_visible')})",
                            "complete": f"min by (identity) ({select('dicomweb_studies_complete')})",
                            "software": f"max by (identity, server) ({select('dicomweb_server_info')})",
                        },
                        names={
                            "identity": "Asked by",
                            "success": "Answers",
                            "status": "HTTP",
                            "login": "Login",
                            "studies": "Studies",
                            "complete": "Counted",
                            "server": "Server",
                        },
                        no_value="No DICOMweb address is configured for this target, or there is no data.",
                        overrides=[
                            column("Answers", mappings=_YES_NO),
                            column("Login", mappings=_YES_NO),
                            column("Counted", mappings=yes_no(("all", "blue"), ("at least", "orange"))),
                        ],
                    ),
                ),
                (
                    8,
                    timeseries(
                        "DICOMweb: where the time goes",
                        "Seconds of each phase of the first request.",
                        [query(f"max by (phase) ({select('dicomweb_duration_seconds')})", "{{phase}}")],
                        unit="s",
                        stacked=True,
                        no_value="No DICOMweb address is configured for this target, or no data.",
                    ),
                ),
                (
                    8,
                    timeseries(
                        "Bandwidth",
                        "Bytes a second that it took in the bandwidth test.",
                        [
                            query(
                                f"max by (identity) ({select('dicom_store_bytes')} / "
                                f"{select('dicom_store_duration_seconds')})",
                                "as {{identity}}",
                            )
                        ],
                        unit="Bps",
                        no_value="No bandwidth test is configured for this target, or none was taken.",
                    ),
                ),
            ],
        ),
    ]
