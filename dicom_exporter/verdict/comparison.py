"""Studies that were sent and have not arrived: two targets of one scrape, compared without a name or a UID.

Each StudyInstanceUID of a match becomes a keyed hash as it is read. The key is random, made when the exporter starts
and never leaves the process; the hashes live as long as the scrape.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from dicom_exporter.config import Compare
from dicom_exporter.results import Flow, QueryResult, TargetResult


def missing_studies(comparisons: Iterable[Compare], results: Sequence[TargetResult]) -> list[Flow]:
    """How many studies each comparison's source lists that its destination does not.

    A comparison is left out if it is not known: a target is not among the `results`, or a count is not complete.
    """
    by_name = {result.target: result for result in results}
    flows = []
    for compare in comparisons:
        source = _digests(by_name.get(compare.source), compare.query)
        destination = _digests(by_name.get(compare.destination), compare.query)
        if source is not None and destination is not None:
            missing = len(source.keys() - destination.keys())
            incomplete = _incomplete(source, destination) if compare.images else None
            flows.append(Flow(compare.source, compare.destination, missing, incomplete))
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
