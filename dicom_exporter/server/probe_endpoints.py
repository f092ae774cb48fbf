"""`/metrics` and `/probe`: probe targets now, and answer with what was found.

```
/metrics                    all targets of the configuration, and the exporter's own metrics
/metrics?probe=false        the exporter's own metrics alone
/probe?target=NAME          one target of the configuration
/probe?target=HOST:PORT     an address that is not in the configuration, if `probe.allow` allows it
/probe?...&debug=true       the same for a person: the log lines, the metrics and the configuration of the probe;
                            in a browser as a page, on which its steps appear as they end
```
"""

import asyncio
import platform
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain

from aiohttp import hdrs, web
from prometheus_client import Metric, PlatformCollector, ProcessCollector
from prometheus_client.exposition import generate_latest

from dicom_exporter import __version__
from dicom_exporter.config import Address, Compare, Config, Target, parse_address, parse_ae_title
from dicom_exporter.config.render import show_target
from dicom_exporter.metrics import ExporterFacts, exporter_families, families, flow_families, groups
from dicom_exporter.net.errors import NotPermitted, Overloaded
from dicom_exporter.prober.allowlist import NotAllowed
from dicom_exporter.prober.log import lines
from dicom_exporter.prober.permissions import check_choice
from dicom_exporter.prober.record import ProbeRecord
from dicom_exporter.prober.timeout import effective_timeout
from dicom_exporter.results import Flow
from dicom_exporter.server.bad_requests import BadRequest
from dicom_exporter.server.discovery import USER_LABELS
from dicom_exporter.server.limits import RefusalReason
from dicom_exporter.server.negotiation import Collect, Exposition, Families, encode, requested_format, small_response
from dicom_exporter.server.shared_scrapes import TooManyScrapes
from dicom_exporter.server.state import STATE, State
from dicom_exporter.server.watching import wants_page, watch
from dicom_exporter.text import did_you_mean
from dicom_exporter.verdict.comparison import missing_studies

_TIMEOUT_HEADER = "X-Prometheus-Scrape-Timeout-Seconds"
_MAX_NAMES = 20
"""Names that the answer to an unknown name suggests."""


async def get_metrics(request: web.Request) -> web.StreamResponse:
    """Probe all targets, and answer with their metrics and the exporter's own; with `probe=false`, its own alone."""
    state = request.app[STATE]
    _check_parameters(request, ("probe",))
    margin = state.shared_scrapes.margin(len(state.prober.config.targets))
    timeout = _timeout(request, max(state.timeout_offset, margin))
    format_ = requested_format(request)
    if not _flag(request, "probe", default=True):
        return format_.response(await encode(partial(_own, _facts(state)), format_, state.own_encoder))
    config = state.prober.config
    try:
        start = partial(_scrape_all, state, timeout)
        async with state.shared_scrapes.join(config, timeout, start, request.remote or "") as scrape:
            body = await scrape.body(format_)
    except TooManyScrapes:
        raise state.traffic.refuse(RefusalReason.SCRAPES) from None
    return format_.response(body)


async def get_probe(request: web.Request) -> web.StreamResponse:
    """Probe one target. A probe that fails is answered with 200 too: the metrics say how it failed."""
    state = request.app[STATE]
    _check_parameters(request, ("target", "module", "called_ae_title", USER_LABELS, "debug"))
    timeout = _timeout(request, state.timeout_offset)
    config = state.prober.config
    modules = _modules(request, config)
    target = _target(request, state, config, modules)
    user_labels = _flag(request, USER_LABELS, default=True)
    debug = _flag(request, "debug", default=False)
    configured = config.target(target.name) is target
    probe = (_probe_configured if configured else _probe_adhoc)(state, target, timeout, modules, request.remote or "")
    if debug and wants_page(request) and request.method == hdrs.METH_GET:
        texts = partial(_debug_texts, config=config)
        return await watch(request, target, probe, state.prober.watched, texts, configured=configured)
    comparisons = [compare for compare in config.compare if compare.destination == target.name]
    flows: Sequence[Flow] = ()
    if comparisons and configured and modules is None and not debug:
        record, *sources = await asyncio.gather(
            probe, *(_probe_source(state, config, compare, timeout, request.remote or "") for compare in comparisons)
        )
        flows = _flows(state, comparisons, [record, *sources])
    else:
        record = await probe
    if debug:
        sections = _debug_texts(record, config).items()
        return web.Response(text="\n".join(f"{title}\n{'=' * len(title)}\n{text}" for title, text in sections))
    format_ = requested_format(request)
    if not user_labels:
        record = replace(record, target=replace(target.shown, labels={}))
    return small_response(
        Exposition(flow_families(flows) if flows else (), groups([record], target_label=False)), format_
    )


async def _scrape_all(state: State, timeout: float | None) -> Collect:
    """Probe all targets within `timeout` seconds. The metric families are made when they are collected."""
    config = state.prober.config  # of now: there may have been a reload since the request came
    targets, comparisons = config.targets, config.compare
    records = await state.prober.probe_targets(targets, timeout)
    facts, flows = _facts(state), _flows(state, comparisons, records)

    def collect() -> Exposition:
        return Exposition(chain(flow_families(flows), _own_families(facts)), groups(records, target_label=True))

    return collect


async def _probe_source(
    state: State, config: Config, compare: Compare, timeout: float | None, client: str
) -> ProbeRecord:
    """Probe the source of a comparison, by those of its modules that ask the query."""
    source = next(target for target in config.targets if target.name == compare.source)
    modules = tuple(name for name in source.modules if compare.query in config.modules[name].queries)
    return await _probe_configured(state, source, timeout, modules, client)


def _flows(state: State, comparisons: Sequence[Compare], records: Sequence[ProbeRecord]) -> list[Flow]:
    state.missing_since.keep(state.prober.config.compare)
    return missing_studies(comparisons, [record.result for record in records], state.missing_since, time.monotonic())


def _own(facts: ExporterFacts) -> Exposition:
    return Exposition(_own_families(facts))


def _own_families(facts: ExporterFacts) -> Iterator[Metric]:
    own = (ProcessCollector(registry=None), PlatformCollector(registry=None))
    return chain(exporter_families(facts), *(collector.collect() for collector in own))


def _facts(state: State) -> ExporterFacts:
    reloader, traffic = state.reloader, state.traffic
    return ExporterFacts(
        version=__version__,
        python_version=platform.python_version(),
        reload_successful=reloader.successful,
        reload_success_time=reloader.success_time,
        reloads=reloader.ended,
        probes_in_flight=state.prober.probes_in_flight,
        probes={outcome.value: count for outcome, count in state.prober.outcomes.items()},
        unknown_target_requests=traffic.unknown_targets,
        denied_target_requests=traffic.denied_targets,
        requests_in_flight=traffic.requests_in_flight,
        requests={str(code): count for code, count in traffic.answered.items()},
        requests_refused={reason.value: traffic.refused[reason] for reason in RefusalReason},
        bad_requests={reason.value: traffic.bad[reason] for reason in BadRequest},
        stale_credential_files=state.prober.stale_credential_files,
    )


# The parameters of a request


def _check_parameters(request: web.Request, known: Sequence[str]) -> None:
    """Raise HTTPBadRequest for a parameter that there is not: most likely it is misspelt, and would do nothing."""
    for word in request.query:
        if word not in known:
            text = f"{request.path} has no such parameter{did_you_mean(word, known)}. It has: {', '.join(known)}.\n"
            raise web.HTTPBadRequest(text=text)


def _timeout(request: web.Request, offset: float) -> float | None:
    values = request.headers.getall(_TIMEOUT_HEADER, [])
    if len(values) > 1:
        raise web.HTTPBadRequest(text=f"The header {_TIMEOUT_HEADER} may be given once.\n")
    try:
        return effective_timeout(values[0] if values else None, offset)
    except ValueError as error:
        raise web.HTTPBadRequest(text=f"{error}.\n") from None


def _target(request: web.Request, state: State, config: Config, modules: Sequence[str] | None) -> Target:
    """The target of the configuration; or one that is made for this request, if `probe.allow` is set."""
    name = _single(request, "target")
    title = _single(request, "called_ae_title")
    if not name:
        raise web.HTTPBadRequest(text="The parameter target is missing: /probe?target=NAME.\n")
    target = config.target(name)
    if target is not None and title is not None:
        text = "called_ae_title goes with an address: the configuration has the one of this target.\n"
        raise web.HTTPBadRequest(text=text)
    if target is None and (address := _adhoc_address(name, config)) is not None:
        target = _adhoc_target(address, title)
        _check_choice(config, target, modules or target.modules)
        return target
    if target is None:
        state.traffic.unknown_targets += 1
        hint = "An address needs a port: HOST:PORT.\n" if config.probe.allow else ""
        raise web.HTTPBadRequest(text=_unknown("target", [target.name for target in config.targets]) + hint)
    if modules is not None:
        _check_choice(config, target, modules)
    return target


def _check_choice(config: Config, target: Target, modules: Sequence[str]) -> None:
    """Raise HTTPBadRequest, with a sentence, if `target` may not be asked these modules."""
    try:
        check_choice(config, target, modules)
    except NotPermitted as reason:
        raise web.HTTPBadRequest(text=f"{reason}\n") from None


def _modules(request: web.Request, config: Config) -> Sequence[str] | None:
    """The modules that the request names, in the order of the configuration; None: those of the target.

    So requests that name the same ones in another order join one probe.
    """
    names = _single(request, "module")
    if names is None:
        return None
    wanted = set(names.split(","))
    if not config.modules.keys() >= wanted:
        raise web.HTTPBadRequest(text=_unknown("module", sorted(config.modules)))
    target = config.target(_single(request, "target") or "")
    if target is not None and wanted == set(target.modules):
        return target.modules
    return [module for module in config.modules if module in wanted]


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


def _unknown(what: str, names: Sequence[str]) -> str:
    """The answer to an unknown name. It does not repeat the name, which may be any text."""
    shown = ", ".join(names[:_MAX_NAMES]) or "none"
    more = f", and {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else ""
    return f"The configuration has no {what} of this name. It has: {shown}{more}.\n"


# Addresses that are not in the configuration


def _adhoc_address(name: str, config: Config) -> Address | None:
    """`name` as an address; None if it is not one, or if `probe.allow` is empty."""
    if not config.probe.allow:
        return None
    try:
        return parse_address(name)
    except ValueError:
        return None


def _adhoc_target(address: Address, called_ae_title: str | None) -> Target:
    """A target for one request. Raises HTTPBadRequest if the title is none."""
    if called_ae_title is None:
        return Target(str(address), address)
    try:
        return Target(str(address), address, parse_ae_title(called_ae_title))
    except ValueError:
        raise web.HTTPBadRequest(text="called_ae_title is not an AE title.\n") from None


async def _probe_configured(
    state: State, target: Target, timeout: float | None, modules: Sequence[str] | None, client: str
) -> ProbeRecord:
    (record,) = await state.prober.probe_targets([target], timeout, modules, client)
    return record


async def _probe_adhoc(
    state: State, target: Target, timeout: float | None, modules: Sequence[str] | None, client: str
) -> ProbeRecord:
    """Probe `target` if it is allowed. Raises HTTPForbidden, which does not say why it is not."""
    try:
        record = await state.prober.probe_address(target, timeout, modules, client)
        return replace(record, target=target)  # as the request names it, not as it was looked up
    except NotAllowed:
        state.traffic.denied_targets += 1
        raise web.HTTPForbidden(text="This address is not inside of probe.allow, or there is no such host.\n") from None
    except Overloaded:
        raise state.traffic.refuse(RefusalReason.LOOKUPS) from None


# One probe for a person


def _debug_texts(record: ProbeRecord, config: Config) -> dict[str, str]:
    """Title -> text. `config` is the configuration of the probe."""
    metrics = generate_latest(Families(lambda: families([record], target_label=False))).decode()
    return {
        "Log of the probe": "".join(f"{line}\n" for line in lines(record)),
        "Metrics that the probe returns": metrics,
        "Configuration of the probe": show_target(config, record.target, record.modules),
    }
