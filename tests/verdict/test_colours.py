"""The colours can be told apart by colour-blind people, and text on them can be read."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

import pytest

from dicom_exporter import pages
from dicom_exporter.verdict.colours import LEVELS, STATES, text_on

_VISION = {  # Machado, Oliveira, Fernandes (2009), severity 1.0: on linear RGB
    "normal": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}


def linear(colour: str) -> tuple[float, ...]:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    return tuple(part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)


def luminance(rgb: tuple[float, ...]) -> float:
    return 0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2]


def contrast(one: str, other: str) -> float:
    """WCAG 2, 1.4.3."""
    low, high = sorted((luminance(linear(one)), luminance(linear(other))))
    return (high + 0.05) / (low + 0.05)


def seen(colour: str, vision: str) -> tuple[float, ...]:
    """CIE L*a*b* of a colour, as somebody with this vision sees it."""
    rgb = linear(colour)
    r, g, b = (min(1.0, max(0.0, sum(m * c for m, c in zip(row, rgb, strict=True)))) for row in _VISION[vision])
    xyz = (
        (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.95047,
        0.2126 * r + 0.7152 * g + 0.0722 * b,
        (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.08883,
    )
    fx, fy, fz = (value ** (1 / 3) if value > 0.008856 else 7.787 * value + 16 / 116 for value in xyz)
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)


@pytest.mark.parametrize("vision", _VISION)
@pytest.mark.parametrize("colours", [STATES, LEVELS], ids=["states", "levels"])
def test_colours_differ_for_every_vision(colours: dict[object, str], vision: str) -> None:
    for one, other in combinations(colours, 2):
        difference = sum(
            (a - b) ** 2 for a, b in zip(seen(colours[one], vision), seen(colours[other], vision), strict=True)
        )
        assert difference**0.5 > 12, f"{one} and {other}"


def test_colours_of_the_pages_are_these() -> None:
    style = Path(pages.__file__).with_name("static").joinpath("style.css").read_text()
    assert set(re.findall(r"--state: (#\w+)", style)) == set(STATES.values())


@pytest.mark.parametrize("colour", [*STATES.values(), *LEVELS.values()])
def test_colours_carry_readable_text(colour: str) -> None:
    assert contrast(colour, text_on(colour)) >= 4.5
