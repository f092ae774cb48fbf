"""Targets of the health region: the named ones, and any number more."""

from __future__ import annotations

import pytest

from dicom_exporter.config import Expect
from dicom_exporter.demo.targets import LEAST, NAMED, more_targets, region_targets


def test_named_targets_differ_in_name() -> None:
    assert len({target.name for target in NAMED}) == len(NAMED)


def test_first_named_targets_show_web_and_control() -> None:
    first = NAMED[:LEAST]
    assert any(target.dicomweb and target.web for target in first)
    assert any(target.expect == Expect.CONTROL for target in first)


def test_more_targets_are_the_same_on_every_run() -> None:
    assert more_targets(300) == more_targets(300)
    assert more_targets(300)[:100] == more_targets(100)


def test_more_targets_differ_in_name_and_address() -> None:
    targets = (*NAMED, *more_targets(1000))
    assert len({target.name for target in targets}) == len(targets)
    assert len({(target.peer, target.number) for target in more_targets(1000)}) == 1000


def test_more_targets_of_none_are_none() -> None:
    assert more_targets(0) == more_targets(-1) == ()


def test_region_targets_of_a_count() -> None:
    assert region_targets() == NAMED
    assert region_targets(LEAST) == NAMED[:LEAST]
    assert region_targets(len(NAMED) + 2) == (*NAMED, *more_targets(2))
    with pytest.raises(ValueError, match="at least"):
        region_targets(LEAST - 1)
