"""*Target*, its lower half: how the archive is protected, who it is, and what else it does."""

from __future__ import annotations

from dicom_exporter.enums import HTTP_PHASES
from grafana.source.dashboard import to_target
from grafana.source.panels import Line, Panel, column, queries, query, table, timeseries
from grafana.source.queries import EXPORTER, KEYS, select_one
from grafana.source.words import BAD, CHECKS, GOOD, NOTE, WARNING, texts, yes_no

ENDS = ((None, BAD), (3, WARNING), (21, GOOD))
"""Thresholds of the days until a certificate ends: those of the alerts."""

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
_YES_NO = yes_no(("yes", GOOD), ("no", WARNING))
CUT = yes_no(("all", GOOD), ("at least", NOTE))
"""Whether a count is complete."""


def protection() -> list[Line]:
    """What strangers find, what it offers, and TLS."""
    return [
        (
            9,
            [
                (
                    8,
                    table(
                        "Checks",
                        "Single facts beside the level. A fact that is missing is not known.",
                        {"holds": f"max by (check) ({select_one('dicom_exposure_check')})"},
                        names={"check": "Check", "holds": "Result"},
                        sort="Result",
                        overrides=[
                            column("Check", mappings=texts(CHECKS)),
                            column(
                                "Result",
                                mappings=yes_no(("FAILED", WARNING), ("passed", GOOD)),
                                coloured=True,
                                width=70,
                            ),
                        ],
                        no_value="Not checked: no stranger is sent to this target, or nothing is known.",
                    ),
                ),
                (
                    8,
                    table(
                        "Services it accepts",
                        "What the archive is willing to talk about, with us and with strangers. "
                        "Willing is not allowed: it may still refuse.",
                        {"accepted": f"max by (sop_class, identity) ({select_one('dicom_service_accepted')})"},
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
                            "info": f"max by ({_PLACE}, version, cipher) ({select_one('dicom_tls_info')})",
                            "trusted": f"max by ({_PLACE}) ({select_one('dicom_tls_certificate_trusted')})",
                            "client": f"max by ({_PLACE}) ({select_one('dicom_tls_client_certificate_required')})",
                            "ends": f"max by ({_PLACE}) ({select_one(_EXPIRY)}) / 86400 - time() / 86400",
                        },
                        names={
                            "identity": "Identity",
                            "version": "Version",
                            "cipher": "Cipher",
                            "trusted": "Trusted",
                            "client": "Wants ours",
                            "ends": "Ends in",
                        },
                        no_value="No TLS was spoken.",
                        overrides=[
                            column("Trusted", mappings=_YES_NO),
                            column("Wants ours", mappings=_YES_NO),
                            column("Ends in", unit="suffix: days", decimals=0, coloured=True, steps=ENDS),
                        ],
                    ),
                ),
            ],
        ),
        (7, _accepted_tls()),
    ]


def _accepted_tls() -> list[tuple[int, Panel]]:
    """What it accepts in handshakes that are abandoned."""
    not_tried = "Not tried: `tls: true` of a module's `exposure` asks for it."
    accepts = column("Accepts", mappings=yes_no(("yes", "text"), ("no", "text")), width=90)
    kept = column("Kept", mappings=yes_no(("yes", GOOD), ("no", WARNING)), coloured=True, width=70)
    return [
        (
            6,
            table(
                "Versions of TLS",
                "Which versions each service accepts.",
                {"accepted": f"max by (protocol, version) ({select_one('dicom_tls_version_accepted')})"},
                names={"protocol": "Service", "version": "Version", "accepted": "Accepts"},
                sort="Version",
                overrides=[accepts],
                no_value=not_tried,
            ),
        ),
        (
            6,
            table(
                "Weak cipher suites",
                "Which classes of cipher suites each service accepts.",
                {"accepted": f"max by (protocol, suites) ({select_one('dicom_tls_suites_accepted')})"},
                names={"protocol": "Service", "suites": "Class", "accepted": "Accepts"},
                sort="Accepts",
                overrides=[accepts],
                no_value=not_tried,
            ),
        ),
        (
            6,
            table(
                "Profiles of PS3.15",
                "Whether each service keeps them: bcp195 is B.12, modified is B.13. What is missing is not known.",
                {"kept": f"min by (protocol, profile) ({select_one('dicom_tls_profile_kept')})"},
                names={"protocol": "Service", "profile": "Profile", "kept": "Kept"},
                sort="Profile",
                overrides=[kept],
                no_value=not_tried,
            ),
        ),
        (
            6,
            table(
                "Keys",
                "The size of the keys of the certificates, and of the group of Diffie-Hellman, in bits.",
                {
                    "key": f"min by (protocol, algorithm) ({select_one('dicom_tls_certificate_key_size')})",
                    "dh": f"min by (protocol) ({select_one('dicom_tls_dh_size')})",
                },
                names={"protocol": "Service", "algorithm": "Key", "key": "Size", "dh": "DH"},
                no_value="No TLS was spoken.",
            ),
        ),
    ]


def _web_seconds(phase: str) -> str:
    matcher = f'phase="{phase}"'
    return f"max({select_one('dicomweb_duration_seconds', matcher)})"


def dicomweb() -> Line:
    """Its web service."""
    return (
        8,
        [
            (
                14,
                table(
                    "DICOMweb",
                    "Its web service (QIDO-RS), asked by us and by a stranger.",
                    {
                        "success": f"max by (identity) ({select_one('dicomweb_success')})",
                        "status": f"max by (identity) ({select_one('dicomweb_http_status_code')})",
                        "login": f"max by (identity) ({select_one('dicomweb_authentication_required')})",
                        "scheme": f"max by (identity, scheme) ({select_one('dicomweb_login_scheme')})",
                        "studies": f"max by (identity) ({select_one('dicomweb_studies_visible')})",
                        "complete": f"min by (identity) ({select_one('dicomweb_studies_complete')})",
                        "software": f"max by (identity, server) ({select_one('dicomweb_server_info')})",
                    },
                    names={
                        "identity": "Asked by",
                        "success": "Answers",
                        "status": "HTTP",
                        "login": "Login",
                        "scheme": "Scheme",
                        "studies": "Studies",
                        "complete": "Counted",
                        "server": "Server",
                    },
                    no_value="No DICOMweb address is configured for this target.",
                    overrides=[
                        column("Answers", mappings=_YES_NO),
                        column("Login", mappings=_YES_NO),
                        column("Counted", mappings=CUT),
                    ],
                ),
            ),
            (
                10,
                timeseries(
                    "Time per phase, DICOMweb",
                    "Seconds of each phase of the first request.",
                    queries(*((_web_seconds(phase), phase.value) for phase in HTTP_PHASES)),
                    unit="s",
                    stacked=True,
                    no_value="No DICOMweb address is configured for this target.",
                ),
            ),
        ],
    )


def software() -> Line:
    """What it says that it is, and its flows."""
    return (
        7,
        [
            (
                8,
                table(
                    "Software",
                    "What it says of itself, and the product that this belongs to.",
                    {
                        "peer": f"max by ({_PLACE}, product, implementation_version, implementation_class_uid) "
                        f"({select_one('dicom_peer_info')})",
                        "year": f"max by ({_PLACE}) ({select_one('dicom_peer_release_year')})",
                        "pdu": f"max by ({_PLACE}) ({select_one('dicom_peer_max_pdu_bytes')})",
                    },
                    names={
                        "identity": "Asked by",
                        "product": "Product",
                        "implementation_version": "Version",
                        "implementation_class_uid": "Class UID",
                        "year": "Released",
                        "pdu": "Longest PDU",
                    },
                    overrides=[column("Longest PDU", unit="bytes")],
                    no_value="No association was accepted: it has not said what it is.",
                ),
            ),
            (
                8,
                table(
                    "Advisories and rejections",
                    "Published advisories that its version is affected by, and the reason of each rejection.",
                    {
                        "advisory": f"max by (id) ({select_one('dicom_peer_advisory')})",
                        "rejected": f"max by (identity, reason, result) ({select_one(_REJECTED)})",
                    },
                    names={"id": "Advisory", "identity": "Rejected", "reason": "Reason", "result": "For"},
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
                    no_value="No advisory is known to affect it, and nobody was rejected.",
                ),
            ),
            (
                8,
                table(
                    "Flows",
                    "Studies that the source lists and the destination does not, or with fewer images.",
                    {
                        "missing": "max by (source, destination) ("
                        f'dicom_flow_missing_studies{{{EXPORTER}, source="$target"}} or '
                        f'dicom_flow_missing_studies{{{EXPORTER}, destination="$target"}})',
                        "incomplete": "max by (source, destination) ("
                        f'dicom_flow_incomplete_studies{{{EXPORTER}, source="$target"}} or '
                        f'dicom_flow_incomplete_studies{{{EXPORTER}, destination="$target"}})',
                        "oldest": "max by (source, destination) ("
                        f'dicom_flow_oldest_missing_seconds{{{EXPORTER}, source="$target"}} or '
                        f'dicom_flow_oldest_missing_seconds{{{EXPORTER}, destination="$target"}})',
                    },
                    names={
                        "source": "From",
                        "destination": "To",
                        "missing": "Missing",
                        "oldest": "Missing for",
                        "incomplete": "Incomplete",
                    },
                    overrides=[
                        column("Missing for", unit="s"),
                        column("Missing", coloured=True, steps=[(None, "transparent"), (1, WARNING)]),
                        column("Incomplete", coloured=True, steps=[(None, "transparent"), (1, WARNING)]),
                        column("From", links=to_target()),
                        column("To", links=to_target()),
                    ],
                    no_value="It is in no flow that could be compared.",
                ),
            ),
        ],
    )


def bandwidth() -> Line:
    """The bandwidth test."""
    return (
        8,
        [
            (
                24,
                timeseries(
                    "Bandwidth",
                    "Bytes a second that it took in the bandwidth test.",
                    [
                        query(
                            f"max by (identity) ({select_one('dicom_store_bytes')} / "
                            f"{select_one('dicom_store_duration_seconds')})",
                            "as {{identity}}",
                        )
                    ],
                    unit="Bps",
                    no_value="No bandwidth test is configured for this target, or none was run.",
                ),
            ),
        ],
    )
