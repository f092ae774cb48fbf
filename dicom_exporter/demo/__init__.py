"""An embedded PACS for `dicom_exporter demo`: three peers on loopback, with synthetic studies.

Only `cli.py` may import this package: nothing that probes depends on it.
"""

from dicom_exporter.demo.servers import DemoPeers, demo_peers

__all__ = ["DemoPeers", "demo_peers"]
