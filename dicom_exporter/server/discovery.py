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

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from aiohttp import hdrs, web

from dicom_exporter.config import Config, Target
from dicom_exporter.server.external_url import ExternalURL, authority
from dicom_exporter.server.state import STATE

USER_LABELS = "user_labels"
"""The parameter of `/probe` that says whether `dicom_target_info` carries the user's labels."""


_MAX_BODIES = 4
"""Clients may know us by several names, but a name is any text that a client sends."""
_ANY = "host.of.the.request.invalid:1"
"""Stands for the address in the body that is made once."""


class Discovery:
    """The answers of `/sd`: each is made once for a configuration, outside of the event loop."""

    def __init__(self) -> None:
        self._config: Config | None = None
        self._made: dict[ExternalURL, asyncio.Task[bytes]] = {}

    async def body(self, config: Config, url: ExternalURL) -> bytes:
        """The groups of all targets as JSON."""
        if config is not self._config:
            self._config, self._made = config, {}
        made = self._made.get(url)
        if made is None:
            while len(self._made) >= _MAX_BODIES:
                self._made.pop(next(each for each in self._made if each.authority != _ANY))
            made = self._made[url] = asyncio.create_task(self._make(config, url))
        return await asyncio.shield(made)

    async def _make(self, config: Config, url: ExternalURL) -> bytes:
        if url.authority == _ANY:
            return await asyncio.to_thread(_encoded, config.targets, url)
        template = await self.body(config, ExternalURL(url.scheme, _ANY, url.prefix))
        return await asyncio.to_thread(template.replace, _targets(_ANY), _targets(url.authority))


def _encoded(targets: Sequence[Target], url: ExternalURL) -> bytes:
    return b"[" + b",".join(json.dumps(group(target, url)).encode() for target in targets) + b"]"


DISCOVERY = web.AppKey("DISCOVERY", Discovery)


def _targets(authority: str) -> bytes:
    """The beginning of a group."""
    return b'{"targets": [%s]' % json.dumps(authority).encode()


async def get_discovery(request: web.Request) -> web.Response:
    """One group for each target of the configuration, with the address by which Prometheus reaches us."""
    state = request.app[STATE]
    url = state.external_url or _url_of_request(request)
    body = await request.app[DISCOVERY].body(state.prober.config, url)
    return web.Response(body=body, content_type="application/json", charset="utf-8")


def group(target: Target, url: ExternalURL) -> dict[str, Any]:
    """The target group of `target`. `url` is where Prometheus reaches the exporter."""
    labels = {
        **target.shown.labels,
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
