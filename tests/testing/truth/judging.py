"""Whether the exporter's claims are true: what is called known is so, and what is called complete is whole."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from tests.testing.truth import asking, levels
from tests.testing.truth.asking import Claims
from tests.testing.truth.levels import Truth


def untrue(claims: Claims, truth: Truth) -> list[str]:
    """What of `claims` is not so, in words; empty if all is."""
    return list(_untrue(claims, truth))


def untrue_counts(claims: Claims, truth: Truth) -> list[str]:
    """What of the counts of queries over DICOM is not so, in words."""
    return [
        fault
        for name, count in claims.matches.items()
        if name in truth.matches
        for fault in _count(f"query {name}", count, truth.matches[name])
    ]


def _untrue(claims: Claims, truth: Truth) -> Iterator[str]:
    yield from _level("dimse", claims, truth.dimse)
    if truth.dicomweb is not None:
        yield from _level("dicomweb", claims, truth.dicomweb)
        yield from _count("studies over DICOMweb", claims.studies, {levels.Count(n) for n in truth.studies})
    if truth.web is not None:
        yield from _level("web", claims, truth.web)
        yield from _count("studies of the page", claims.page_studies, {levels.Count(n) for n in truth.page_studies})
    yield from untrue_counts(claims, truth)


def _level(service: str, claims: Claims, true: levels.Level) -> Iterator[str]:
    claim = claims.levels.get(service)
    shown = "/".join(str(level) for level in sorted(true.levels))
    if claim is None:
        yield f"{service}: nothing is said; true is {shown}"
        return
    if claim.known and claim.level not in true.levels:
        yield f"{service}: known level {claim.level}; true is {shown}"
    if not claim.known and claim.level is not None:
        yield f"{service}: level {claim.level}, though not known"
    if not claim.known and not claim.reasons:
        yield f"{service}: unknown, and no reason why"
    if claim.at_least is not None and claim.at_least > true.highest:
        yield f"{service}: at least {claim.at_least}; true is {shown}"
    if claim.known and claim.reasons:
        yield f"{service}: known, and reasons why not: {', '.join(sorted(claim.reasons))}"


def _count(what: str, claim: asking.Count, true: Collection[levels.Count]) -> Iterator[str]:
    if claim.number is None:
        return
    numbers = {count.number for count in true}
    shown = "/".join(str(number) for number in sorted(numbers)) or "0"
    if claim.complete and claim.number not in numbers:
        yield f"{what}: {claim.number}, complete; true is {shown}"
    if claim.number > max(numbers, default=0):
        yield f"{what}: {claim.number}; true is {shown}"
    if claim.instances is not None and (sums := [count.instances for count in true if count.instances is not None]):
        if claim.instances_complete and claim.instances not in sums:
            yield f"{what}: {claim.instances} images, complete; true is {'/'.join(map(str, sums))}"
        if claim.instances > max(sums):
            yield f"{what}: {claim.instances} images; true is {'/'.join(map(str, sums))}"


def lower(slow: Claims, fast: Claims) -> list[str]:
    """Services whose level is known and lower in `slow` than in `fast`, in words."""
    found = []
    for service, before in fast.levels.items():
        after = slow.levels[service]
        if before.level is not None and after.level is not None and after.level < before.level:
            found.append(f"{service}: {before.level} where it is fast, {after.level} where it is slow")
    return found


def unknown(claims: Claims) -> list[str]:
    """Services whose level is not known, in words."""
    return [
        f"{service}: unknown ({', '.join(sorted(level.reasons))})"
        for service, level in claims.levels.items()
        if not level.known
    ]
