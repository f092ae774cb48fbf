"""`/sd`: HTTP service discovery, with which Prometheus scrapes each target separately.

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

Prometheus puts `instance`, `target` and the user's labels on every series. So `/probe` must leave the user's labels out
of `dicom_target_info`, or Prometheus would rename them to `exported_site`: the parameter `user_labels=false` does that.
"""

from typing import Any

from aiohttp import hdrs, web

from dicom_exporter.config import Target
from dicom_exporter.server.external_url import ExternalURL, authority
from dicom_exporter.server.state import STATE

USER_LABELS = "user_labels"
"""The parameter of `/probe` that says whether `dicom_target_info` carries the user's labels."""


async def get_discovery(request: web.Request) -> web.Response:
    """One group for each target of the configuration, with the address by which Prometheus reaches us."""
    state = request.app[STATE]
    url = state.external_url or _url_of_request(request)
    return web.json_response([group(target, url) for target in state.prober.config.targets])


def group(target: Target, url: ExternalURL) -> dict[str, Any]:
    """The target group of `target`. `url` is where Prometheus reaches the exporter."""
    labels = {
        **target.labels,
        "__metrics_path__": f"{url.prefix}/probe",
        "__param_target": target.name,
        f"__param_{USER_LABELS}": "false",
        "__meta_dicom_expect": target.expect.value,
        "instance": target.name,
        "target": target.name,
    }
    if url.scheme == "https":
        labels["__scheme__"] = "https"
    return {"targets": [url.authority], "labels": labels}


def _url_of_request(request: web.Request) -> ExternalURL:
    """The URL of the exporter as the client knows it, from its Host header."""
    try:
        return ExternalURL(request.scheme, authority(request.headers.get(hdrs.HOST, ""), request.scheme))
    except ValueError:
        text = "The Host header names no host:port to give to Prometheus. Set --web.external-url.\n"
        raise web.HTTPBadRequest(text=text) from None
