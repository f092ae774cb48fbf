"""A Prometheus exporter for DICOM archives: which is up for us, and which is closed to strangers."""

__version__ = "0.1.0"

# Defaults of flags, here so that `--help` need not import the modules that use them.
DEFAULT_PORT = 10104
DEFAULT_MAX_REQUESTS = 4096
"""HTTP requests at once: a scrape of 20 seconds, once a minute, for each of 10,000 targets is 3,400 at once."""
DEFAULT_HISTORY_LIMIT = 100
"""Probes of one target that its page shows."""
