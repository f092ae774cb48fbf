"""HTTP: the scrape endpoints, the life cycle endpoints, and a page for people."""

from dicom_exporter.web.app import create_app
from dicom_exporter.web.server import serve
from dicom_exporter.web.state import State

__all__ = ["State", "create_app", "serve"]
