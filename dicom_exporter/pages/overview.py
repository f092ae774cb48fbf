"""The list of targets as a person wants it: the worst first, those that were asked for, one page of them at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from multidict import MultiMapping

from dicom_exporter.config import Target
from dicom_exporter.pages.history import Track
from dicom_exporter.verdict.findings import RANKS, Standing, exceeding
from dicom_exporter.verdict.ladder import judge

PAGE_SIZE = 100
MAX_LABELS = 200
"""Label values that the form offers; where there are more, somebody types."""
_MAX_TEXT = 200
"""Characters of what is searched for."""
_MAX_FILTERS = 10


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request asks to see."""

    text: str = ""
    labels: tuple[str, ...] = ()
    """Like ``site=north``; all of them."""
    standing: Standing | None = None
    page: int = 1

    @property
    def narrows(self) -> bool:
        """Whether it leaves anything out."""
        return bool(self.text or self.labels or self.standing)

    def without(self, label: str) -> tuple[str, ...]:
        """The labels but for one."""
        return tuple(other for other in self.labels if other != label)

    def query(self, **changes: object) -> str:
        """The query string of a link to the same with `changes`; those of what is seen lead to its first page."""
        wanted = replace(self, **{"page": 1, **changes})  # type: ignore[arg-type]
        pairs = [("q", wanted.text)] if wanted.text else []
        pairs += [("label", label) for label in wanted.labels]
        pairs += [("state", wanted.standing.value)] if wanted.standing else []
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
    counts: Mapping[Standing, int]
    """How many of all targets stand how; those that none does are missing. Worst first."""
    pages: int
    labels: Sequence[str]
    """What may be filtered by, empty where that would be too many."""

    @property
    def first(self) -> int:
        """The number of the first target on this page, from 1."""
        return (self.wanted.page - 1) * PAGE_SIZE + 1


def read(query: MultiMapping[str]) -> Wanted:
    """What a query string asks for. What makes no sense is left out: it is somebody's link, or half a form."""
    labels = [label[:_MAX_TEXT] for label in query.getall("label", []) if "=" in label][:_MAX_FILTERS]
    page = query.get("page", "")
    return Wanted(
        query.get("q", "").strip()[:_MAX_TEXT],
        tuple(dict.fromkeys(labels)),
        next((standing for standing in Standing if standing.value == query.get("state")), None),
        int(page) if page.isascii() and page.isdigit() and len(page) < 7 and int(page) else 1,
    )


def overview(tracks: Sequence[Track], wanted: Wanted) -> Overview:
    """The page of `tracks` that is wanted; the last one where it would lie behind it."""
    counts = Counter(track.standing for track in tracks)
    found = sorted((track for track in tracks if _matches(track, wanted)), key=_urgency)
    pages = max(1, -(-len(found) // PAGE_SIZE))
    wanted = replace(wanted, page=min(wanted.page, pages))
    start = (wanted.page - 1) * PAGE_SIZE
    return Overview(
        wanted,
        found[start : start + PAGE_SIZE],
        len(found),
        len(tracks),
        {standing: counts[standing] for standing in Standing if counts[standing]},
        pages,
        _labels(track.target for track in tracks),
    )


def _urgency(track: Track) -> tuple[int, int, float, str]:
    """Worst first; of the exposed those first that go furthest, then what is newest, then by name."""
    level = 0
    if track.standing is Standing.EXPOSED:
        verdict = judge(track.latest)
        level = max((level for _, level in exceeding(track.target, verdict)), default=0) if verdict else 0
    bad = track.standing is not Standing.OK
    return RANKS[track.standing], -level, -(track.since or 0) if bad else 0, track.target.name


def _matches(track: Track, wanted: Wanted) -> bool:
    target = track.target
    if wanted.standing is not None and track.standing is not wanted.standing:
        return False
    if wanted.labels and not {f"{name}={value}" for name, value in target.labels.items()}.issuperset(wanted.labels):
        return False
    return all(word in _text(target) for word in wanted.text.casefold().split())


def _text(target: Target) -> str:
    """What is searched for a text."""
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
