"""Embedded PACS for `dicom_exporter demo`: three peers on loopback or a whole region of them, with synthetic studies.

Only `cli.py` may import this package: nothing that probes depends on it.
"""

from dicom_exporter.demo.region import Region, demo_region
from dicom_exporter.demo.servers import DemoPeers, demo_peers

__all__ = ["DemoPeers", "Region", "demo_peers", "demo_region"]
