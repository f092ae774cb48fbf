"""A Prometheus exporter for DICOM archives: which is up for us, and which is closed to strangers."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("prometheus-dicom-exporter")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0.0.0+unknown"

DEFAULT_PORT = 10104
