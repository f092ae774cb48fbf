"""From what was seen of one service, point by point, to episodes. Pure: times are Unix seconds."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from dicom_exporter.enums import LadderLevel
from dicom_exporter.verdict.findings import Kind

MAX_SPANS = 100
"""Of what is not known within one episode. Those after that are added up."""


@dataclass(frozen=True, slots=True, order=True)
class Observer:
    """The scrape job and the exporter that saw a target."""

    job: str
    instance: str
    target: str


@dataclass(frozen=True, slots=True, order=True)
class Service:
    """What is exposed or down: a protocol that strangers try, or an identity of ours that asks."""

    kind: Kind
    observer: Observer
    name: str
    """`dimse`, `dicomweb from internet` of a stranger; `dimse as monitor` of an identity of ours."""


@dataclass(frozen=True, slots=True)
class Span:
    """A time during which it is not known whether an episode goes on."""

    begin: datetime
    end: datetime | None
    """None: it lasts until the end of the report."""
    observed: bool
    """Whether it was probed, with an unknown result. If not, nothing was recorded."""


@dataclass(frozen=True, slots=True)
class Firing:
    """An alert that fired, as Prometheus stored it in ALERTS."""

    alert: str
    severity: str
    begin: datetime
    end: datetime
    """The last time that it was seen firing."""
    labels: Mapping[str, str] = field(hash=False)


@dataclass(slots=True)
class Episode:
    """A service that was exposed, or down."""

    service: Service
    first_seen: datetime
    good_before: datetime | None
    """The last time before that the opposite was proved: it began after that. None: never in this report."""
    before_report: bool
    """Whether it was so at the first moment of the report, and may have begun long before."""
    last_seen: datetime
    end: datetime | None = None
    """When the opposite was first proved; None: it was not."""
    level: int | None = None
    """The highest level that a stranger reached; None if it was down."""
    outcomes: set[str] = field(default_factory=set)
    """How our associations ended while it was down."""
    not_known: list[Span] = field(default_factory=list)
    more_not_known: int = 0
    """How many more spans there were than `MAX_SPANS`."""
    still: bool = False
    """Whether it was so at the end of the report. Without an end, and not `still`: not known since `last_seen`."""
    alerts: tuple[Firing, ...] = ()
    receivers: tuple[str, ...] | None = None
    """Whom Alertmanager tells now; None if it was not asked, or if the episode is over."""


class Track:
    """What was seen of one service. Points come in the order of time."""

    def __init__(self, service: Service, begin: float, pause: float) -> None:
        """`begin` is the first moment of the report. Between points that are at most `pause` apart, nothing changes."""
        self.service = service
        self.episodes: list[Episode] = []
        self.unknown_seconds = 0.0
        """For how long it was not known, in an episode or not."""
        self._begin = begin
        self._pause = pause
        self._last = begin
        self._is_first = True
        self._open: Episode | None = None
        self._good: float | None = None
        self._unknown_since: float | None = None

    def see(self, time: float, bad: float | None, known: bool, outcomes: Iterable[str] = ()) -> None:
        """At `time` it was exposed to that level, or down (`bad` is a number); or not, if that is `known`."""
        if time - self._last > self._pause:
            self._end_unknown(self._last)
            self._not_known(self._last, time, observed=False)
        at_begin, self._is_first = self._is_first and time - self._begin <= self._pause, False
        self._last = time
        if bad is None and not known:
            self._unknown_since = time if self._unknown_since is None else self._unknown_since
            return
        self._end_unknown(time)
        if bad is None:
            self._good = time
            if self._open is not None:
                self._open.end, self._open = _moment(time), None
            return
        if self._open is None:
            good = None if self._good is None else _moment(self._good)
            self._open = Episode(self.service, _moment(time), good, at_begin, _moment(time))
            self.episodes.append(self._open)
        self._open.last_seen = _moment(time)
        self._open.outcomes.update(outcomes)
        if self.service.kind is Kind.EXPOSED:
            self._open.level = min(max(self._open.level or 0, int(bad)), max(LadderLevel))

    def see_good(self, begin: float, end: float) -> None:
        """It was neither exposed nor down, at every step from `begin` to `end`."""
        self.see(begin, None, known=True)
        self._last = self._good = end

    def finish(self, end: float) -> None:
        """Nothing more comes; `end` is the last moment of the report."""
        observed = end - self._last <= self._pause
        if self._open is not None:
            self._open.still = observed and self._unknown_since is None
        if self._unknown_since is not None and observed:
            self._not_known(self._unknown_since, None, observed=True, until=end)
        else:
            self._end_unknown(self._last)
        if not observed:
            self._not_known(self._last, None, observed=False, until=end)

    def _end_unknown(self, time: float) -> None:
        if self._unknown_since is not None:
            self._not_known(self._unknown_since, time, observed=True)
            self._unknown_since = None

    def _not_known(self, begin: float, end: float | None, *, observed: bool, until: float = 0) -> None:
        self.unknown_seconds += (until if end is None else end) - begin
        if self._open is None:
            return
        if len(self._open.not_known) < MAX_SPANS:
            self._open.not_known.append(Span(_moment(begin), None if end is None else _moment(end), observed))
        else:
            self._open.more_not_known += 1


def _moment(time: float) -> datetime:
    return datetime.fromtimestamp(time, UTC)
