"""The last probes of each target, for the pages; nothing else depends on them, and a restart forgets them.

Memory is bounded twice. Of one target at most `limit` probes are kept, half of them for those that were not as
expected, so that a failure of last night is still there after a morning of successes. Of all targets together at most
`MAX_PROBES` are kept (but never fewer than the last one and the last failure of each), so that ten thousand targets
cost a few KiB each. What is kept is what the probe made anyhow: nothing is copied, or written out, when it comes.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dicom_exporter import DEFAULT_HISTORY_LIMIT
from dicom_exporter.config import Config, Target
from dicom_exporter.prober.record import ProbeRecord
from dicom_exporter.results import SessionResult, TargetResult
from dicom_exporter.verdict.findings import Standing, stand

MAX_PROBES = 20_000
"""Of all targets together, at one to three KiB each."""


@dataclass(slots=True)
class Track:
    """What is known of one target."""

    target: Target
    latest: tuple[SessionResult, ...] = ()
    """The last session of each of the target's own identities, whichever scrapes they came from."""
    standing: Standing = Standing.NEVER_PROBED
    since: float | None = None
    """Unix time at which the probe began that first found it so."""
    since_first: bool = True
    """Whether it was so from the first probe on: then it may have been so before."""
    last: float | None = None
    """Unix time at which the last probe began."""
    _fine: list[ProbeRecord] = field(default_factory=list)
    _failed: list[tuple[ProbeRecord, Standing]] = field(default_factory=list)

    @property
    def probes(self) -> list[tuple[ProbeRecord, Standing]]:
        """The probes that are kept and what each found, the youngest first."""
        fine = [(finished, Standing.OK) for finished in self._fine]
        return sorted([*fine, *self._failed], key=lambda entry: -entry[0].start)

    def add(self, finished: ProbeRecord, identities: frozenset[str], limit: int) -> None:
        """Keep `finished`, and let go of what is beyond `limit`. `identities` are the target's own."""
        sessions = finished.result.sessions
        self.last = finished.start
        found = stand(self.target, sessions)
        latest = _merged(self.latest, sessions, identities)
        self._note(latest, found if latest == sessions else stand(self.target, latest), finished.start)
        if len(finished.reused) == len(sessions):
            return  # nobody went there: the last results are in the list already
        if found is Standing.OK:
            self._fine.append(finished)
        else:
            self._failed.append((finished, found))
        while len(self._fine) + len(self._failed) > limit:
            fine_first = len(self._fine) > limit // 2 and (len(self._fine) > 1 or found is not Standing.OK)
            (self._fine if fine_first else self._failed).pop(0)

    def configured(self, target: Target) -> None:
        """Go on under a new configuration of the same place, which may expect something else."""
        self.target = target
        if self.since is not None and self.last is not None:
            self._note(self.latest, stand(target, self.latest), self.last)

    def _note(self, latest: tuple[SessionResult, ...], standing: Standing, when: float) -> None:
        self.latest = latest
        if standing is not self.standing:
            self.since_first = self.since is None
            self.since = when
            self.standing = standing


class History:
    """A `Track` for each target of the configuration, and for no other: a target of one request leaves no trace."""

    def __init__(self, config: Config, limit: int = DEFAULT_HISTORY_LIMIT) -> None:
        self.started = time.time()
        """Unix time from which on it is kept."""
        self._limit = limit
        self._tracks: dict[str, Track] = {}
        self.reload(config)

    def reload(self, config: Config) -> None:
        """Forget targets that `config` does not have, and those that moved: what was found there says nothing now."""
        tracks = {}
        for target in config.targets:
            track = self._tracks.get(target.name)
            if track is None or _place(track.target) != _place(target):
                track = Track(target)
            elif track.target != target:
                track.configured(target)
            tracks[target.name] = track
        self._tracks = tracks
        self._identities = {
            names: frozenset(config.modules[name].identity for name in names)
            for names in {target.modules for target in config.targets}
        }

    def add(self, finished: ProbeRecord) -> None:
        """Keep a probe. One that began before its target was configured anew, and elsewhere, is let go."""
        track = self._tracks.get(finished.target.name)
        if track is None or (track.target is not finished.target and _place(track.target) != _place(finished.target)):
            return
        if (result := _without_digests(finished.result)) is not finished.result:
            finished = replace(finished, result=result)
        track.add(finished, self._identities[track.target.modules], self._share)

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


def _merged(
    kept: Sequence[SessionResult], new: Sequence[SessionResult], identities: frozenset[str]
) -> tuple[SessionResult, ...]:
    """The last session of each of `identities`. One that said nothing of the echo does not replace one that did."""
    sessions = {session.identity: session for session in kept}
    for session in new:
        before = sessions.get(session.identity)
        if session.identity in identities and (before is None or before.echo is None or session.echo is not None):
            sessions[session.identity] = session
    return tuple(sessions.values())


def _without_digests(result: TargetResult) -> TargetResult:
    """`result` without the hashes by which targets are compared: they are gone with the scrape."""
    if all(query.digests is None for session in result.sessions for query in session.queries.values()):
        return result
    return replace(
        result,
        sessions=tuple(
            replace(session, queries={name: replace(query, digests=None) for name, query in session.queries.items()})
            for session in result.sessions
        ),
    )


def _place(target: Target) -> tuple[Any, ...]:
    return (target.address, target.called_ae_title, target.dicomweb, target.web)
