"""What the exporter says: results -> metric families. The single place where metric names and HELP texts stand.

Everything here is a pure function and may run in a thread. What was not established has no sample, and a family
without a sample is left out. One target with one session on `/metrics` (on `/probe` the label `target` is missing):

    # HELP dicom_target_info The target as configured, with its labels.
    # TYPE dicom_target_info gauge
    dicom_target_info{address="pacs.test:104",called_ae_title="PACS",expect="closed",site="north",target="main"} 1.0
    # HELP dicom_echo_success 1 if and only if the C-ECHO was answered with status 0x0000.
    # TYPE dicom_echo_success gauge
    dicom_echo_success{identity="monitor",target="main"} 1.0
    # HELP dicom_phase_duration_seconds Seconds that each phase took, of the phases that were reached.
    # TYPE dicom_phase_duration_seconds gauge
    dicom_phase_duration_seconds{identity="monitor",phase="connect",target="main"} 0.00041
    dicom_phase_duration_seconds{identity="monitor",phase="associate",target="main"} 0.0012
    # HELP dicom_studies_visible Studies that the query `studies` listed; at least this many if it is not complete.
    # TYPE dicom_studies_visible gauge
    dicom_studies_visible{identity="monitor",target="main"} 200.0
    # HELP dicom_query_outcome How the query ended: one series with the value 1, whose label says the current outcome.
    # TYPE dicom_query_outcome gauge
    dicom_query_outcome{identity="monitor",outcome="allowed",query="studies",target="main"} 1.0
"""

from dicom_exporter.metrics.exporter import ExporterFacts, exporter_families
from dicom_exporter.metrics.exposition import lines
from dicom_exporter.metrics.families import Group
from dicom_exporter.metrics.targets import families, flow_families, groups

__all__ = [
    "ExporterFacts",
    "Group",
    "exporter_families",
    "families",
    "flow_families",
    "groups",
    "lines",
]
