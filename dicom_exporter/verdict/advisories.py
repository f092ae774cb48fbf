"""Known advisories, and which of them a peer's own words prove: `advisories.yml` says what belongs there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import Any

import yaml

from dicom_exporter.results import Peer

Version = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Advisory:
    """One vulnerability, and how to tell that a peer has it."""

    id: str
    product: str
    version_name: re.Pattern[str]
    """Matches a whole version name; its one group is the version."""
    before: Version
    """First version that is not affected."""
    source: str
    since: Version = ()
    """First version that is affected."""

    def concerns(self, peer: Peer) -> bool:
        """Whether `peer` says that it is this product in an affected version."""
        if peer.product != self.product:
            return False
        found = self.version_name.fullmatch(peer.implementation_version)
        return found is not None and self.since <= version(found[1]) < self.before


@lru_cache(maxsize=256)
def matching(peer: Peer) -> tuple[str, ...]:
    """Ids of the advisories that concern `peer` without doubt, in the order of the file."""
    return tuple(advisory.id for advisory in known() if advisory.concerns(peer))


@cache
def known() -> tuple[Advisory, ...]:
    """All advisories of the file that comes with the package."""
    text = resources.files("dicom_exporter.verdict").joinpath("advisories.yml").read_text("utf-8")
    return tuple(_advisory(entry) for entry in yaml.safe_load(text))


def version(text: str) -> Version:
    """``1.4.16`` as numbers that compare. Raises ValueError for anything else."""
    return tuple(int(part) for part in text.split("."))


def _advisory(entry: dict[str, Any]) -> Advisory:
    return Advisory(
        id=entry["id"],
        product=entry["product"],
        version_name=re.compile(entry["version_name"], re.ASCII),
        before=version(str(entry["before"])),
        source=entry["source"],
        since=version(str(entry["from"])) if "from" in entry else (),
    )
