"""Which targets are listed, and in which order."""

from __future__ import annotations

from dataclasses import replace

import pytest
from multidict import MultiDict
from yarl import URL

from dicom_exporter.config import Config, Target
from dicom_exporter.enums import Outcome
from dicom_exporter.pages.history import History
from dicom_exporter.pages.overview import Wanted, overview, read
from dicom_exporter.results import Attempt, SessionResult, StrangerResult
from dicom_exporter.verdict.findings import Status
from tests import builders


def names(query: str, history: History | None = None) -> list[str]:
    """The names on the page that a query string gives."""
    tracks = (history or builders.history()).all()
    return [track.target.name for track in overview(tracks, read(URL(f"/{query}").query)).tracks]


def test_overview_exposed_sorted_by_level_then_newest() -> None:
    def exposed(outcome: Outcome) -> tuple[SessionResult, ...]:
        return (replace(builders.SHUT, stranger=StrangerResult((Attempt(outcome),))),)

    one, two, three, four = (replace(builders.SHUT_TARGET, name=name) for name in ("one", "two", "three", "four"))
    history = History(Config((one, two, three, four)))
    history.add(builders.recent(one, *exposed(Outcome.NO_ANSWER), ago=50))
    history.add(builders.recent(two, *exposed(Outcome.SUCCESS), ago=90))
    history.add(builders.recent(three, builders.UNRESOLVED, ago=1))
    history.add(builders.recent(four, *exposed(Outcome.NO_ANSWER), ago=10))
    assert names("", history) == ["two", "four", "one", "three"]


@pytest.mark.parametrize(
    ("query", "listed"),
    [
        ("?q=SITE%3DSOUTH", ["archive south"]),
        ("?q=PACS.hospital", ["main-pacs"]),
        ("?q=2001:db8", ["never-asked", "archive south"]),
        ("?q=available+mainpacs", ["main-pacs", "does-not-know-us"]),
        ("?q=site%3Dsouth", ["archive south"]),
        ("?q=nothing", []),
        ("?label=country%3DFR", ["archive south"]),
        ("?label=country%3DDE&q=mainpacs", ["main-pacs", "does-not-know-us"]),
        ("?label=country%3DDE&label=site%3Dsouth", []),
        ("?label=country%3DD", []),
        ("?state=down", ["main-pacs"]),
        ("?state=ok&label=site%3Dnorth", ["shut"]),
        ("?label=site%3D", ["never-asked"]),
    ],
)
def test_overview_filters(query: str, listed: list[str]) -> None:
    assert names(query) == listed


@pytest.mark.parametrize(
    "query", ["?state=nonsense", "?label=", "?label=nonsense", "?page=x", "?page=-1", "?page=0", "?page=٣"]
)
def test_read_ignores_invalid_values(query: str) -> None:
    assert read(URL(f"/{query}").query) == Wanted()


def test_read_bounds_text_and_labels() -> None:
    wanted = read(MultiDict([("q", "x" * 9999), *(("label", f"l={number}") for number in range(999))]))
    assert (len(wanted.text), len(wanted.labels)) == (200, 10)


def test_wanted_query_round_trip() -> None:
    wanted = Wanted("a & b", ("site=north", "x=ü"), Status.DOWN, page=7, by="site")
    assert read(URL(f"/{wanted.query(page=7)}").query) == wanted
    assert read(URL(f"/{wanted.query(status=None)}").query) == replace(wanted, status=None, page=1)
    assert wanted.without("site=north") == ("x=ü",)


def test_overview_counts_are_of_all_targets() -> None:
    seen = overview(builders.history().all(), Wanted("nothing"))
    assert (seen.found, seen.total) == (0, 8)
    assert next(iter(seen.counts.items())) == (Status.EXPOSED, 1)
    assert seen.counts[Status.OK] == 2


def test_overview_too_many_labels_are_not_listed() -> None:
    targets: list[Target] = [replace(builders.OK_TARGET, name=str(n), labels={"n": str(n)}) for n in range(300)]
    assert overview(History(Config(tuple(targets))).all(), Wanted()).labels == []


def test_overview_by_label_is_groups_with_counts_worst_first() -> None:
    seen = overview(builders.history().all(), read(URL("/?by=site").query))
    assert seen.tracks == []
    assert sum(group.size for group in seen.groups) == seen.found == 8
    for group in seen.groups:
        assert {track.target.labels.get("site", "") for track in group.tracks} == {group.value}
        assert sum(group.counts.values()) == group.size
    worst = [list(Status).index(next(iter(group.counts))) for group in seen.groups]
    assert worst == sorted(worst)
    assert set(seen.names) == {name for track in builders.history().all() for name in track.target.labels}


def test_overview_by_label_lists_the_worst_of_a_large_group_and_links_to_all() -> None:
    targets = {replace(builders.OK_TARGET, name=f"t{n}", labels={"site": "a&b"}): (builders.GOOD,) for n in range(30)}
    targets[replace(builders.DOWN_TARGET, labels={"site": "a&b"})] = (builders.DOWN,)
    config = Config(tuple(targets))
    seen = overview(builders.history(config, targets).all(), Wanted(by="site"))
    (group,) = seen.groups
    assert (group.size, len(group.tracks), group.tracks[0].target.name) == (31, 10, builders.DOWN_TARGET.name)
    members = overview(builders.history(config, targets).all(), read(URL(f"/{seen.wanted.with_label('a&b')}").query))
    assert len(members.tracks) == 31


def test_overview_by_label_has_pages_of_groups() -> None:
    config = Config(tuple(replace(builders.OK_TARGET, name=str(n), labels={"n": f"{n:03}"}) for n in range(120)))
    seen = overview(History(config).all(), Wanted(by="n", page=9))
    assert (seen.pages, seen.wanted.page, seen.groups[-1].value) == (3, 3, "119")
