"""Studies that were sent and have not arrived: two targets of one scrape, compared without a name or a UID.

Each StudyInstanceUID of a match becomes a keyed hash as it is read. The key is random, made when the exporter starts
and never leaves the process; the hashes live as long as the scrape, those of missing studies until they have arrived.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from dicom_exporter.config import Compare
from dicom_exporter.results import Flow, QueryResult, TargetResult


class MissingSince:
    """Since when studies have been missing, by their hashes: of those that were missing at the last look alone."""

    def __init__(self) -> None:
        self._since: dict[Compare, dict[bytes, float]] = {}

    def keep(self, comparisons: Collection[Compare]) -> None:
        """Forget all other comparisons."""
        self._since = {compare: since for compare, since in self._since.items() if compare in comparisons}

    def oldest(self, compare: Compare, missing: Iterable[bytes], now: float) -> float:
        """Note which are `missing` at `now`; return for how many seconds one of them has been, 0 if none is."""
        before = self._since.get(compare, {})
        since = self._since[compare] = {study: before.get(study, now) for study in missing}
        return now - min(since.values(), default=now)


def missing_studies(
    comparisons: Iterable[Compare], results: Sequence[TargetResult], missing_since: MissingSince, now: float
) -> list[Flow]:
    """How many studies each comparison's source lists that its destination does not, at `now` (seconds of any clock).

    A comparison is left out if it is not known: a target is not among the `results`, or a count is not complete.
    """
    by_name = {result.target: result for result in results}
    flows = []
    for compare in comparisons:
        source = _digests(by_name.get(compare.source), compare.query)
        destination = _digests(by_name.get(compare.destination), compare.query)
        if source is not None and destination is not None:
            missing = source.keys() - destination.keys()
            incomplete = _incomplete(source, destination) if compare.images else None
            oldest = missing_since.oldest(compare, missing, now)
            flows.append(Flow(compare.source, compare.destination, len(missing), incomplete, oldest))
    return flows


def _incomplete(source: Mapping[bytes, int | None], destination: Mapping[bytes, int | None]) -> int | None:
    """How many studies have fewer images at the destination; None if that is not known of one that both list."""
    pairs = [(source[study], destination[study]) for study in source.keys() & destination.keys()]
    known = [(sent, arrived) for sent, arrived in pairs if sent is not None and arrived is not None]
    return sum(arrived < sent for sent, arrived in known) if len(known) == len(pairs) else None


def _digests(result: TargetResult | None, query: str) -> Mapping[bytes, int | None] | None:
    """Hashes of all studies that the target lists, with their images; None if not all were counted."""
    for session in result.sessions if result is not None else ():
        found: QueryResult | None = session.queries.get(query)
        if found is not None and found.outcome.is_success and found.complete:
            return found.digests
    return None
