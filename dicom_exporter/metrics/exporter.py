"""What the exporter says of itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from prometheus_client import Metric

from dicom_exporter.metrics.families import NO_LABELS, Family, collect, single


@dataclass(frozen=True, slots=True)
class ExporterFacts:
    """What the exporter knows about itself; times are Unix times in seconds."""

    version: str
    python_version: str
    reload_successful: bool
    reload_success_time: float | None
    reloads: Mapping[str, int]
    """By result: success, failure."""
    probes_in_flight: int
    probes: Mapping[str, int]
    """By the outcome of the C-ECHO or the association."""
    unknown_target_requests: int
    denied_target_requests: int
    requests_in_flight: int
    requests: Mapping[str, int]
    """By status code."""
    requests_refused: Mapping[str, int]
    """By what there was too much of."""
    bad_requests: Mapping[str, int]
    """By what was wrong with them."""
    stale_credential_files: Mapping[tuple[str, str], bool]
    """Identity and key of the configuration of each file that holds credentials -> whether it cannot be used."""


EXPORTER_FAMILIES: tuple[Family[ExporterFacts], ...] = (
    Family(
        "dicom_exporter_build_info",
        "The running version of the exporter.",
        lambda facts: (({"version": facts.version, "python_version": facts.python_version}, 1.0),),
    ),
    Family(
        "dicom_exporter_config_last_reload_successful",
        "Whether the configuration was valid when it was last read.",
        single(lambda facts: facts.reload_successful),
    ),
    Family(
        "dicom_exporter_config_last_reload_success_timestamp_seconds",
        "Unix time at which the running configuration was read.",
        single(lambda facts: facts.reload_success_time),
    ),
    Family(
        "dicom_exporter_config_reloads_total",
        "Reloads since the start, by result.",
        lambda facts: [({"result": result}, float(count)) for result, count in facts.reloads.items()],
        type="counter",
    ),
    Family(
        "dicom_exporter_credential_file_stale",
        "1 if a file of an identity (password, token, certificate, key, authorities) cannot be used now, so that its"
        " last good contents are in use.",
        lambda facts: [
            ({"identity": identity, "key": key}, float(stale))
            for (identity, key), stale in facts.stale_credential_files.items()
        ],
    ),
    Family(
        "dicom_exporter_probes_in_flight",
        "Probes that are under way.",
        single(lambda facts: facts.probes_in_flight),
    ),
    Family(
        "dicom_exporter_probes_total",
        "Probes by an identity that have ended, by the outcome of the C-ECHO; without one, of the association.",
        lambda facts: [({"outcome": outcome}, float(count)) for outcome, count in facts.probes.items()],
        type="counter",
    ),
    Family(
        "dicom_exporter_unknown_target_requests_total",
        "Requests to /probe for a target that the configuration does not have.",
        single(lambda facts: facts.unknown_target_requests),
        type="counter",
    ),
    Family(
        "dicom_exporter_denied_target_requests_total",
        "Requests to /probe for an address that probe.allow does not let it probe.",
        single(lambda facts: facts.denied_target_requests),
        type="counter",
    ),
    Family(
        "dicom_exporter_requests_in_flight",
        "HTTP requests that are being answered, this one among them.",
        single(lambda facts: facts.requests_in_flight),
    ),
    Family(
        "dicom_exporter_http_requests_total",
        "HTTP requests that were answered, by status code.",
        lambda facts: [({"code": code}, float(count)) for code, count in facts.requests.items()],
        type="counter",
    ),
    Family(
        "dicom_exporter_requests_refused_total",
        "HTTP requests refused with 503, by what there was too much of.",
        lambda facts: [({"reason": reason}, float(count)) for reason, count in facts.requests_refused.items()],
        type="counter",
    ),
    Family(
        "dicom_exporter_bad_requests_total",
        "What clients sent that is no request, by what was wrong: `tls` is TLS on a port of plain HTTP, `plain_http`"
        " the opposite, `handshake` a TLS handshake that failed.",
        lambda facts: [({"reason": reason}, float(count)) for reason, count in facts.bad_requests.items()],
        type="counter",
    ),
)


def exporter_families(facts: ExporterFacts) -> Iterator[Metric]:
    """The exporter's own families, without those of its process."""
    yield from collect(EXPORTER_FAMILIES, [(NO_LABELS, facts)])
