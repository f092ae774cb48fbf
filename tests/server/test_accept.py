"""Ranges of `Accept`, and which of them speaks for a media type."""

import pytest

from dicom_exporter.server.accept import match, parse


@pytest.mark.parametrize(
    ("header", "quality"),
    [
        ("text/*;q=0.3, text/plain;q=0.7, text/plain;format=flowed, text/plain;format=fixed;q=0.4, */*;q=0.5", 0.4),
        ("text/plain;q=0.1, text/*;q=0.9, */*", 0.1),
        ("*/*;q=0.2, text/*;q=0", 0.0),
        ("*;q=0.25", 0.25),
        ("TEXT/Plain;Q=.5", 0.5),
        ("text/plain;q=0.6;format=flowed", 0.6),
        ("text/plain;format=delsp", None),
        ("text/plain;q=-1, text/plain;q=nan, text/plain;q=2", None),
        (",, ;q=1, =", None),
        ("", None),
    ],
)
def test_accept_most_specific_range_decides(header: str, quality: float | None) -> None:
    found = match(parse([header]), "text/plain", {"format": "fixed"})
    assert (None if found is None else found.quality) == quality


def test_accept_reads_a_bounded_number_of_ranges() -> None:
    assert len(parse(["a/b," * 5000])) == 100
