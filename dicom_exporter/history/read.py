"""Read the history of all targets from Prometheus, piece by piece, and put episodes together.

Each query looks at a window as long as the step, so every sample is in exactly one point: a worst value between two
steps is not lost, and a point without a sample is a point at which nothing was observed.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import chain

from dicom_exporter.config.values.time import format_duration
from dicom_exporter.enums import Outcome
from dicom_exporter.history.api import AnswerTooLargeError, Api, ApiError, Labels, Points
from dicom_exporter.history.episodes import Episode, Firing, Observer, Service, Track
from dicom_exporter.verdict.findings import Kind, kind_of_outcome

PAUSE = 300.0
"""Seconds without a sample that change nothing: for as long, Prometheus itself takes the last value as the present."""
MAX_EPISODES = 20_000
MAX_POINTS = 600_000
"""Of the report: more than a year in steps of a minute."""
_PIECE = 1440
"""Points of one piece at first. It is halved while an answer is too large."""

_OBSERVER = "job, instance, target"
_UP = "|".join(each for each in Outcome if kind_of_outcome(each) not in (Kind.DOWN, Kind.UNKNOWN))
_DOWN = "|".join(each for each in Outcome if kind_of_outcome(each) is Kind.DOWN)
_MUST_ANSWER = f'on ({_OBSERVER}) max_over_time(dicom_target_info{{expect=~"available|guarded"}}[$w])'
_NO_WEB_ALERT = "no_answer|connect_timeout|dns_failure|unreachable|overload|proxy_failure"
_LEVEL_BY = f"{_OBSERVER}, vantage, protocol, service"
_IDENTITY_BY = f"{_OBSERVER}, identity"
_ALLOWED = f"max by ({_LEVEL_BY}) (max_over_time(dicom_exposure_level_allowed[$w]))"
_OURS = 'identity!="stranger"'


@dataclass(frozen=True, slots=True)
class _Source:
    """What is read of one kind of service."""

    kind: Kind
    bad: str
    """Series only where it was exposed, whose values are levels; or down, with the label `outcome`."""
    known: str
    """Series wherever it was probed: 1 if the result was known. It counts as bad if both say so."""
    name: Callable[[Labels], str]


_SOURCES = (
    _Source(
        Kind.EXPOSED,
        f"max by ({_LEVEL_BY}) (max_over_time(dicom_exposure_level_at_least[$w])) > on ({_LEVEL_BY}) {_ALLOWED}",
        f"max by ({_LEVEL_BY}) (max_over_time(dicom_exposure_known[$w])) and on ({_LEVEL_BY}) {_ALLOWED}",
        lambda labels: _protocol(labels),
    ),
    _Source(
        Kind.DOWN,
        f"""(
          max by ({_IDENTITY_BY}, outcome) (max_over_time(dicom_echo_outcome{{{_OURS}, outcome=~"{_DOWN}"}}[$w])) == 1
          or
          max by ({_IDENTITY_BY}, outcome) (max_over_time(dicom_association_outcome{{{_OURS}, outcome=~"{_DOWN}"}}[$w]))
          unless on ({_IDENTITY_BY}) max_over_time(dicom_echo_outcome[$w])
        ) and {_MUST_ANSWER}""",
        f"""(
          max by ({_IDENTITY_BY}) (max_over_time(dicom_echo_outcome{{{_OURS}, outcome=~"{_UP}"}}[$w]))
          or
          0 * max by ({_IDENTITY_BY}) (max_over_time(dicom_echo_outcome{{{_OURS}}}[$w]))
          or
          max by ({_IDENTITY_BY}) (max_over_time(dicom_association_outcome{{{_OURS}, outcome=~"{_UP}"}}[$w]))
          or
          0 * max by ({_IDENTITY_BY}) (max_over_time(dicom_association_outcome{{{_OURS}}}[$w]))
        ) and {_MUST_ANSWER}""",
        lambda labels: f"dimse as {labels.get('identity', '')}",
    ),
    _Source(
        Kind.DOWN,
        f"""(
          max by ({_IDENTITY_BY}) (min_over_time(dicomweb_success{{{_OURS}}}[$w])) == 0
          unless on ({_IDENTITY_BY}) max_over_time(dicomweb_authentication_required[$w]) == 1
          unless on ({_IDENTITY_BY})
          max_over_time(dicom_echo_outcome{{outcome=~"{_NO_WEB_ALERT}"}}[$w]) == 1
          unless on ({_IDENTITY_BY})
          max_over_time(dicom_association_outcome{{outcome=~"{_NO_WEB_ALERT}"}}[$w])
          unless on ({_IDENTITY_BY})
          max_over_time(dicom_probe_duration_seconds[$w]) > 0.8 * max_over_time(dicom_probe_timeout_seconds[$w])
        ) and {_MUST_ANSWER}""",
        f"""(
          max by ({_IDENTITY_BY}) (max_over_time(dicomweb_authentication_required{{{_OURS}}}[$w])) == 1
          or
          max by ({_IDENTITY_BY}) (max_over_time(dicomweb_success{{{_OURS}}}[$w]))
        ) and {_MUST_ANSWER}""",
        lambda labels: f"dicomweb as {labels.get('identity', '')}",
    ),
)
"""The conditions are those of the alerts DicomTargetDown, DicomWebDown and DicomExposed."""

ALERTS: Mapping[str, Kind] = {
    "DicomPatientDataListed": Kind.EXPOSED,
    "DicomExposed": Kind.EXPOSED,
    "DicomExposedOpenPort": Kind.EXPOSED,
    "DicomTargetDown": Kind.DOWN,
    "DicomWebDown": Kind.DOWN,
}
"""Alert -> the kind of the episodes that it is about."""
_FIRING = (
    f"max by (alertname, severity, {_LEVEL_BY}, identity) "
    f'(max_over_time(ALERTS{{alertstate="firing", alertname=~"{"|".join(ALERTS)}"}}[$w]))'
)
_TARGETS = "max without (address, called_ae_title) (last_over_time(dicom_target_info[$w]))"


@dataclass(frozen=True, slots=True)
class Period:
    """The time that a report is about."""

    begin: float
    end: float
    step: float

    @property
    def pause(self) -> float:
        """Seconds between two points during which nothing changes."""
        return max(PAUSE, self.step)


@dataclass(slots=True)
class History:
    """What was recorded."""

    labels: dict[Observer, Labels] = field(default_factory=dict)
    """Every target that was configured at some time, with its last labels."""
    tracks: dict[Service, Track] = field(default_factory=dict)
    firing: dict[Observer, dict[frozenset[tuple[str, str]], list[Firing]]] = field(default_factory=dict)
    """Alerts by the target and all their labels, in the order of time."""

    @property
    def episodes(self) -> Iterator[Episode]:
        """Of all services."""
        return chain.from_iterable(track.episodes for track in self.tracks.values())


async def read_history(
    prometheus: Api, period: Period, on_progress: Callable[[int], object], alertmanager: Api | None = None
) -> History:
    """Everything that `prometheus` knows of `period`. `on_progress` gets the number of points of each piece.

    Raises:
        ApiError: it does not answer, or with too much.
    """
    history = History()
    begin, points = period.begin, _PIECE
    while begin <= period.end:
        end = min(begin + (points - 1) * period.step, period.end)
        try:
            await _read_piece(prometheus, replace(period, begin=begin, end=end), period, history)
        except AnswerTooLargeError:
            if points == 1:
                raise
            points //= 2
            continue
        if sum(len(track.episodes) for track in history.tracks.values()) > MAX_EPISODES:
            raise ApiError(f"there are more than {MAX_EPISODES:,} episodes: choose a shorter time")
        on_progress(round((end - begin) / period.step) + 1)
        begin = end + period.step
    for track in history.tracks.values():
        track.finish(period.end)
    for episode in history.episodes:
        until = episode.end or datetime.fromtimestamp(period.end, UTC)
        episode.alerts = tuple(
            each
            for each in chain.from_iterable(history.firing.get(episode.service.observer, {}).values())
            if _is_about(each.alert, each.labels, episode.service)
            and episode.first_seen <= each.end
            and each.begin <= until
        )
    if alertmanager is not None:
        await _read_receivers(alertmanager, history)
    return history


async def _read_piece(prometheus: Api, piece: Period, period: Period, history: History) -> None:
    async def ask(expression: str) -> list[tuple[Labels, Points]]:
        return await _query_range(prometheus, expression, piece)

    # All answers first: if one is too large, nothing of this piece has been seen yet.
    found = [(source, await ask(source.bad), await ask(source.known)) for source in _SOURCES]
    alerts = await ask(_FIRING)
    window = format_duration(piece.end - piece.begin + piece.step)
    parameters = {"query": _TARGETS.replace("$w", window), "time": f"{piece.end:.3f}"}
    targets = await prometheus.query("query", parameters)
    for labels, _ in targets:
        history.labels[_observer(labels)] = labels
    for source, bad, known in found:
        _see(source, bad, known, period, history)
    for labels, points in alerts:
        spans = history.firing.setdefault(_observer(labels), {}).setdefault(frozenset(labels.items()), [])
        for time, _ in points:
            moment = datetime.fromtimestamp(time, UTC)
            if spans and (moment - spans[-1].end).total_seconds() <= period.pause:
                spans[-1] = replace(spans[-1], end=moment)
            else:
                spans.append(Firing(labels["alertname"], labels.get("severity", ""), moment, moment, labels))


def _see(
    source: _Source,
    bad: list[tuple[Labels, Points]],
    known: list[tuple[Labels, Points]],
    period: Period,
    history: History,
) -> None:
    """Show the points of one piece to the tracks."""
    levels: dict[Service, dict[float, float]] = {}
    outcomes: dict[tuple[Service, float], list[str]] = {}
    for labels, points in bad:
        service = Service(source.kind, _observer(labels), source.name(labels))
        levels.setdefault(service, {}).update(points)
        for time, _ in points if "outcome" in labels else ():
            outcomes.setdefault((service, time), []).append(labels["outcome"])
    answers = {Service(source.kind, _observer(labels), source.name(labels)): dict(points) for labels, points in known}
    for service in {**answers, **levels}:
        if service not in history.tracks:
            history.tracks[service] = Track(service, period.begin, period.pause)
        reached, answered = levels.get(service, {}), answers.get(service, {})
        if not reached and answered and _is_quiet(answered, period):
            history.tracks[service].see_good(min(answered), max(answered))
            continue
        for time in sorted({**reached, **answered}):
            known_now = answered.get(time) == 1
            history.tracks[service].see(time, reached.get(time), known_now, outcomes.get((service, time), ()))


def _is_quiet(answered: Mapping[float, float], period: Period) -> bool:
    """Whether the result was known at each step: as most are, and then they need not be looked at one by one."""
    steps = round((max(answered) - min(answered)) / period.step) + 1
    return len(answered) == steps and all(value == 1 for value in answered.values())


async def _query_range(prometheus: Api, expression: str, piece: Period) -> list[tuple[Labels, Points]]:
    window = format_duration(piece.step - 0.001)  # Prometheus 2 also counts a sample at the very begin of a window
    parameters = {
        "query": expression.replace("$w", window),
        "start": f"{piece.begin:.3f}",
        "end": f"{piece.end:.3f}",
        "step": f"{piece.step:.3f}",
    }
    return [
        (labels, [point for point in points if math.isfinite(point[1])])
        for labels, points in await prometheus.query("query_range", parameters)
    ]


def _observer(labels: Labels) -> Observer:
    return Observer(*(labels.get(name, "") for name in ("job", "instance", "target")))


def _protocol(labels: Labels) -> str:
    """What strangers try, and from which vantage, if that is not the exporter itself."""
    protocol = labels.get("protocol") or labels.get("service", "")
    return f"{protocol} from {labels['vantage']}" if labels.get("vantage") else protocol


def _is_about(alert: str, labels: Labels, service: Service) -> bool:
    """Whether an alert is about the target, and the protocol or identity, of an episode."""
    if ALERTS.get(alert) is not service.kind or _observer(labels) != service.observer:
        return False
    if service.kind is Kind.EXPOSED:
        return _protocol(labels) == service.name
    protocol = "dicomweb" if alert == "DicomWebDown" else "dimse"
    return service.name == f"{protocol} as {labels.get('identity', '')}"


async def _read_receivers(alertmanager: Api, history: History) -> None:
    """Ask Alertmanager whom it tells of what lasts. It keeps nothing of alerts that are over."""
    answer = await alertmanager.get("api/v2/alerts")
    try:
        alerts = [
            (each["labels"], tuple(str(receiver["name"]) for receiver in each["receivers"]), each["status"]["state"])
            for each in answer
        ]
        for episode in history.episodes:
            if episode.still:
                episode.receivers = tuple(
                    sorted(
                        {
                            receiver if state == "active" else f"{receiver} ({state})"
                            for labels, receivers, state in alerts
                            if _is_about(labels["alertname"], labels, episode.service)
                            for receiver in receivers
                        }
                    )
                )
    except (KeyError, TypeError, AttributeError):
        raise ApiError(f"{alertmanager.name} does not answer as Alertmanager does") from None
