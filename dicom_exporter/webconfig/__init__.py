"""`--web.config.file`: TLS, passwords, headers and a rate limit for an aiohttp server, in the format of Prometheus'
exporter-toolkit.

    document ─> model, values ─> load ─> live ─┬─> middleware      headers, rate limit, passwords
    YAML        what may stand in it     │     └─> site            TLS of the moment
                                tls, handshake, sans

    live = LiveConfig("web.yml")                    # raises WebConfigErrors, one line for each mistake
    protect(app, live)
    await Site(runner, listening_socket, live).start()
"""

from dicom_exporter.webconfig.document import Mistake, WebConfigErrors
from dicom_exporter.webconfig.live import LiveConfig, described, summary
from dicom_exporter.webconfig.load import WebConfig, load
from dicom_exporter.webconfig.middleware import protect
from dicom_exporter.webconfig.site import FILES_OF_AN_OPENING, MAX_OPENING, Site

__all__ = [
    "FILES_OF_AN_OPENING",
    "MAX_OPENING",
    "LiveConfig",
    "Mistake",
    "Site",
    "WebConfig",
    "WebConfigErrors",
    "described",
    "load",
    "protect",
    "summary",
]
