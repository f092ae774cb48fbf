"""The pages for people. They show history, and no page probes anything: looking costs the archives nothing."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from dicom_exporter.config import Config, Expect
from dicom_exporter.config.show import show_config
from dicom_exporter.finished import Finished
from dicom_exporter.standing import Standing
from dicom_exporter.web import runbooks
from dicom_exporter.web.log_lines import lines
from dicom_exporter.web.overview import overview, read
from dicom_exporter.web.rendering import page
from dicom_exporter.web.state import STATE, State

_EXPECTATIONS = {
    Expect.AVAILABLE: "it must answer us",
    Expect.GUARDED: "it must answer us, and turn strangers away",
    Expect.CLOSED: "nobody may reach it from here",
    Expect.CONTROL: "known to be open from here, to show that this vantage can see",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A probe in the list of a target's last ones."""

    finished: Finished
    standing: Standing

    @property
    def key(self) -> str:
        """Its name in a link: the milliseconds at which it began."""
        return str(round(self.finished.start * 1000))

    @property
    def lines(self) -> list[str]:
        """What the log says of it."""
        return lines(self.finished)


async def get_overview(request: web.Request) -> web.Response:
    """All targets, the worst first."""
    state = request.app[STATE]
    tracks = state.history.all()
    probed = [track.last for track in tracks if track.last is not None]
    return page(
        request,
        "overview.html",
        list=overview(tracks, read(request.query)),
        nothing_probed=not probed,
        last=max(probed, default=None),
        started=state.history.started,
    )


async def get_target(request: web.Request) -> web.Response:
    """One target: how it stands, what was found last, and the last probes. `?probe=` shows one of those in full."""
    state = request.app[STATE]
    target = _config(state).target(request.match_info["name"])
    if target is None:
        return not_found(request, "The configuration has no target of this name.")
    track = state.history.of(target)
    probes = [Shown(*entry) for entry in track.probes]
    wanted = request.query.get("probe")
    chosen = next((probe for probe in probes if probe.key == wanted), None)
    return page(
        request,
        "target.html",
        depth=1,
        track=track,
        probes=probes,
        chosen=chosen.finished if chosen is not None else None,
        expectation=_EXPECTATIONS[target.expect],
        runbook=runbooks.fitting(target, track.latest),
        started=state.history.started,
    )


async def get_config(request: web.Request) -> web.Response:
    """The running configuration as YAML. Secrets are shown as `<secret>`."""
    return web.Response(text=show_config(_config(request.app[STATE])))


async def get_runbooks(request: web.Request) -> web.Response:
    """The list of runbooks."""
    return page(request, "runbooks.html", depth=1, names=runbooks.names())


async def get_runbook(request: web.Request) -> web.Response:
    """One runbook, in the style of the other pages."""
    name = request.match_info["name"]
    body = runbooks.rendered(name.removesuffix(".md"))
    if body is None:
        return not_found(request, "There is no runbook of this name.")
    return page(request, "runbook.html", depth=1, name=name.removesuffix(".md"), body=body)


def not_found(request: web.Request, why: str) -> web.Response:
    """404, in the style of the other pages."""
    external = request.app[STATE].external_url
    prefix = external.prefix if external is not None else ""
    depth = request.rel_url.raw_path.removeprefix(prefix).count("/") - 1
    return page(request, "missing.html", depth=max(0, depth), status=404, why=why)


def _config(state: State) -> Config:
    return state.scraper.config
