"""Two targets, compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prometheus_client import Metric

from dicom_exporter.metrics.family import NO_LABELS, Family, collect
from dicom_exporter.results import Flow

FLOW_FAMILIES: tuple[Family[Flow], ...] = (
    Family(
        "dicom_flow_missing_studies",
        "Studies that the source lists and the destination does not; absent where one of them was not counted whole.",
        lambda flow: (({"source": flow.source, "destination": flow.destination}, float(flow.missing)),),
    ),
)


def flow_families(flows: Sequence[Flow]) -> Iterator[Metric]:
    """The families of targets that are compared with each other."""
    yield from collect(FLOW_FAMILIES, [(NO_LABELS, flow) for flow in flows])
