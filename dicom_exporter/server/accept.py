"""What a client accepts (RFC 9110 12.5): how much it wants a media type or a content coding."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

_QUALITY = re.compile(r"[01]?\.[0-9]*|[01]")
_MAX_RANGES = 100


@dataclass(frozen=True, slots=True)
class Range:
    """One item of `Accept` or `Accept-Encoding`, in lower case."""

    name: str
    """``text/plain``, ``text/*``, ``*/*``, a content coding, or ``*``."""
    parameters: Mapping[str, str]
    quality: float
    """From 0, which is refused, to 1."""


class Match(NamedTuple):
    """How much a client wants something. Matches compare as the client prefers them."""

    quality: float
    named: bool
    """Itself, and not by a wildcard."""
    order: int
    """Less for what is named later: it decides between what is wanted equally."""


def parse(lines: Iterable[str]) -> list[Range]:
    """The items of all lines of the header. Those with a malformed quality are left out, and those beyond a hundred."""
    found = []
    for item in islice(",".join(lines).split(","), _MAX_RANGES):
        name, *rest = (part.strip().lower() for part in item.split(";"))
        parameters = {}
        quality = "1"
        for part in rest:
            key, _, value = (each.strip() for each in part.partition("="))
            if key == "q":  # what follows extends the header, and says nothing about the media type
                quality = value
                break
            parameters[key] = value.strip('"')
        if name and _QUALITY.fullmatch(quality) and quality != ".":
            found.append(Range(name, parameters, min(1.0, float(quality))))
    return found


def match(accepted: Iterable[Range], name: str, parameters: Mapping[str, str] | None = None) -> Match | None:
    """What the most specific of the ranges says about `name`, a media type or a coding; None if no range has it.

    A range has it if all parameters of the range are among `parameters`.
    """
    best: tuple[tuple[int, int], Match] | None = None
    wildcards = (name, f"{name.partition('/')[0]}/*", "*/*", "*")
    for position, each in enumerate(accepted):
        if each.name not in wildcards or not each.parameters.items() <= (parameters or {}).items():
            continue
        specificity = (-wildcards.index(each.name.replace("*/*", "*")), len(each.parameters))
        found = (specificity, Match(each.quality, each.name == name, -position))
        if best is None or found > best:
            best = found
    return best and best[1]
