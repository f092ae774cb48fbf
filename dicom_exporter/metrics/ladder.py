"""How far a stranger got. The verdict is `exposure`'s; here it is shown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dicom_exporter.config import Target
from dicom_exporter.exposure import Verdict, allowed_level
from dicom_exporter.metrics.family import Family, shared


@dataclass(frozen=True, slots=True)
class Exposed:
    """A target that strangers were sent to, and the verdict."""

    target: Target
    verdict: Verdict


def _known(exposed: Exposed) -> Iterable[tuple[str, float]]:
    return [(service, level is not None) for service, level in exposed.verdict.levels.items()]


def _allowed(exposed: Exposed) -> Iterable[tuple[str, float | None]]:
    return dict.fromkeys(exposed.verdict.levels, allowed_level(exposed.target.expect.value)).items()


EXPOSURE_FAMILIES: tuple[Family[Exposed], ...] = (
    Family(
        "dicom_exposure_level",
        "How far a stranger got: 0 closed, 1 open port, 2 refuses strangers, 3 associates, 4 queryable, "
        "5 lists studies, 6 identifies patients, 7 hands out images. Absent where it could not be told.",
        shared("service", lambda exposed: exposed.verdict.levels.items()),
    ),
    Family(
        "dicom_exposure_level_allowed",
        "The highest level that the configuration allows (`expect`).",
        shared("service", _allowed),
    ),
    Family("dicom_exposure_known", "Whether it could be told how far a stranger gets.", shared("service", _known)),
    Family(
        "dicom_exposure_check",
        "Single facts about what a stranger finds; absent where it could not be told.",
        shared("check", lambda exposed: exposed.verdict.checks.items()),
    ),
)
