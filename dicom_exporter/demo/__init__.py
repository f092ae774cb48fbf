"""The archives of `dicom_exporter demo`: three on loopback, or a whole region of them, with synthetic studies.

Only `cli.demo` may import this package: nothing that probes depends on it.
"""

from dicom_exporter.demo.region import Region, demo_region
from dicom_exporter.demo.targets import THREE, region_targets

__all__ = ["THREE", "Region", "demo_region", "region_targets"]
