"""The tree of how a probe can end: each leaf has its outcome, and the network's are not DICOM's."""

from __future__ import annotations

from collections.abc import Iterator

from dicom_exporter.dicom import errors as dicom_errors
from dicom_exporter.enums import Outcome
from dicom_exporter.net import errors as net_errors
from dicom_exporter.net.errors import NetworkError, ProbeEnded

_NO_ERROR = {Outcome.SUCCESS, Outcome.FAILURE_STATUS}
"""The outcomes of an association that did not end early."""


def leaves(root: type[ProbeEnded]) -> Iterator[type[ProbeEnded]]:
    children = root.__subclasses__()
    for child in children:
        yield from leaves(child)
    if not children:
        yield root


def classes(root: type[ProbeEnded]) -> Iterator[type[ProbeEnded]]:
    yield root
    for child in root.__subclasses__():
        yield from classes(child)


def test_errors_every_outcome_but_the_good_ones_has_one_class() -> None:
    by_class = [cls.outcome for cls in classes(ProbeEnded) if isinstance(vars(cls).get("outcome"), Outcome)]
    assert sorted([*by_class, Outcome.REJECTED, Outcome.BUSY]) == sorted(set(Outcome) - _NO_ERROR)


def test_errors_network_errors_are_defined_in_net_and_dicom_errors_in_dicom() -> None:
    assert {cls.__module__ for cls in leaves(NetworkError)} == {net_errors.__name__}
    assert {cls.__module__ for cls in leaves(dicom_errors.AssociationEnded)} == {dicom_errors.__name__}
