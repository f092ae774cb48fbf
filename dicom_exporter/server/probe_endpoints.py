"""`/probe?target=host:port`: an address that the configuration does not have, where `probe.allow` lets it.

`/probe?debug=true`: one probe for a person, with what was logged, what was measured and what it went by.

`/metrics` and `/probe`: probe now, then say what was found.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain

from aiohttp import web
from prometheus_client import Metric, ProcessCollector
from prometheus_client.exposition import generate_latest

from dicom_exporter import __version__
from dicom_exporter.config import Address, Config, Target, parse_address, parse_ae_title
from dicom_exporter.config.render import show_target
from dicom_exporter.metrics import ExporterFacts, exporter_families, families, flow_families, groups
from dicom_exporter.net.errors import Overloaded
from dicom_exporter.prober.allowlist import NotAllowed
from dicom_exporter.prober.log import lines
from dicom_exporter.prober.record import ProbeRecord
from dicom_exporter.prober.timeout import effective_timeout
from dicom_exporter.server.discovery import USER_LABELS
from dicom_exporter.server.limits import Refusal, send
from dicom_exporter.server.negotiation import Collect, Families, Shown, encode, wanted
from dicom_exporter.server.shared_scrapes import TooManyRounds
from dicom_exporter.server.state import STATE, State
from dicom_exporter.verdict.comparison import missing_studies


def adhoc_address(name: str, config: Config) -> Address | None:
    """The address that `name` is, where such may be asked for at all."""
    if not config.probe.allow:
        return None
    try:
        return parse_address(name)
    except ValueError:
        return None


def adhoc_target(
    address: Address, called_ae_title: str | None, modules: Sequence[str] | None, config: Config
) -> Target:
    """A target that exists for one request. Raises HTTPBadRequest where its modules are for configured ones only."""
    target = Target(str(address), address)
    if called_ae_title is not None:
        try:
            target = Target(str(address), address, parse_ae_title(called_ae_title))
        except ValueError:
            raise web.HTTPBadRequest(text="called_ae_title is not an AE title.\n") from None
    for name in modules or target.modules:
        module = config.modules[name]
        if module.store is not None:
            text = f"The module {name} writes images, and only to targets of the configuration.\n"
            raise web.HTTPBadRequest(text=text)
        if config.identities[module.identity].user_identity is not None:
            text = f"The module {name} sends a password, and only to targets of the configuration.\n"
            raise web.HTTPBadRequest(text=text)
    return target


async def probe_adhoc(
    state: State, target: Target, timeout: float | None, modules: Sequence[str] | None
) -> ProbeRecord:
    """Probe `target` once it is known to be allowed. Raises HTTPForbidden, which does not say why it is not."""
    try:
        return await state.prober.probe_address(target, timeout, modules)
    except NotAllowed:
        state.denied_target_requests += 1
        raise web.HTTPForbidden(text="This address is not inside of probe.allow, or there is no such host.\n") from None
    except Overloaded:
        raise state.traffic.refuse(Refusal.LOOKUPS) from None


def debug_text(record: ProbeRecord, config: Config) -> str:
    """Three sections of text. `config` is the one that the probe went by."""
    metrics = generate_latest(Families(lambda: families([record], target_label=False))).decode()
    sections = {
        "Log of the probe": "".join(f"{line}\n" for line in lines(record)),
        "Metrics that the probe returns": metrics,
        "Configuration that the probe went by": show_target(config, record.target, record.modules),
    }
    return "\n".join(f"{title}\n{'=' * len(title)}\n{text}" for title, text in sections.items())


def debug_response(record: ProbeRecord, config: Config) -> web.Response:
    """The same as an answer."""
    return web.Response(text=debug_text(record, config))


_TIMEOUT_HEADER = "X-Prometheus-Scrape-Timeout-Seconds"
_NAMES_SHOWN = 20
"""Names in the answer to a request for an unknown one: enough to see a slip of the pen."""


async def get_metrics(request: web.Request) -> web.StreamResponse:
    """All targets, probed now and together, and the exporter's own metrics; with `probe=false`, those alone."""
    state = request.app[STATE]
    timeout = _timeout(request, state)
    format_ = wanted(request)
    if not _flag(request, "probe", default=True):
        return format_.response(await encode(partial(_own, _facts(state)), format_, state.probe_encoders))
    config = state.prober.config
    try:
        async with state.rounds.join(config, timeout, partial(_scrape_all, state, timeout)) as joined:
            return await send(request, format_.response(await joined.body(format_, state.encoder)))
    except TooManyRounds:
        raise state.traffic.refuse(Refusal.SCRAPES) from None


async def _scrape_all(state: State, timeout: float | None) -> Collect:
    """Probe all targets within `timeout` seconds; the families of that are made when they are asked for."""
    config = state.prober.config  # of now: a reload may have come since the request did
    targets, comparisons = config.targets, config.compare
    records = await state.prober.probe_targets(targets, timeout)
    facts = _facts(state)

    def collect() -> Shown:
        flows = flow_families(missing_studies(comparisons, [record.result for record in records]))
        return Shown(chain(flows, _own_families(facts)), groups(records, target_label=True))

    return collect


def _own(facts: ExporterFacts) -> Shown:
    return Shown(_own_families(facts))


def _own_families(facts: ExporterFacts) -> Iterator[Metric]:
    return chain(exporter_families(facts), ProcessCollector(registry=None).collect())


async def get_probe(request: web.Request) -> web.Response:
    """One target, probed now. A probe that fails is an answer too: 200, and the metrics say how it failed."""
    state = request.app[STATE]
    timeout = _timeout(request, state)
    config = state.prober.config
    modules = _modules(request, config)
    target = _target(request, state, config, modules)
    user_labels = _flag(request, USER_LABELS, default=True)
    debug = _flag(request, "debug", default=False)
    if config.target(target.name) is target:
        (record,) = await state.prober.probe_targets([target], timeout, modules)
    else:
        record = await probe_adhoc(state, target, timeout, modules)
        record = replace(record, target=target)  # as the request names it, not as it was looked up
    if debug:
        return debug_response(record, config)
    format_ = wanted(request)
    if not user_labels:
        record = replace(record, target=replace(target, labels={}))
    return format_.response(await encode(partial(_one, record), format_, state.probe_encoders))


def _one(record: ProbeRecord) -> Shown:
    return Shown((), groups([record], target_label=False))


def _target(request: web.Request, state: State, config: Config, modules: Sequence[str] | None) -> Target:
    """The target of the configuration, or else one that is made for the request where `probe.allow` is set."""
    name = _single(request, "target")
    title = _single(request, "called_ae_title")
    if not name:
        raise web.HTTPBadRequest(text="Which target? Ask for /probe?target=NAME.\n")
    target = config.target(name)
    if target is not None and title is not None:
        text = "called_ae_title goes with an address: the configuration has the one of this target.\n"
        raise web.HTTPBadRequest(text=text)
    if target is None and (address := adhoc_address(name, config)) is not None:
        return adhoc_target(address, title, modules, config)
    if target is None:
        state.unknown_target_requests += 1
        raise web.HTTPBadRequest(text=_unknown("target", [target.name for target in config.targets]))
    return target


def _modules(request: web.Request, config: Config) -> Sequence[str] | None:
    """The modules that the request names, None where it leaves them to the target."""
    names = _single(request, "module")
    if names is None:
        return None
    modules = list(dict.fromkeys(names.split(",")))
    if not config.modules.keys() >= set(modules):
        raise web.HTTPBadRequest(text=_unknown("module", sorted(config.modules)))
    return modules


def _flag(request: web.Request, parameter: str, *, default: bool) -> bool:
    value = _single(request, parameter)
    if value not in (None, "true", "false"):
        raise web.HTTPBadRequest(text=f"The parameter {parameter} is true or false.\n")
    return default if value is None else value == "true"


def _single(request: web.Request, parameter: str) -> str | None:
    values = request.query.getall(parameter, [])
    if len(values) > 1:
        raise web.HTTPBadRequest(text=f"The parameter {parameter} may be given once.\n")
    return values[0] if values else None


def _timeout(request: web.Request, state: State) -> float | None:
    values = request.headers.getall(_TIMEOUT_HEADER, [])
    try:
        if len(values) > 1:
            raise ValueError
        return effective_timeout(values[0] if values else None, state.timeout_offset)
    except ValueError:
        raise web.HTTPBadRequest(text=f"{_TIMEOUT_HEADER} is not a number of seconds.\n") from None


def _unknown(what: str, names: Sequence[str]) -> str:
    """What to answer to an unknown name. The name itself is not repeated: it is a stranger's text."""
    shown = ", ".join(names[:_NAMES_SHOWN]) or "none"
    more = f", and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return f"The configuration has no {what} of this name. It has: {shown}{more}.\n"


def _facts(state: State) -> ExporterFacts:
    return ExporterFacts(
        version=__version__,
        python_version=platform.python_version(),
        reload_successful=state.reload_successful,
        reload_success_time=state.reload_success_time,
        probes_in_flight=state.prober.probes_in_flight,
        unknown_target_requests=state.unknown_target_requests,
        denied_target_requests=state.denied_target_requests,
        requests_in_flight=state.traffic.requests_in_flight,
        requests_refused={why.value: state.traffic.refused[why] for why in Refusal},
    )
