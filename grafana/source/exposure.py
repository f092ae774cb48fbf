"""*Exposure*: how far a stranger gets, where, since when, and what is shown there."""

from __future__ import annotations

from typing import Any

from grafana.source.dashboard import dashboard, to_target
from grafana.source.panels import Panel, bars, column, lay_out, query, row, stat, table, text, timeline, timeseries
from grafana.source.queries import (
    ALLOWED,
    EXCESS,
    KEYS,
    LEVEL,
    NOT_CONTROL,
    PROVED,
    STRANGER,
    WORST_EXCESS,
    WORST_LEVEL,
    WORST_PROVED,
    chosen,
    counted,
    info,
    per_target,
    select,
)
from grafana.source.words import CHECKS, GOOD, LEVELS, NOTE, SERVICES, UNKNOWN_REASONS, numbers, texts, yes_no

_ABOUT = """\
The exporter comes to each archive **as a stranger**: under a random name, without a password, and asks for more \
until it is refused.

0 **closed** · 1 **open port** · 2 **refuses strangers** · 3 **associates** (lets anyone begin) · 4 **queryable** \
(answers questions) · 5 **lists studies** of patients · 6 **identifies patients** by name · 7 **hands out images**

How far is too far depends on the archive: `closed` allows 0, `guarded` 2; a `control` is open on purpose, to prove \
that this exporter can reach archives. Levels 6 and 7 are tried only where the configuration says so. \
**Unknown is not safe**: an archive without a level may be open.
"""
_CONTROL = 'expect="control"'
_GREENBONE = {
    "probed": "Probed",
    "open": "Open",
    "listing": "Listing",
    "studies": "Studies",
    "patients": "Patients",
    "images": "Images",
    "exposed": "Too far",
}


def exposure() -> dict[str, Any]:
    """The dashboard."""
    levels = chosen(WORST_LEVEL, NOT_CONTROL)
    worst = f"topk(25, max by ({KEYS}, protocol) (avg_over_time({select('dicom_exposure_level')}[$__range] @ end())))"
    unknown = f"max by ({KEYS}) ({select('dicom_exposure_known')} == 0)"
    controls = f"min({chosen(WORST_LEVEL, _CONTROL)})"
    by_level = [
        query(f"count(({levels}) == {level}) or 0 * count({levels})", words, chr(ord("A") + level), instant=True)
        for level, (words, _) in LEVELS.items()
    ]
    colours = [column(words, colour=colour) for words, colour in LEVELS.values()]
    low, high = (f"{kind}_over_time({select('dicom_exposure_level')}[1d])" for kind in ("min", "max"))
    newly = f"({chosen(WORST_EXCESS)}) > 0 and on ({KEYS}) ({_day_excess()}) <= 0"
    panels = lay_out(
        (
            4,
            [
                (
                    4,
                    stat(
                        "Exposed",
                        "Archives where a stranger gets further than `expect` allows.",
                        counted(f"({chosen(WORST_EXCESS)}) > 0"),
                        bad="red",
                    ),
                ),
                (
                    4,
                    stat(
                        "Show patients' studies",
                        "Of those, archives that list studies, identify patients or hand out images (level 5 and up).",
                        counted(f"({chosen(WORST_EXCESS)}) > 0 and on ({KEYS}) {WORST_PROVED} >= 5"),
                        bad="dark-purple",
                    ),
                ),
                (
                    4,
                    stat(
                        "New within a day",
                        "Archives that are exposed now and were as they should be at some time of the last day.",
                        counted(newly),
                        bad="orange",
                    ),
                ),
                (
                    4,
                    stat(
                        "As they should be",
                        "Archives where strangers get no further than they may.",
                        counted(f"({chosen(WORST_EXCESS, NOT_CONTROL)}) <= 0 unless on ({KEYS}) {unknown}"),
                    ),
                ),
                (
                    4,
                    stat(
                        "Unknown",
                        "Archives of which it is not known how far strangers get: unknown is not safe.",
                        counted(chosen(unknown)),
                        bad="semi-dark-yellow",
                    ),
                ),
                (
                    4,
                    stat(
                        "Can this exporter reach archives?",
                        "An archive that is open on purpose (`expect: control`) must read as open "
                        "from here. If it reads closed, no other `closed` proves anything.",
                        controls,
                        mappings=_vantage(),
                        unit="none",
                        no_value="not proved: no target has expect: control",
                    ),
                ),
            ],
        ),
        (
            12,
            [
                (16, _worst_first()),
                (
                    8,
                    timeseries(
                        "Archives by level, over time",
                        "How many archives are at each level of exposure; controls do not count.",
                        [dict(one, instant=False, range=True) for one in by_level],
                        stacked=True,
                        overrides=colours,
                        decimals=0,
                        legend_calcs=["lastNotNull"],
                    ),
                ),
            ],
        ),
        row("By country and by site"),
        (9, [(10, _greenbone("country", "Country")), (14, _greenbone("site", "Site"))]),
        row("Where, and since when"),
        (
            11,
            [
                (
                    12,
                    timeline(
                        "History of the 25 most exposed",
                        "How far a stranger got at the archives that were most exposed in the time that is shown.",
                        f"({LEVEL}) and on ({KEYS}, protocol) {worst} and on ({KEYS}) {info(NOT_CONTROL)}",
                        "{{target}} {{protocol}}",
                        numbers(LEVELS),
                    ),
                ),
                (
                    12,
                    table(
                        "What moved within a day",
                        "Lowest and highest level of each archive in the last 24 hours. A level that "
                        "rose and fell may be maintenance by a vendor.",
                        {
                            "moved": f"topk(100, {per_target(chosen(f'{high} - {low}', NOT_CONTROL), 'protocol')})",
                            "low": per_target(chosen(low, NOT_CONTROL), "protocol"),
                            "high": per_target(chosen(high, NOT_CONTROL), "protocol"),
                            "now": per_target(chosen(LEVEL, NOT_CONTROL), "protocol"),
                        },
                        names={
                            "target": "Target",
                            "protocol": "Over",
                            "low": "Lowest",
                            "high": "Highest",
                            "now": "Now",
                            "moved": "Moved by",
                        },
                        sort="Moved by",
                        overrides=[
                            *(
                                column(name, mappings=numbers(LEVELS), coloured=True)
                                for name in ("Lowest", "Highest", "Now")
                            ),
                            column("Target", links=to_target()),
                            column("Over", mappings=texts(SERVICES), width=100),
                            column("Moved by", width=90),
                        ],
                    ),
                ),
            ],
        ),
        row("Why"),
        (
            10,
            [
                (
                    9,
                    table(
                        "What strangers find",
                        "Single facts beside the level: at how many archives each is true, of those where it "
                        "is known. Controls do not count.",
                        {
                            "bad": f"sum by (check) ({chosen(_check(), NOT_CONTROL)})",
                            "all": f"count by (check) ({chosen(_check(), NOT_CONTROL)})",
                        },
                        names={"check": "What", "bad": "So at", "all": "Of"},
                        sort="So at",
                        overrides=[
                            column("What", mappings=texts(CHECKS), width=380),
                            column("So at", coloured=True, steps=[(None, "transparent"), (1, "orange")]),
                        ],
                    ),
                ),
                (
                    9,
                    table(
                        "Software, and what is known against it",
                        "What archives say they run, and published advisories that leave "
                        "no doubt. Without one, a version is not proved to be sound.",
                        {"count": _software(), "advisory": _advisories()},
                        names={
                            "product": "Product",
                            "implementation_version": "Version",
                            "count": "Archives",
                            "id": "Advisory",
                            "advisory": "Concerned",
                        },
                        sort="Concerned",
                        overrides=[
                            column("Version", width=150),
                            column("Archives", width=75),
                            column("Concerned", width=110, coloured=True, steps=[(None, "transparent"), (1, "red")]),
                            column(
                                "Advisory",
                                width=140,
                                links=[
                                    {
                                        "title": "${__value.raw}",
                                        "targetBlank": True,
                                        "url": "https://nvd.nist.gov/vuln/detail/${__value.raw}",
                                    }
                                ],
                            ),
                        ],
                    ),
                ),
                (6, text("What the levels mean", _ABOUT)),
            ],
        ),
        (7, [(24, _could_not_tell())]),
        (
            7,
            [
                (
                    12,
                    bars(
                        "Archives at each level",
                        "How far strangers get now; controls do not count.",
                        by_level,
                        overrides=colours,
                    ),
                ),
                (
                    12,
                    bars(
                        "Studies shown to strangers",
                        "The ten archives that list most studies to strangers: "
                        "at least so many, as a stranger's count ends early.",
                        [query(f"topk(10, {per_target(chosen(_studies(), NOT_CONTROL))})", "{{target}}", instant=True)],
                        steps=[(None, "orange")],
                        no_value="No stranger was shown a study, or no stranger was sent: see Unknown.",
                    ),
                ),
            ],
        ),
    )
    return dashboard("exposure", "How far strangers get at each DICOM archive, and what they are shown.", panels)


def _vantage() -> list[dict[str, Any]]:
    sees = {"text": "it sees", "color": "blue", "index": 0}
    blind = {"text": "BLIND", "color": "red", "index": 1}
    return [
        {"type": "range", "options": {"from": 3, "to": 7, "result": sees}},
        {"type": "range", "options": {"from": 0, "to": 2, "result": blind}},
    ]


def _day_excess() -> str:
    """The lowest excess of each target's worst service within a day."""
    lowest = f"min_over_time({select('dicom_exposure_level')}[1d])"
    return f"max by ({KEYS}) (max by ({KEYS}, protocol) ({lowest}) - {ALLOWED})"


def _check() -> str:
    return f"max by ({KEYS}, check) ({select('dicom_exposure_check')})"


def _studies() -> str:
    """Studies that a stranger was shown, over DICOM or DICOMweb, whichever has more."""
    seen = (select(name, STRANGER) for name in ("dicom_studies_visible", "dicomweb_studies_visible"))
    return f"max by ({KEYS}) ({' or '.join(f'max by ({KEYS}, __name__) ({one})' for one in seen)})"


def _software() -> str:
    peer = f"max by ({KEYS}, product, implementation_version) ({select('dicom_peer_info')})"
    return f"count by (product, implementation_version) ({chosen(peer)})"


def _advisories() -> str:
    found = f"max by ({KEYS}, id) ({select('dicom_peer_advisory')})"
    peer = f"max by ({KEYS}, product, implementation_version) ({select('dicom_peer_info')})"
    joined = f"{found} * on ({KEYS}) group_left (product, implementation_version) topk by ({KEYS}) (1, {peer})"
    return f"count by (product, implementation_version, id) ({joined})"


def _worst_first() -> Panel:
    known = f"max by ({KEYS}, protocol) ({select('dicom_exposure_known')})"
    return table(
        "How far strangers get, the worst first",
        "Each service of each archive that strangers are sent to: the level, or what was proved where the level is not "
        "known. The link of a name leads to its own dashboard.",
        {
            "excess": f"topk(1000, {per_target(chosen(EXCESS, NOT_CONTROL), 'protocol')})",
            "level": per_target(chosen(PROVED, NOT_CONTROL), "protocol"),
            "known": per_target(chosen(known, NOT_CONTROL), "protocol"),
            "allowed": per_target(chosen(ALLOWED, NOT_CONTROL), "protocol"),
            "since": per_target(
                chosen(f"1000 * min by ({KEYS}, protocol) ({select('dicom:exposed_since')} > 0)", NOT_CONTROL),
                "protocol",
            ),
        },
        names={
            "level": "A stranger gets to",
            "known": "Known",
            "target": "Target",
            "protocol": "Over",
            "country": "Country",
            "site": "Site",
            "allowed": "May get to",
            "excess": "Too far by",
            "since": "Exposed for",
        },
        sort="Too far by",
        overrides=[
            column("A stranger gets to", mappings=numbers(LEVELS), coloured=True, width=170),
            column("Known", mappings=yes_no(("yes", GOOD), ("perhaps further", NOTE)), coloured=True, width=120),
            column("May get to", mappings=numbers(LEVELS), width=150),
            column("Target", links=to_target(), width=190),
            column("Over", mappings=texts(SERVICES), width=100),
            column("Country", width=80),
            column("Site", width=120),
            column("Too far by", coloured=True, steps=[(None, "transparent"), (1, "orange"), (3, "red")], width=100),
            column("Exposed for", unit="dateTimeFromNow"),
        ],
    )


def _could_not_tell() -> Panel:
    reason = f"max by ({KEYS}, protocol, reason) ({select('dicom_exposure_unknown_reason')})"
    return table(
        "Could not tell, and why",
        "Services whose level is not known, with each reason: what ended by the exporter's doing or by the moment, and "
        "might have shown more. What to do about each reason is in docs/exposure.md.",
        {"reason": f"topk(1000, {per_target(chosen(reason), 'protocol', 'reason')})"},
        names={"target": "Target", "protocol": "Over", "country": "Country", "site": "Site", "reason": "Why"},
        sort="Target",
        overrides=[
            column("Target", links=to_target(), width=190),
            column("Over", mappings=texts(SERVICES), width=100),
            column("Country", width=80),
            column("Site", width=120),
            column("Why", mappings=texts(UNKNOWN_REASONS)),
        ],
    )


def _greenbone(label: str, heading: str) -> Panel:
    by = f"by ({'country, ' if label == 'site' else ''}{label})"
    level = chosen(WORST_PROVED, NOT_CONTROL)

    def total(metric: str) -> str:
        return f"sum {by} ({chosen(f'max by ({KEYS}) ({select(metric, STRANGER)})', NOT_CONTROL)})"

    probed = f"max by ({KEYS}) ({select('dicom_exposure_known')})"
    names = {"country": "Country"} if label == "site" else {}
    return table(
        f"What strangers are shown, by {label}",
        "Systems that strangers were sent to, and what those list to them: studies, patients and images are at least "
        "so many, as counts end early. An empty cell: not known, or nothing is shown. Controls do not count.",
        {
            "probed": f"count {by} ({chosen(probed, NOT_CONTROL)})",
            "open": f"sum {by} (({level}) >= bool 3)",
            "listing": f"sum {by} (({level}) >= bool 5)",
            "studies": f"sum {by} ({chosen(_studies(), NOT_CONTROL)})",
            "patients": total("dicom_patients_visible"),
            "images": total("dicom_images_visible"),
            "exposed": f"sum {by} (({chosen(WORST_EXCESS, NOT_CONTROL)}) > bool 0)",
        },
        names={**names, label: heading, **_GREENBONE},
        sort="Studies",
        overrides=[
            column("Open", coloured=True, steps=[(None, "transparent"), (1, "orange")]),
            column("Listing", coloured=True, steps=[(None, "transparent"), (1, "red")]),
            column("Too far", coloured=True, steps=[(None, "transparent"), (1, "dark-purple")]),
            *(column(name, unit="locale") for name in ("Studies", "Patients", "Images")),
        ],
    )
