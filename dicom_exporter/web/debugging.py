"""`/probe?debug=true`: one probe for a person, with what was logged, what was measured and what it went by."""

from __future__ import annotations

from aiohttp import web
from prometheus_client.exposition import generate_latest

from dicom_exporter.config import Config
from dicom_exporter.config.show import show_target
from dicom_exporter.finished import Finished
from dicom_exporter.metrics import families
from dicom_exporter.web.exposition import Families
from dicom_exporter.web.log_lines import lines


def debug_text(finished: Finished, config: Config) -> str:
    """Three sections of text. `config` is the one that the probe went by."""
    target, result = finished.target, finished.result
    metrics = generate_latest(Families(lambda: families([(target, result)], target_label=False))).decode()
    sections = {
        "Log of the probe": "".join(f"{line}\n" for line in lines(finished)),
        "Metrics that the probe returns": metrics,
        "Configuration that the probe went by": show_target(config, target, finished.modules),
    }
    return "\n".join(f"{title}\n{'=' * len(title)}\n{text}" for title, text in sections.items())


def debug_response(finished: Finished, config: Config) -> web.Response:
    """The same as an answer."""
    return web.Response(text=debug_text(finished, config))
