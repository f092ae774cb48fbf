"""The list of targets that a request asks for: filtered, worst first, one page at a time."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from multidict import MultiMapping

from dicom_exporter.config import Target
from dicom_exporter.pages.history import Track
from dicom_exporter.verdict.findings import Status

PAGE_SIZE = 100
MAX_LABELS = 200
"""Label values that the form offers; if there are more, it has a text field."""
_MAX_TEXT = 200
"""Longest text of a filter, in characters."""
_MAX_FILTERS = 10


@dataclass(frozen=True, slots=True)
class Wanted:
    """The filters of a request, and the page of the list."""

    text: str = ""
    labels: tuple[str, ...] = ()
    """Like ``site=north``; all of them."""
    status: Status | None = None
    page: int = 1

    @property
    def narrows(self) -> bool:
        """Whether it leaves anything out."""
        return bool(self.text or self.labels or self.status)

    def without(self, label: str) -> tuple[str, ...]:
        """The labels except one."""
        return tuple(other for other in self.labels if other != label)

    def query(self, **changes: object) -> str:
        """The query string of a link to the same list with `changes`; of its first page, unless they name one."""
        wanted = replace(self, **{"page": 1, **changes})  # type: ignore[arg-type]
        pairs = [("q", wanted.text)] if wanted.text else []
        pairs += [("label", label) for label in wanted.labels]
        pairs += [("state", wanted.status.value)] if wanted.status else []
        pairs += [("page", str(wanted.page))] if wanted.page > 1 else []
        return f"?{urlencode(pairs)}"


@dataclass(frozen=True, slots=True)
class Overview:
    """One page of the list."""

    wanted: Wanted
    tracks: Sequence[Track]
    found: int
    """Targets on all pages."""
    total: int
    counts: Mapping[Status, int]
    """How many of all targets have each status, without those that none has. Worst first."""
    pages: int
    labels: Sequence[str]
    """Labels to choose from; empty if there are too many."""

    @property
    def first(self) -> int:
        """The number of the first target on this page, from 1."""
        return (self.wanted.page - 1) * PAGE_SIZE + 1


def read(query: MultiMapping[str]) -> Wanted:
    """What a query string asks for. Invalid values are ignored: a link may be anyone's, and a form incomplete."""
    labels = [label[:_MAX_TEXT] for label in query.getall("label", []) if "=" in label][:_MAX_FILTERS]
    page = query.get("page", "")
    return Wanted(
        query.get("q", "").strip()[:_MAX_TEXT],
        tuple(dict.fromkeys(labels)),
        next((status for status in Status if status.value == query.get("state")), None),
        int(page) if page.isascii() and page.isdigit() and len(page) < 7 and int(page) else 1,
    )


def overview(tracks: Sequence[Track], wanted: Wanted) -> Overview:
    """The wanted page of `tracks`; the last one if there are fewer."""
    counts = Counter(track.status for track in tracks)
    found = sorted((track for track in tracks if _matches(track, wanted)), key=_urgency)
    pages = max(1, -(-len(found) // PAGE_SIZE))
    wanted = replace(wanted, page=min(wanted.page, pages))
    start = (wanted.page - 1) * PAGE_SIZE
    return Overview(
        wanted,
        found[start : start + PAGE_SIZE],
        len(found),
        len(tracks),
        {status: counts[status] for status in Status if counts[status]},
        pages,
        _labels(track.target.shown for track in tracks),
    )


_ORDER = {status: index for index, status in enumerate(Status)}


def _urgency(track: Track) -> tuple[int, int, float, str]:
    """Worst first: by status, then by the severity of the worst finding; then the newest, then by name."""
    severity = track.findings[0].severity if track.findings else 0
    return _ORDER[track.status], severity, -(track.since or 0) if track.findings else 0, track.target.name


def _matches(track: Track, wanted: Wanted) -> bool:
    target = track.target.shown
    if wanted.status is not None and track.status is not wanted.status:
        return False
    if wanted.labels and not {f"{name}={value}" for name, value in target.labels.items()}.issuperset(wanted.labels):
        return False
    return all(word in _text(target) for word in wanted.text.casefold().split())


def _text(target: Target) -> str:
    """What the filter `q` searches."""
    labels = (f"{name}={value}" for name, value in target.labels.items())
    parts = (target.name, str(target.address), target.called_ae_title, target.expect.value, *labels)
    return "\n".join(parts).casefold()


def _labels(targets: Iterable[Target]) -> list[str]:
    found: set[str] = set()
    for target in targets:
        found.update(f"{name}={value}" for name, value in target.labels.items())
        if len(found) > MAX_LABELS:
            return []
    return sorted(found)
