"""*Exposure*: how far a stranger gets, where, since when, and what is shown there."""

from __future__ import annotations

from typing import Any

from grafana.source.dashboard import dashboard, to_target
from grafana.source.fleet import vantage
from grafana.source.panels import (
    Line,
    Panel,
    bars,
    column,
    lay_out,
    query,
    row,
    strip,
    table,
    text,
    timeline,
    timeseries,
)
from grafana.source.queries import (
    CONTROL,
    KEYS,
    LABELS,
    NOT_CONTROL,
    OVER,
    POLICY,
    STRANGER,
    chosen,
    counted,
    heading,
    info,
    judged,
    named,
    or_absent,
    per_target,
    select,
    status,
)
from grafana.source.words import (
    CHECKS,
    EXPOSED,
    JUDGED,
    LEVELS,
    OK,
    PATIENT_DATA,
    SERVICES,
    STATUSES,
    UNKNOWN,
    UNKNOWN_REASONS,
    WARNING,
    numbers,
    texts,
)
from grafana.source.words import POLICY as POLICY_WORDS

_ABOUT = """\
The exporter comes to each archive **as a stranger**: under a random name, without a password, and asks for more \
until it is refused.

0 **closed** · 1 **open port** · 2 **refuses strangers** · 3 **associates** (lets anyone begin) · 4 **queryable** \
(answers questions) · 5 **lists studies** of patients · 6 **identifies patients** by name · 7 **hands out images**

What is allowed depends on the archive: `closed` allows 0, `guarded` 2; a `control` is open on purpose, to prove \
that this exporter can reach archives. Levels 6 and 7 are tried only if the configuration says so. \
**Unknown is not safe**: an archive without a level may be open.
"""
_EXPOSED = STATUSES[EXPOSED + 3][1]
_SINCE = select("dicom:exposed_since")
_SERVICE = select("dicom:exposure_level:last"), select("dicom:exposure_excess")
"""How far a stranger gets with each service of each target, and what of it is too far."""
_NOBODY = "Nobody got further than allowed in this range."
_NO_STRANGER = "No stranger is sent to these targets: give them a module with `exposure`."


def exposure() -> dict[str, Any]:
    """The dashboard."""
    panels = lay_out(
        (5, [(24, _now())]),
        (12, [(24, _by_level())]),
        (
            9,
            [
                (
                    12,
                    timeseries(
                        "Violations over time",
                        "Targets where a stranger gets further than `expect` allows, by the level that is reached.",
                        [query(f'count_values("status", {status()} > {EXPOSED})', "{{status}}")],
                        stacked=True,
                        overrides=[
                            column(f"{EXPOSED + level}", displayName=words, colour=colour)
                            for level, (words, colour) in LEVELS.items()
                            if level
                        ],
                        decimals=0,
                        legend_calcs=["lastNotNull"],
                        no_value=_NOBODY,
                    ),
                ),
                (12, _changes()),
            ],
        ),
        (
            11,
            [
                (
                    24,
                    timeline(
                        "Services that broke policy in this range",
                        "How far a stranger got: the 15 services with the greatest difference to what is allowed.",
                        named(
                            f"{judged(*_SERVICE, KEYS, OVER)} and on ({KEYS}, {OVER}) {_offenders()}"
                            f" and on ({KEYS}) {info(NOT_CONTROL)}"
                        ),
                        f"{{{{target}}}} {{{{{OVER}}}}}",
                        numbers(JUDGED),
                        _NOBODY,
                    ),
                ),
            ],
        ),
        (9, [(24, _by_place())]),
        *_details(),
    )
    return dashboard(
        "exposure",
        "How far strangers get at each DICOM archive, and what they are shown.",
        panels,
        start="now-7d",
        refresh="5m",
    )


def _now() -> Panel:
    checked = f"last_over_time({select('dicom_exposure_known')}[10m])"
    begun = f"group by ({KEYS}) ({_SINCE} > time() - 86400)"
    bad: list[tuple[float | None, str]] = [(None, "transparent"), (1, _EXPOSED)]
    unknown: list[tuple[float | None, str]] = [(None, "transparent"), (1, STATUSES[UNKNOWN][1])]
    within = f"{select('dicom:exposure_excess')} > 0 or {select('dicom_exposure_known')} == 0"
    return strip(
        "Exposure now",
        "Targets, without controls. Patient data exposed: level 5 and up. Within policy: strangers get no further than "
        "`expect` "
        "allows. Not checked: no stranger is sent there. Vantage check: a target that is open on purpose (`expect: "
        "control`) must "
        "read as open from here. BLIND: it reads closed, so no other `closed` proves anything.",
        {
            "Patient data exposed": (counted(f"{status()} >= {PATIENT_DATA}"), bad),
            "Violate policy": (counted(f"{status()} > {EXPOSED}"), bad),
            "New in 24 h": (counted(f"{status()} > {EXPOSED} and on ({KEYS}) {begun}"), bad),
            "Unknown": (
                counted(
                    f"({status(NOT_CONTROL)} < {EXPOSED} and on ({KEYS}) {select('dicom:exposure_level_allowed:last')}"
                    f" and on ({KEYS}) {select('dicom_exposure_known')} == 0)"
                ),
                unknown,
            ),
            "Not checked": (counted(f"({info(NOT_CONTROL)} unless on ({KEYS}) {checked})"), unknown),
            "Within policy": (
                counted(
                    f"({info(NOT_CONTROL)} and on ({KEYS}) {select('dicom:exposure_level_allowed:last')}"
                    f" unless on ({KEYS}) ({within}))"
                ),
                [(None, "transparent")],
            ),
            "Vantage check": (or_absent(f"max({status(CONTROL)})"), [(None, "transparent")]),
        },
        overrides=[vantage()],
    )


def _offenders() -> str:
    """The 15 services that were furthest above their limit in the range, of those that ever were."""
    furthest = f"max_over_time(({select('dicom:exposure_excess')} > 0)[$__range:15m] @ end())"
    ever = f"max_over_time({_SINCE}[$__range] @ end()) > 0"
    return f"topk(15, max by ({KEYS}, {OVER}) ({furthest} or 0 * ({ever})))"


def _by_level() -> Panel:
    return table(
        "Services by level, the worst first",
        "Each service of each target that strangers are sent to, without controls. `at least`: it is not known whether "
        "a "
        "stranger gets further. Since: a restart or a probe that cannot tell does not reset it. Studies: at least "
        "this many "
        "are shown to a stranger. The link of a name leads to its own dashboard. The 1,000 worst.",
        {
            "verdict": f"topk(1000, {per_target(chosen(POLICY, NOT_CONTROL), OVER)})",
            "got": per_target(chosen(select("dicom:exposure_level:last"), NOT_CONTROL), OVER),
            "allowed": per_target(chosen(select("dicom:exposure_level_allowed:last"), NOT_CONTROL), OVER),
            "since": per_target(chosen(f"1000 * ({_SINCE} > 0)", NOT_CONTROL), OVER),
            "studies": per_target(chosen(_studies(OVER), NOT_CONTROL), OVER),
        },
        names={
            "verdict": "Verdict",
            "target": "Target",
            OVER: "Over",
            "allowed": "Allowed",
            "got": "Got",
            "since": "Since",
            "studies": "Studies ≥",
            LABELS.get()[0]: heading(LABELS.get()[0]),
        },
        sort="Verdict",
        overrides=[
            column("Verdict", mappings=numbers(POLICY_WORDS), coloured=True, width=215),
            column("Target", links=to_target(), width=190),
            column("Over", mappings=texts(SERVICES), width=85),
            column("Allowed", width=70),
            column("Got", width=50),
            column("Since", unit="dateTimeFromNow", width=120),
            column("Studies ≥", unit="locale", width=85),
        ],
        no_value=_NO_STRANGER,
    )


def _changes() -> Panel:
    return table(
        "Changes, last 24 h",
        "Services that began to break policy, or ended to, as a probe proved. One that did both may have been under "
        "maintenance.",
        {
            "change": per_target(
                chosen(f"({_SINCE} == bool 0) and ({_SINCE} == 0 or {_SINCE} > time() - 86400)", NOT_CONTROL), OVER
            ),
            "since": per_target(chosen(f"1000 * ({_SINCE} > time() - 86400)", NOT_CONTROL), OVER),
        },
        names={"change": "Change", "target": "Target", OVER: "Over", "since": "Since"},
        sort="Change",
        ascending=True,
        overrides=[
            column(
                "Change",
                mappings=numbers({0: ("now exposed", _EXPOSED), 1: ("within policy again", STATUSES[OK][1])}),
                coloured=True,
                width=150,
            ),
            column("Target", links=to_target()),
            column("Over", mappings=texts(SERVICES), width=85),
            column("Since", unit="dateTimeFromNow", width=110),
        ],
        no_value="No service began or ended to break policy within 24 hours.",
    )


def _by_place() -> Panel:
    labels = LABELS.get()[::-1]
    by = f"by ({', '.join(labels)})"
    checked = f"{info(NOT_CONTROL)} and on ({KEYS}) {select('dicom_exposure_known')}"

    def level(lowest: int) -> str:
        reached = f"max by ({KEYS}) ({select('dicom:exposure_level:last')} >= bool {lowest})"
        return f"sum {by} ({chosen(reached, NOT_CONTROL)})"

    def total(metric: str) -> str:
        return f"sum {by} ({chosen(f'max by ({KEYS}) ({select(metric, STRANGER)})', NOT_CONTROL)})"

    return table(
        f"By {' and '.join(labels)}",
        "What strangers are shown, without controls. Studies, patients and images are lower "
        "bounds, as counts "
        "end early. An empty cell: not known, or nothing is shown.",
        {
            "checked": f"count {by} ({checked})",
            "open": level(3),
            "listing": level(5),
            "violations": f"sum {by} ({status(NOT_CONTROL)} > bool {EXPOSED})",
            "studies": f"sum {by} ({chosen(_studies(), NOT_CONTROL)})",
            "patients": total("dicom_patients_visible"),
            "images": total("dicom_images_visible"),
        },
        names={
            **{label: heading(label) for label in labels},
            "checked": "Checked",
            "violations": "Violations",
            "open": "Open (3+)",
            "listing": "Patient data (5+)",
            "studies": "Studies ≥",
            "patients": "Patients ≥",
            "images": "Images ≥",
        },
        sort="Violations",
        overrides=[
            column("Violations", coloured=True, steps=[(None, "transparent"), (1, _EXPOSED)], width=105),
            *(column(heading(label), noValue="(none)") for label in labels),
            column("Checked", width=80),
            column("Open (3+)", width=85),
            column("Patient data (5+)", width=125),
            *(column(name, unit="locale", width=90) for name in ("Studies ≥", "Patients ≥", "Images ≥")),
        ],
        no_value=_NO_STRANGER,
    )


def _details() -> list[Line]:
    check = f"max by ({KEYS}, check) ({select('dicom_exposure_check')})"
    return [
        row(
            "Why",
            (
                10,
                [
                    (
                        12,
                        table(
                            "Failed checks",
                            "Single facts beside the level: at how many targets each check failed, of those where it "
                            "is known. "
                            "Without controls.",
                            {
                                "failed": f"sum by (check) ({chosen(check, NOT_CONTROL)})",
                                "checked": f"count by (check) ({chosen(check, NOT_CONTROL)})",
                            },
                            names={"check": "Check", "failed": "Failed", "checked": "Checked"},
                            sort="Failed",
                            overrides=[
                                column("Check", mappings=texts(CHECKS)),
                                column("Failed", coloured=True, steps=[(None, "transparent"), (1, WARNING)], width=75),
                                column("Checked", width=80),
                            ],
                            no_value=_NO_STRANGER,
                        ),
                    ),
                    (12, _software_table()),
                ],
            ),
            (
                9,
                [
                    (14, _unknown()),
                    (
                        10,
                        bars(
                            "Studies shown to strangers",
                            "The ten targets that list most studies to strangers: at least this many, as a stranger's "
                            "count ends "
                            "early.",
                            [
                                query(
                                    f"topk(10, {per_target(chosen(_studies(), NOT_CONTROL))})",
                                    "{{target}}",
                                    instant=True,
                                )
                            ],
                            unit="locale",
                            steps=[(None, WARNING)],
                            no_value="No stranger was shown a study, or no stranger was sent: see Unknown.",
                        ),
                    ),
                ],
            ),
            (6, [(24, text("What the levels mean", _ABOUT))]),
        )
    ]


def _studies(*labels: str) -> str:
    """Studies that a stranger was shown, over DICOM and over DICOMweb; without `labels`, whichever has more."""
    by = ", ".join([KEYS, *labels])
    seen = (
        f'label_replace(max by ({KEYS}) ({select(metric, STRANGER)}), "{OVER}", "{over}", "", "")'
        for over, metric in (("dimse", "dicom_studies_visible"), ("dicomweb", "dicomweb_studies_visible"))
    )
    return f"max by ({by}) ({' or '.join(seen)})"


def _software_table() -> Panel:
    return table(
        "Software and advisories",
        "What targets say they run, and published advisories that leave no doubt. Without one, a version is not proved "
        "to be sound.",
        {"count": _software(), "advisory": _advisories()},
        names={
            "product": "Product",
            "implementation_version": "Version",
            "count": "Targets",
            "id": "Advisory",
            "advisory": "Affected",
        },
        sort="Affected",
        overrides=[
            column("Version", width=150),
            column("Targets", width=75),
            column("Affected", width=85, coloured=True, steps=[(None, "transparent"), (1, WARNING)]),
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
        no_value="No target has said yet what it runs.",
    )


def _software() -> str:
    peer = f"max by ({KEYS}, product, implementation_version) ({select('dicom_peer_info')})"
    return f"count by (product, implementation_version) ({chosen(peer)})"


def _advisories() -> str:
    found = f"max by ({KEYS}, id) ({select('dicom_peer_advisory')})"
    peer = f"max by ({KEYS}, product, implementation_version) ({select('dicom_peer_info')})"
    joined = f"{found} * on ({KEYS}) group_left (product, implementation_version) topk by ({KEYS}) (1, {peer})"
    return f"count by (product, implementation_version, id) ({joined})"


def _unknown() -> Panel:
    place = LABELS.get()[0]
    reason = f"max by ({KEYS}, {OVER}, reason) ({select('dicom_exposure_unknown_reason')})"
    return table(
        "Unknown, and why",
        "Services whose level is not known, with each reason: what ended by the exporter's doing or by the moment, and "
        "might have shown more. What to do about each reason is in docs/exposure.md.",
        {"reason": f"topk(1000, {per_target(chosen(reason), OVER, 'reason')})"},
        names={"target": "Target", OVER: "Over", place: heading(place), "reason": "Why"},
        sort="Target",
        ascending=True,
        overrides=[
            column("Target", links=to_target(), width=220),
            column("Over", mappings=texts(SERVICES), width=85),
            column(heading(place), width=100),
            column("Why", mappings=texts(UNKNOWN_REASONS)),
        ],
        no_value="The level of every service that was checked is known.",
    )
