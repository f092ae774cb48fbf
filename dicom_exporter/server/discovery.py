"""`/sd`: Prometheus' HTTP service discovery, so that Prometheus scrapes every target by itself.

    [
      {
        "targets": ["exporter.hospital.example:10104"],
        "labels": {
          "__metrics_path__": "/probe",
          "__param_target": "main-pacs",
          "__param_user_labels": "false",
          "__meta_dicom_expect": "available",
          "instance": "main-pacs",
          "target": "main-pacs",
          "site": "north"
        }
      }
    ]

Prometheus puts `instance`, `target` and the user's labels on every series. So `/probe` must not bring the user's labels
along on `dicom_target_info`, or Prometheus would rename them to `exported_site`: `user_labels=false` says that.
"""

from __future__ import annotations

from typing import Any

from aiohttp import hdrs, web

from dicom_exporter.config import Target
from dicom_exporter.server.external_url import ExternalURL, authority
from dicom_exporter.server.state import STATE

USER_LABELS = "user_labels"
"""The parameter of `/probe` that says whether the user's labels are to stand on `dicom_target_info`."""


async def get_discovery(request: web.Request) -> web.Response:
    """One group for each target of the configuration, with the address by which Prometheus reaches us."""
    state = request.app[STATE]
    reached = state.external_url or _as_asked(request)
    return web.json_response([group(target, reached) for target in state.prober.config.targets])


def group(target: Target, reached: ExternalURL) -> dict[str, Any]:
    """The target group of `target`, which is probed by an exporter that is `reached` there."""
    labels = {
        **target.labels,
        "__metrics_path__": f"{reached.prefix}/probe",
        "__param_target": target.name,
        f"__param_{USER_LABELS}": "false",
        "__meta_dicom_expect": target.expect.value,
        "instance": target.name,
        "target": target.name,
    }
    if reached.scheme == "https":
        labels["__scheme__"] = "https"
    return {"targets": [reached.authority], "labels": labels}


def _as_asked(request: web.Request) -> ExternalURL:
    """Where the client says it came to."""
    try:
        return ExternalURL(request.scheme, authority(request.headers.get(hdrs.HOST, ""), request.scheme))
    except ValueError:
        text = "The Host header names no host:port to give to Prometheus. Set --web.external-url.\n"
        raise web.HTTPBadRequest(text=text) from None
