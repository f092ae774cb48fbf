"""Sizes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_exporter.config.values.text import format_size, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [("512KiB", 524_288), ("1MiB", 1_048_576), ("100KB", 100_000), ("2MB", 2_000_000), ("17B", 17), ("0B", 0)],
)
def test_parse_size_gives_bytes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "10", "KiB", "1 KiB", "1.5MiB", "1kb", "1KiB\n", "\u0663B", "9" * 400 + "B"])
def test_parse_size_invalid_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size"):
        parse_size(text)


@given(st.integers(min_value=0, max_value=10**11))
def test_format_size_round_trip(size: int) -> None:
    assert parse_size(format_size(size)) == size
