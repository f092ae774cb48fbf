from __future__ import annotations

from dicom_exporter.config import Address, Config, Target
from dicom_exporter.config.notes import notes

HERE, THERE = Address("127.0.0.1", 104), Address("127.0.0.1", 105)


def test_notes_targets_with_one_address_and_title_are_named() -> None:
    targets = (Target("a", HERE, "PACS"), Target("b", THERE, "PACS"), Target("c", HERE, "PACS"))
    assert list(notes(Config(targets))) == [
        "targets with the same address 127.0.0.1:104 and called AE title PACS: a, c"
    ]


def test_notes_targets_that_differ_in_address_or_title_are_fine() -> None:
    targets = (Target("a", HERE, "PACS"), Target("b", THERE, "PACS"), Target("c", HERE, "OTHER"))
    assert list(notes(Config(targets))) == []
