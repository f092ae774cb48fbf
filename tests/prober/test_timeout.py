"""How long a scrape may take, case by case."""

from __future__ import annotations

import pytest

from dicom_exporter.prober.timeout import effective_timeout


@pytest.mark.parametrize(
    ("header", "offset", "seconds"),
    [
        (None, 0.5, None),
        ("", 0.5, None),
        ("  ", 0.5, None),
        ("10", 0.5, 9.5),
        ("5.0", 0.5, 4.5),
        ("10", 0.0, 10.0),
        ("1", 0.5, 0.5),
        ("0.5", 0.5, 0.25),  # the offset would leave nothing
        ("0.3", 0.5, 0.15),
        ("3", 5.0, 1.5),
    ],
)
def test_effective_timeout(header: str | None, offset: float, seconds: float | None) -> None:
    assert effective_timeout(header, offset) == seconds


@pytest.mark.parametrize("header", ["ten", "-1", "0", "nan", "inf", "1e999", "10s", "1,5"])
def test_what_is_no_timeout(header: str) -> None:
    with pytest.raises(ValueError, match="X-Prometheus-Scrape-Timeout-Seconds"):
        effective_timeout(header, 0.5)
