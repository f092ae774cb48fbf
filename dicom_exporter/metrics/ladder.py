"""How far a stranger got. The verdict is `exposure`'s; here it is shown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dicom_exporter.config import Target
from dicom_exporter.exposure import Verdict, allowed_level
from dicom_exporter.metrics.family import Family, Row


@dataclass(frozen=True, slots=True)
class Exposed:
    """A target that strangers were sent to, and the verdict."""

    target: Target
    verdict: Verdict


def _levels(exposed: Exposed) -> Iterable[Row]:
    return [({"service": name}, float(level)) for name, level in exposed.verdict.levels.items() if level is not None]


def _known(exposed: Exposed) -> Iterable[Row]:
    return [({"service": name}, float(level is not None)) for name, level in exposed.verdict.levels.items()]


def _allowed(exposed: Exposed) -> Iterable[Row]:
    allowed = allowed_level(exposed.target.expect.value)
    return [] if allowed is None else [({"service": name}, float(allowed)) for name in exposed.verdict.levels]


def _checks(exposed: Exposed) -> Iterable[Row]:
    return [({"check": name}, float(holds)) for name, holds in exposed.verdict.checks.items()]


EXPOSURE_FAMILIES: tuple[Family[Exposed], ...] = (
    Family(
        "dicom_exposure_level",
        "How far a stranger got: 0 closed, 1 open port, 2 refuses strangers, 3 associates, 4 queryable, "
        "5 lists studies, 6 identifies patients, 7 hands out images. Absent where it could not be told.",
        _levels,
    ),
    Family("dicom_exposure_level_allowed", "The highest level that the configuration allows (`expect`).", _allowed),
    Family("dicom_exposure_known", "Whether it could be told how far a stranger gets.", _known),
    Family(
        "dicom_exposure_check", "Single facts about what a stranger finds; absent where it could not be told.", _checks
    ),
)
