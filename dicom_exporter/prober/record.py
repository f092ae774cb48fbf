"""The record of a probe that has ended: what it found, and what is wrong with the target."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dicom_exporter.config import Target
from dicom_exporter.results import SessionResult, TargetResult
from dicom_exporter.verdict.findings import Finding, Status, assess, status_of
from dicom_exporter.verdict.ladder import Verdict


@dataclass(frozen=True, slots=True)
class ProbeRecord:
    """One probe of one target. Several scrapes may share it."""

    target: Target
    """As it was configured when the probe began."""
    modules: tuple[str, ...]
    """Names of the modules that ran."""
    result: TargetResult
    verdict: Verdict | None
    """How far strangers got; None if none was sent."""
    findings: tuple[Finding, ...]
    """What is not as expected, worst first; empty if everything is."""
    start: float
    """Unix time at which the probe began."""
    reused: frozenset[str] = frozenset()
    """Identities that were not due: their last results are reused (`every`)."""
    cut_short: frozenset[str] = frozenset()
    """Identities whose probes ran out of the little time that the request allowed. That says nothing about the target:
    neither the history nor the log of changes takes it."""

    @property
    def sessions(self) -> tuple[SessionResult, ...]:
        """What each identity found."""
        return self.result.sessions

    @property
    def status(self) -> Status:
        """The status of the target by this probe alone."""
        return status_of(self.findings)

    def findings_of(self, identity: str) -> tuple[Finding, ...]:
        """The findings in the session of `identity`, and those about the target as a whole."""
        return tuple(finding for finding in self.findings if finding.identity in (None, identity))


def make_record(
    target: Target,
    modules: tuple[str, ...],
    result: TargetResult,
    start: float,
    reused: frozenset[str] = frozenset(),
    cut_short: frozenset[str] = frozenset(),
) -> ProbeRecord:
    """The record of a probe that found `result`, judged here and nowhere else."""
    verdict, findings = assess(target, result.sessions)
    return ProbeRecord(target, modules, result, verdict, findings, start, reused, cut_short)


OnResult = Callable[[ProbeRecord], None]
"""Called on the event loop at the end of each probe, ten thousand times in a scrape: it must not block."""
