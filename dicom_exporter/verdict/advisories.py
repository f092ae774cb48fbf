"""Which software a peer is by its own words: its release year, and the advisories that these words prove.

`advisories.yml` says what belongs there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib import resources
from typing import Any

import yaml

from dicom_exporter.results import Peer, SessionResult
from dicom_exporter.text import SafeText

Version = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Product:
    """A product whose version names carry its own version."""

    version_name: re.Pattern[str]
    """Matches a whole version name; its one group is the version."""
    repaired: frozenset[Version] = frozenset()
    """Versions that a distribution repairs without a new number."""
    released: Mapping[int, Version] = field(default_factory=dict)
    """Year -> its first version, the years in their order."""
    until: Version = ()
    """The last version of which the year is known."""


@dataclass(frozen=True, slots=True)
class Advisory:
    """One vulnerability, and the versions that have it."""

    id: str
    product: str
    before: Version
    """First version that is not affected."""
    source: str
    since: Version = ()
    """First version that is affected."""
    record: str | None = None
    """Repository and path of the machine-readable entry."""

    def concerns(self, peer: Peer) -> bool:
        """Whether `peer` says that it is this product in an affected version."""
        found = version_of(peer) if peer.product == self.product else None
        if found is None or found in products()[self.product].repaired:
            return False
        return self.since <= found < self.before


def peers(session: SessionResult) -> tuple[Peer, ...]:
    """Who the peer says it is: over DICOM; and Orthanc over HTTP, as over DICOM it gives the name of its toolkit."""
    versions = dict.fromkeys(page.version for page in session.web if page.version is not None)
    if session.software is not None:
        versions[session.software] = None
    over_http = tuple(Peer(SafeText(""), version, 0, "Orthanc") for version in versions)
    return over_http if session.peer is None else (session.peer, *over_http)


def version_of(peer: Peer) -> Version | None:
    """The version of the product, if the peer's version name carries it."""
    about = products().get(peer.product)
    found = about.version_name.fullmatch(peer.implementation_version) if about is not None else None
    return None if found is None else version(found[1])


@lru_cache(maxsize=256)
def release_year(peer: Peer) -> int | None:
    """The year in which the version of `peer` was released; None if it is not known."""
    found = version_of(peer)
    if found is None or found > products()[peer.product].until:
        return None
    years = [year for year, first in products()[peer.product].released.items() if first <= found]
    return max(years, default=None)


@lru_cache(maxsize=256)
def matching(peer: Peer) -> tuple[str, ...]:
    """Ids of the advisories that concern `peer` without doubt, in the order of the file."""
    return tuple(advisory.id for advisory in known() if advisory.concerns(peer))


@cache
def known() -> tuple[Advisory, ...]:
    """All advisories of the file that comes with the package."""
    return tuple(
        Advisory(
            id=entry["id"],
            product=entry["product"],
            before=version(entry["before"]),
            source=entry["source"],
            since=version(entry["from"]) if "from" in entry else (),
            record=entry.get("record"),
        )
        for entry in _file()["advisories"]
    )


@cache
def products() -> Mapping[str, Product]:
    """All products of that file, by their names."""
    return {
        name: Product(
            re.compile(entry["version_name"], re.ASCII),
            frozenset(map(version, entry.get("repaired", ()))),
            {year: version(first) for year, first in entry.get("released", {}).items()},
            version(entry["until"]) if "until" in entry else (),
        )
        for name, entry in _file()["products"].items()
    }


@cache
def _file() -> dict[str, Any]:
    text = resources.files("dicom_exporter.verdict").joinpath("advisories.yml").read_text("utf-8")
    content: dict[str, Any] = yaml.safe_load(text)
    return content


def version(text: str) -> Version:
    """``1.4.16`` as numbers that compare. Raises ValueError for anything else."""
    return tuple(int(part) for part in text.split("."))
