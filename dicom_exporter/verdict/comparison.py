"""Studies that were sent and have not arrived: two targets of one scrape, compared without a name or a UID.

Each StudyInstanceUID of a match becomes a keyed hash as it is read. The key is random, made when the exporter starts
and never leaves the process; the hashes live as long as the scrape.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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
            flows.append(Flow(compare.source, compare.destination, len(source - destination)))
    return flows


def _digests(result: TargetResult | None, query: str) -> frozenset[bytes] | None:
    """Hashes of all studies that the target lists; None if not all were counted."""
    for session in result.sessions if result is not None else ():
        found: QueryResult | None = session.queries.get(query)
        if found is not None and found.outcome.is_success and found.complete:
            return found.digests
    return None
