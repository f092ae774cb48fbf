"""Everything that a report over time says, before it is written in one of the formats."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from dicom_exporter.config.values.time import format_duration
from dicom_exporter.history.episodes import Episode, Observer
from dicom_exporter.history.read import History, Period
from dicom_exporter.report.groups import NO_VALUE
from dicom_exporter.text import escaped
from dicom_exporter.verdict.findings import Kind


@dataclass(frozen=True, slots=True)
class Sum:
    """One target, or several together."""

    name: str
    targets: int
    exposed: int
    """Episodes."""
    exposed_now: int
    """Those that are not over, or of which it is not known."""
    exposed_for: timedelta
    """From the first proof to the proof of the opposite, or to the last proof. What overlaps counts once."""
    down: int
    down_now: int
    down_for: timedelta
    not_known_for: timedelta
    """For how long it was not known: of the service of a target of which this is the longest time."""


@dataclass(frozen=True, slots=True)
class OverTime:
    """All targets that Prometheus knows, over a time."""

    episodes: tuple[Episode, ...]
    """The first one seen first."""
    targets: tuple[Sum, ...]
    groups: tuple[Sum, ...]
    total: Sum
    by: str | None
    begin: datetime
    end: datetime
    step: timedelta
    pause: timedelta
    source: str
    """The URL of Prometheus."""
    alertmanager: str | None
    made: datetime
    version: str

    @property
    def summary(self) -> str:
        """One line, like ``3 targets: 1 exposed in 2 episodes (1 not over), 1 down in 1 episode.``."""
        total = self.total
        parts = [
            f"{sum(bool(getattr(target, kind)) for target in self.targets):,} {kind} in {_episodes(number)}"
            + (f" ({now:,} not over)" if now else "")
            for kind, number, now in (
                ("exposed", total.exposed, total.exposed_now),
                ("down", total.down, total.down_now),
            )
            if number
        ]
        targets = f"{total.targets:,} target{'' if total.targets == 1 else 's'}"
        return f"{targets}: {', '.join(parts) or 'none exposed, none down'}."

    @property
    def notes(self) -> list[str]:
        """How to read it: the limits of what is said."""
        step, pause = (format_duration(each.total_seconds()) for each in (self.step, self.pause))
        notes = [
            f"Times are UTC, in steps of {step}: what happened is up to {step} before the time that is given.",
            "An episode ends when the opposite is proved. While that is unknown, or nothing is recorded, it goes on.",
            f"A time without samples counts as not observed if it is longer than {pause}.",
            "Alerts are those that this Prometheus stored as firing. Whom Alertmanager told then is stored nowhere"
            + ("." if self.alertmanager is None else f"; {self.alertmanager} says whom it tells now."),
            "The due times of NIS2, article 23, are counted from when an episode was first seen. Whether it is a"
            " significant incident, and since when you have been aware of it, is for a person to decide.",
        ]
        if any(episode.before_report for episode in self.episodes):
            notes.append("“Before” the first moment of the report: it may have begun long before, so no time is due.")
        return notes

    @property
    def not_as_expected(self) -> bool:
        """Whether something was exposed, or down."""
        return bool(self.episodes)

    @property
    def could_not_tell(self) -> bool:
        """Whether something was not known at some time."""
        return bool(self.total.not_known_for)


def _episodes(number: int) -> str:
    return f"{number:,} episode{'' if number == 1 else 's'}"


def make_over_time(
    history: History,
    period: Period,
    *,
    by: str | None,
    source: str,
    alertmanager: str | None,
    made: datetime,
    version: str,
) -> OverTime:
    """Put the report together."""
    episodes: dict[Observer, list[Episode]] = {}
    for episode in history.episodes:
        episodes.setdefault(episode.service.observer, []).append(episode)
    not_known: dict[Observer, float] = {}
    for service, track in history.tracks.items():
        not_known[service.observer] = max(track.unknown_seconds, not_known.get(service.observer, 0))
    targets: dict[Observer, Sum] = {}
    grouped: dict[str, list[Sum]] = {}
    for observer in sorted({*history.labels, *not_known}):
        found = _target(observer, episodes.get(observer, ()), not_known.get(observer, 0))
        targets[observer] = found
        if by is not None:
            grouped.setdefault(escaped(history.labels.get(observer, {}).get(by, "")), []).append(found)
    return OverTime(
        tuple(sorted(history.episodes, key=lambda episode: (episode.first_seen, episode.service))),
        tuple(targets.values()),
        tuple(_sum(name or NO_VALUE, grouped[name]) for name in sorted(grouped, key=lambda name: (not name, name))),
        _sum("total", targets.values()),
        by,
        datetime.fromtimestamp(period.begin, UTC),
        datetime.fromtimestamp(period.end, UTC),
        timedelta(seconds=period.step),
        timedelta(seconds=period.pause),
        source,
        alertmanager,
        made,
        version,
    )


def _target(observer: Observer, episodes: Sequence[Episode], not_known: float) -> Sum:
    def of(kind: Kind) -> tuple[int, int, timedelta]:
        found = [episode for episode in episodes if episode.service.kind is kind]
        return len(found), sum(episode.end is None for episode in found), _covered(found)

    return Sum(escaped(observer.target), 1, *of(Kind.EXPOSED), *of(Kind.DOWN), timedelta(seconds=not_known))


def _covered(episodes: Iterable[Episode]) -> timedelta:
    """The time that is in at least one of `episodes`."""
    covered, until = timedelta(), datetime.min.replace(tzinfo=UTC)
    for begin, end in sorted((episode.first_seen, episode.end or episode.last_seen) for episode in episodes):
        covered += max(end - max(begin, until), timedelta())
        until = max(until, end)
    return covered


def _sum(name: str, sums: Iterable[Sum]) -> Sum:
    sums = list(sums)
    return Sum(
        name,
        targets=len(sums),
        exposed=sum(each.exposed for each in sums),
        exposed_now=sum(each.exposed_now for each in sums),
        exposed_for=sum((each.exposed_for for each in sums), timedelta()),
        down=sum(each.down for each in sums),
        down_now=sum(each.down_now for each in sums),
        down_for=sum((each.down_for for each in sums), timedelta()),
        not_known_for=sum((each.not_known_for for each in sums), timedelta()),
    )
