"""HTTP: the scrape endpoints, the life cycle endpoints, and a page for people."""

from dicom_exporter.server.app import create_app
from dicom_exporter.server.lifecycle import serve
from dicom_exporter.server.state import State

__all__ = ["State", "create_app", "serve"]
