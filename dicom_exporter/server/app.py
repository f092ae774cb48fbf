"""The aiohttp application: which path leads to which handler, of this package and of the pages."""

from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Handler

from dicom_exporter.pages.context import PAGES, Pages
from dicom_exporter.pages.handlers import (
    get_config,
    get_overview,
    get_runbook,
    get_runbooks,
    get_target,
    not_found,
    static_routes,
)
from dicom_exporter.server.bad_requests import secure
from dicom_exporter.server.browsers import guarding
from dicom_exporter.server.discovery import DISCOVERY, Discovery, get_discovery
from dicom_exporter.server.limits import limiting
from dicom_exporter.server.probe_endpoints import get_metrics, get_probe
from dicom_exporter.server.state import STATE, State
from dicom_exporter.server.watching import wants_page


def create_app(state: State) -> web.Application:
    """The application over `state`, whose prober must be running."""
    prefix = state.prefix
    authority = None if state.external_url is None else state.external_url.authority
    guard = guarding(state.allowed_hosts, authority, _is_for_people, is_health_check)
    app = web.Application(middlewares=[limiting(state.traffic, is_health_check), guard, _not_found_as_page])
    app[STATE] = state
    app[DISCOVERY] = Discovery()
    app[PAGES] = Pages(state.history, lambda: state.prober.config, state.telemetry_path, prefix, state.dashboard_url)
    for route in [*_routes(), web.get(state.telemetry_path, get_metrics)]:
        web.RouteDef(route.method, prefix + route.path, route.handler, route.kwargs).register(app.router)
    if prefix:
        for path in ("/", prefix):
            app.router.add_get(path, _redirect(f"{prefix}/"))
    app.on_response_prepare.append(_add_headers)
    return app


def is_health_check(request: web.Request) -> bool:
    """Whether a request asks for our own health. No limit holds for it: whoever watches us would take us for dead."""
    return request.match_info.handler in (get_healthy, get_ready)


def _is_for_people(request: web.Request) -> bool:
    return request.match_info.handler in (get_overview, get_target, get_config, post_reload)


def is_reserved(path: str) -> bool:
    """Whether the first segment of `path`, like ``/metrics``, belongs to another page or endpoint."""
    return path.split("/")[1] in {route.path.split("/")[1] for route in _routes()}


def _routes() -> list[web.RouteDef]:
    """Every path but the one of the metrics, without the prefix under which it is served."""
    return [
        web.get("/", get_overview),
        web.get("/targets/{name:.*}", get_target),
        web.get("/config", get_config),
        web.get("/runbooks/", get_runbooks),
        web.get("/runbooks/{name}", get_runbook),
        *static_routes(),
        web.get("/probe", get_probe),
        web.get("/sd", get_discovery),
        web.get("/-/healthy", get_healthy),
        web.get("/-/ready", get_ready),
        web.post("/-/reload", post_reload),
    ]


def _redirect(location: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def redirect(_request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound(location)

    return redirect


async def get_healthy(request: web.Request) -> web.Response:
    """200 as long as the event loop runs."""
    return web.Response(text="OK\n")


async def get_ready(request: web.Request) -> web.Response:
    """200 while scrapes are answered: 503 before the first configuration is applied, and from SIGTERM on."""
    if request.app[STATE].ready.is_set():
        return web.Response(text="Ready\n")
    return web.Response(status=503, text="Not ready\n")


async def post_reload(request: web.Request) -> web.Response:
    """Reload the configuration. 500 with the errors, one a line, if it is not valid and the running one is kept."""
    errors = await request.app[STATE].reloader.reload()
    if errors:
        return web.Response(status=500, text="".join(f"{error}\n" for error in errors))
    return web.Response(text="Reloaded\n")


@web.middleware
async def _not_found_as_page(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer 404 with a page to browsers, and with plain text to other clients."""
    try:
        return await handler(request)
    except web.HTTPNotFound:
        if not wants_page(request):
            raise
        return await not_found(request, "The exporter has no such page.")


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    request.app[STATE].traffic.answered[response.status] += 1
    secure(response.headers)
