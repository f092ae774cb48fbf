"""The list of targets that a request asks for: filtered, worst first, one page at a time."""

from collections import Counter, defaultdict
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
GROUPS = 50
"""Groups on one page."""
GROUP_SIZE = 10
"""Targets of a group that are listed; a link leads to the others."""
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
    by: str = ""
    """The name of a label to group by."""

    @property
    def narrows(self) -> bool:
        """Whether it leaves anything out."""
        return bool(self.text or self.labels or self.status)

    def without(self, label: str) -> tuple[str, ...]:
        """The labels except one."""
        return tuple(other for other in self.labels if other != label)

    def with_label(self, value: str) -> str:
        """The query string of a link to the targets of a group alone, ungrouped."""
        label = f"{self.by}={value}"
        return self.query(by="", labels=(*self.without(label), label))

    def query(self, **changes: object) -> str:
        """The query string of a link to the same list with `changes`; of its first page, unless they name one."""
        wanted = replace(self, **{"page": 1, **changes})  # type: ignore[arg-type]
        pairs = [("q", wanted.text)] if wanted.text else []
        pairs += [("label", label) for label in wanted.labels]
        pairs += [("state", wanted.status.value)] if wanted.status else []
        pairs += [("by", wanted.by)] if wanted.by else []
        pairs += [("page", str(wanted.page))] if wanted.page > 1 else []
        return f"?{urlencode(pairs)}"


@dataclass(frozen=True, slots=True)
class Group:
    """The targets with one value of the label that is grouped by."""

    value: str
    """Empty: they do not have the label."""
    tracks: Sequence[Track]
    """At most `GROUP_SIZE`, the worst first."""
    counts: Mapping[Status, int]
    """How many have each status, worst first."""

    @property
    def size(self) -> int:
        """All targets of the group."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class Overview:
    """One page of the list."""

    wanted: Wanted
    tracks: Sequence[Track]
    """Empty if they are in `groups`."""
    groups: Sequence[Group]
    found: int
    """Targets on all pages."""
    total: int
    counts: Mapping[Status, int]
    """How many of all targets have each status, without those that none has. Worst first."""
    pages: int
    labels: Sequence[str]
    """Labels to choose from; empty if there are too many."""
    names: Sequence[str]
    """Names of labels to group by."""

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
        query.get("by", "")[:_MAX_TEXT],
    )


def overview(tracks: Sequence[Track], wanted: Wanted) -> Overview:
    """The wanted page of `tracks`; the last one if there are fewer."""
    found = sorted((track for track in tracks if _matches(track, wanted)), key=_urgency)
    groups = _grouped(found, wanted.by) if wanted.by else []
    listed, size = (groups, GROUPS) if wanted.by else (found, PAGE_SIZE)
    pages = max(1, -(-len(listed) // size))
    wanted = replace(wanted, page=min(wanted.page, pages))
    here = slice((wanted.page - 1) * size, wanted.page * size)
    return Overview(
        wanted,
        [] if wanted.by else found[here],
        groups[here],
        len(found),
        len(tracks),
        _counts(tracks),
        pages,
        _labels(track.target.shown for track in tracks),
        sorted({name for track in tracks for name in track.target.shown.labels}),
    )


def _counts(tracks: Iterable[Track]) -> dict[Status, int]:
    counts = Counter(track.status for track in tracks)
    return {status: counts[status] for status in Status if counts[status]}


def _grouped(found: Iterable[Track], name: str) -> list[Group]:
    """The group with the worst target first; of several, the one that has more of these."""
    by_value: defaultdict[str, list[Track]] = defaultdict(list)
    for track in found:
        by_value[track.target.shown.labels.get(name, "")].append(track)
    groups = [Group(value, tracks[:GROUP_SIZE], _counts(tracks)) for value, tracks in by_value.items()]
    return sorted(groups, key=lambda group: ([(_ORDER[each], -n) for each, n in group.counts.items()], group.value))


_ORDER = {status: index for index, status in enumerate(Status)}


def _urgency(track: Track) -> tuple[int, int, float, str]:
    """Worst first: by status, then by the severity of the worst finding; then the newest, then by name."""
    severity = track.findings[0].severity if track.findings else 0
    return _ORDER[track.status], severity, -(track.since or 0) if track.findings else 0, track.target.name


def _matches(track: Track, wanted: Wanted) -> bool:
    target = track.target.shown
    if wanted.status is not None and track.status is not wanted.status:
        return False
    for name, _, value in (label.partition("=") for label in wanted.labels):
        if target.labels.get(name, "") != value:
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
