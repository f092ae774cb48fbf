"""The last probes of each target, for the pages. Nothing else depends on them, and a restart forgets them.

Memory is bounded twice. Of one target at most `limit` probes are kept, half of them for those that were not as
expected, so that a failure of last night is still there after a morning of successes. Of all targets together at most
`MAX_PROBES` are kept (but never fewer than the last one and the last failure of each), so that ten thousand targets
cost a few KiB each. Long records are kept packed, and unpacked for whoever looks at the page of the target.
"""

import pickle
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dicom_exporter import DEFAULT_HISTORY_LIMIT
from dicom_exporter.config import Config, Expect, Target
from dicom_exporter.enums import LadderLevel, LadderService
from dicom_exporter.prober.record import ProbeRecord, make_record
from dicom_exporter.results import SessionResult, TargetResult
from dicom_exporter.verdict.findings import Finding, Kind, Status, assess, availability_of, find, status_of
from dicom_exporter.verdict.ladder import Verdict

RECENT = 30
"""Probes of a target of which the overview shows the status."""
MAX_PROBES = 20_000
"""Of all targets together, at one to two KiB each."""
_SHORT_QUERIES = 1
"""Queries of a record that takes no more memory than a packed one. Packing takes a fifth of the time of a C-ECHO."""


@dataclass(frozen=True, slots=True)
class Proof:
    """The last proof of how far a stranger gets with a service."""

    level: LadderLevel
    when: float
    """Unix time of the probe."""


@dataclass(frozen=True, slots=True)
class _Packed:
    """A record in a sixth of its memory: what strangers found is some hundred objects."""

    target: Target
    modules: tuple[str, ...]
    start: float
    reused: frozenset[str]
    sessions: bytes
    """Pickled, and never outside of this process."""

    def unpacked(self) -> ProbeRecord:
        """The record as it was: verdict and findings follow from the sessions."""
        result = TargetResult(self.target.name, pickle.loads(self.sessions))  # noqa: S301 - bytes of our own
        return make_record(self.target, self.modules, result, self.start, self.reused)


@dataclass(slots=True)
class Track:
    """What is known of one target."""

    target: Target
    latest: tuple[SessionResult, ...] = ()
    """The last session of each of the target's own identities, whichever scrapes they came from."""
    verdict: Verdict | None = None
    findings: tuple[Finding, ...] = ()
    """Of `latest`; see `ProbeRecord`."""
    status: Status = Status.NEVER_PROBED
    since: float | None = None
    """Unix time at which the first probe with this status began."""
    since_first: bool = True
    """Whether it has had this status from the first probe on, and so may have had it before."""
    last: float | None = None
    """Unix time at which the last probe began."""
    interval: float | None = None
    """Seconds between the last two probes."""
    proved: dict[LadderService, Proof] = field(default_factory=dict)
    """The last known level of each service; while it is not known, what was proved since, if that is higher. The
    recording rule `dicom:exposure_level:last` says the same."""
    held: bool = False
    """Whether the last probe could not tell, so that an earlier one still counts: only the opposite ends `exposed` or
    `down`."""
    recent: tuple[Status, ...] = ()
    """The status of each of the last `RECENT` probes, the youngest last."""
    _down: dict[str, SessionResult] = field(default_factory=dict)
    """The last session of each identity that found the target down, until one has found the opposite."""
    _fine: list[ProbeRecord | _Packed] = field(default_factory=list)
    _failed: list[ProbeRecord | _Packed] = field(default_factory=list)

    def stale(self, now: float) -> bool:
        """Whether it was not probed for more than three of its own intervals, and so may have changed."""
        return self.last is not None and self.interval is not None and now - self.last > max(3 * self.interval, 300)

    @property
    def probes(self) -> list[ProbeRecord]:
        """The probes that are kept, the youngest first."""
        kept = sorted([*self._fine, *self._failed], key=lambda record: -record.start)
        return [record.unpacked() if isinstance(record, _Packed) else record for record in kept]

    def add(self, record: ProbeRecord, identities: frozenset[str], limit: int) -> None:
        """Keep `record`, and drop what exceeds `limit`. `identities` are the target's own."""
        sessions = record.sessions
        self.interval = record.start - self.last if self.last is not None else None
        self.last = record.start
        latest = _merged(self.latest, sessions, identities)
        if latest == sessions and self.target is record.target:
            self._update(latest, record.verdict, record.findings, record.start)
        else:  # sessions of several scrapes together, or the target is configured in another way by now
            self._update(latest, *assess(self.target, latest), record.start)
        self._prove(record)
        if len(record.reused) == len(sessions):
            return  # no identity was due: these results are in the list already
        self.recent = (*self.recent, self.status)[-RECENT:]
        (self._failed if record.findings else self._fine).append(_packed(record))
        while len(self._fine) + len(self._failed) > limit:
            fine_first = len(self._fine) > limit // 2 and (len(self._fine) > 1 or bool(record.findings))
            (self._fine if fine_first else self._failed).pop(0)

    def configured(self, target: Target) -> None:
        """Continue under a new configuration of the same network location, which may expect something else."""
        self.target = target
        if self.since is not None and self.last is not None:
            self._update(self.latest, *assess(target, self.latest), self.last)

    def _prove(self, record: ProbeRecord) -> None:
        """Note what `record` proved about strangers."""
        verdict = record.verdict
        if verdict is None:
            return
        runs = [session.last_run for session in record.sessions if session.stranger is not None]
        when = max((run for run in runs if run is not None), default=record.start)
        for service, level in verdict.at_least.items():
            before = self.proved.get(service)
            if verdict.levels[service] is not None or before is None or level > before.level:
                self.proved[service] = Proof(level, when)

    def _update(
        self,
        latest: tuple[SessionResult, ...],
        verdict: Verdict | None,
        findings: tuple[Finding, ...],
        when: float,
    ) -> None:
        self.latest, self.verdict = latest, verdict
        self.findings = self._held(latest, verdict) or findings
        self.held = self.findings is not findings
        status = status_of(self.findings)
        if status is not self.status:
            self.since_first = self.since is None
            self.since = when
            self.status = status

    def _held(self, latest: Sequence[SessionResult], verdict: Verdict | None) -> tuple[Finding, ...]:
        """The findings, if what `latest` could not tell is as it was proved before; none if nothing was."""
        for session in latest:
            kind = availability_of(session)
            if kind is Kind.DOWN and session.stranger is None:
                self._down[session.identity] = session
            elif kind is not Kind.UNKNOWN:
                self._down.pop(session.identity, None)
        sessions = [
            self._down.get(session.identity, session) if availability_of(session) is Kind.UNKNOWN else session
            for session in latest
        ]
        known = dict(verdict.at_least) if verdict is not None else {}
        for service, proof in self.proved.items():
            if verdict is not None and verdict.levels.get(service, proof.level) is None:
                known[service] = max(proof.level, known.get(service, proof.level))
        unchanged = verdict is None or known == verdict.at_least
        if self.target.expect is Expect.CONTROL or (unchanged and sessions == list(latest)):
            return ()
        found = find(self.target, sessions, verdict if verdict is None else replace(verdict, at_least=known))
        return found if status_of(found) in (Status.EXPOSED, Status.DOWN) else ()


class History:
    """A `Track` for each target of the configuration, and for no other: a target of one request leaves no trace."""

    def __init__(self, config: Config, limit: int = DEFAULT_HISTORY_LIMIT) -> None:
        self.started = time.time()
        """Unix time from which on it is kept."""
        self._limit = limit
        self._tracks: dict[str, Track] = {}
        self.reload(config)

    def reload(self, config: Config) -> None:
        """Forget targets that are gone from `config`, and those that moved: results of another address say nothing."""
        tracks = {}
        for target in config.targets:
            track = self._tracks.get(target.name)
            if track is None or _location(track.target) != _location(target):
                track = Track(target)
            elif (track.target, track.target.shown) != (target, target.shown):
                track.configured(target)
            tracks[target.name] = track
        self._tracks = tracks
        self._identities = {
            names: frozenset(config.modules[name].identity for name in names)
            for names in {target.modules for target in config.targets}
        }

    def add(self, record: ProbeRecord) -> None:
        """Keep a probe. One that began before a reload moved its target is dropped, and one that was cut short."""
        if record.cut_short:
            return
        track = self._tracks.get(record.target.name)
        if track is None or (track.target is not record.target and _location(track.target) != _location(record.target)):
            return
        if (result := _without_digests(record.result)) is not record.result:
            record = replace(record, result=result)
        track.add(record, self._identities[track.target.modules], self._share)

    def of(self, target: Target) -> Track:
        """What is known of `target`."""
        return self._tracks.get(target.name) or Track(target)

    def all(self) -> list[Track]:
        """The tracks of all targets, in the order of the configuration."""
        return list(self._tracks.values())

    @property
    def _share(self) -> int:
        """How many probes of one target are kept."""
        return max(min(self._limit, 2), min(self._limit, MAX_PROBES // len(self._tracks)))


def _packed(record: ProbeRecord) -> ProbeRecord | _Packed:
    """`record`, packed if that makes it smaller."""
    sessions = record.sessions
    strangers = [session.stranger for session in sessions if session.stranger is not None]
    if not strangers and sum(len(session.queries) for session in sessions) <= _SHORT_QUERIES:
        return record
    if len(sessions) == len(strangers) == 1 and sessions[0].peer is None and len(strangers[0].attempts) == 1:
        return record  # most closed targets
    return _Packed(record.target, record.modules, record.start, record.reused, pickle.dumps(sessions, protocol=5))


def _merged(
    kept: Sequence[SessionResult], new: Sequence[SessionResult], identities: frozenset[str]
) -> tuple[SessionResult, ...]:
    """The last session of each of `identities`. One without an echo does not replace one that has it, and one in which
    nothing was due does not replace one in which something was.
    """
    sessions = {session.identity: session for session in kept}
    for session in new:
        before = sessions.get(session.identity)
        if session.identity in identities and (before is None or _says_enough(session, before)):
            sessions[session.identity] = session
    return tuple(sessions.values())


def _says_enough(session: SessionResult, before: SessionResult) -> bool:
    if before.echo is not None:
        return session.echo is not None
    nothing_was_due = session.duration is None and session.association is None and session.stranger is None
    return before.association is None or not nothing_was_due


def _without_digests(result: TargetResult) -> TargetResult:
    """`result` without the hashes by which targets are compared: they must not outlive the scrape."""
    if all(query.digests is None for session in result.sessions for query in session.queries.values()):
        return result
    return replace(
        result,
        sessions=tuple(
            replace(session, queries={name: replace(query, digests=None) for name, query in session.queries.items()})
            for session in result.sessions
        ),
    )


def _location(target: Target) -> tuple[Any, ...]:
    return (target.address, target.called_ae_title, target.dicomweb, target.web)
