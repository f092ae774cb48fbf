"""Which targets the health region has: one of each kind by name, and any number more, the same on every run."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum


class PeerKind(StrEnum):
    """What runs, in the order of the ports."""

    OPEN = "open"
    GUARDED = "guarded"
    CLOSED = "closed"
    SMALL_OPEN = "small-open"
    SMALL_GUARDED = "small-guarded"
    LACKING = "lacking"
    LARGE = "large"
    EMPTY = "empty"
    REFUSES_QUERIES = "refuses-queries"
    SLOW = "slow"
    FORGOT_US = "forgot-us"
    OUTDATED = "outdated"
    TLS = "tls"
    MUTUAL_TLS = "mutual-tls"
    BUSY = "busy"
    ABORTS = "aborts"
    SILENT = "silent"
    FILTERED = "filtered"
    WEB_OPEN = "web-open"
    WEB_LOGIN = "web-login"
    WEB_TLS = "web-tls"
    VENDOR = "vendor"
    RESTARTS = "restarts"
    HOSPITAL = "hospital"


PEERS = tuple(PeerKind)


@dataclass(frozen=True, slots=True)
class TargetKind:
    """A target, but for its address."""

    name: str
    peer: PeerKind
    expect: str
    about: str
    """For the person who started the demo."""
    site: str
    country: str
    modules: tuple[str, ...] = ()
    """Those of `expect` where none is given."""
    dicomweb: PeerKind | None = None
    web: PeerKind | None = None
    number: int = 0
    """Which address of 127.0.0.0/8 leads there; 0 is 127.0.0.1."""


LEAST = 3
"""The first named targets have, together, something of all that can be shown."""
NAMED = (
    TargetKind("demo-hospital", PeerKind.HOSPITAL, "guarded", "TLS, DICOMweb, a worklist, a known flaw", "north", "DE",
               ("availability-tls", "activity-tls", "flow-tls", "bandwidth-tls", "exposure"),
               dicomweb=PeerKind.WEB_TLS, web=PeerKind.WEB_LOGIN),
    TargetKind("demo-long-term", PeerKind.LACKING, "guarded", "lacks three studies, answers anyone", "milan", "IT",
               ("availability", "flow", "exposure")),
    TargetKind("demo-control", PeerKind.SMALL_OPEN, "control", "known to be open", "vantage", "DE"),
    TargetKind("demo-open", PeerKind.OPEN, "guarded", "answers anyone", "north", "DE"),
    TargetKind("demo-guarded", PeerKind.GUARDED, "guarded", "answers those it knows", "south", "DE",
               ("availability", "activity", "exposure")),
    TargetKind("demo-closed", PeerKind.CLOSED, "closed", "nothing listens here", "west", "FR"),
    TargetKind("demo-busy", PeerKind.BUSY, "guarded", "has no room for anybody", "lyon", "FR"),
    TargetKind("demo-clinic", PeerKind.SMALL_OPEN, "closed", "shows patients' names, too", "turin", "IT",
               ("identities",), number=1),
    TargetKind("demo-dicomweb", PeerKind.SMALL_GUARDED, "guarded", "its DICOMweb answers anyone", "graz", "AT",
               dicomweb=PeerKind.WEB_OPEN, number=2),
    TargetKind("demo-dicomweb-login", PeerKind.SMALL_GUARDED, "guarded", "its DICOMweb wants a login", "graz", "AT",
               ("availability-web", "exposure"), dicomweb=PeerKind.WEB_LOGIN, number=3),
    TargetKind("demo-down", PeerKind.CLOSED, "available", "is off", "lille", "FR", number=4),
    TargetKind("demo-drift", PeerKind.FORGOT_US, "guarded", "has forgotten our AE title", "basel", "CH"),
    TargetKind("demo-empty", PeerKind.EMPTY, "guarded", "answers anyone, and has nothing", "bern", "CH"),
    TargetKind("demo-filtered", PeerKind.FILTERED, "closed", "behind a firewall that says nothing", "south", "DE"),
    TargetKind("demo-images", PeerKind.SMALL_OPEN, "guarded", "hands out images, too", "lodz", "PL",
               ("availability", "images"), number=7),
    TargetKind("demo-large", PeerKind.LARGE, "available", "has more studies than are counted", "north", "DE"),
    TargetKind("demo-mutual-tls", PeerKind.MUTUAL_TLS, "guarded", "wants a certificate of its callers", "bern", "CH",
               ("availability-tls", "exposure")),
    TargetKind("demo-outdated", PeerKind.OUTDATED, "guarded", "runs software with a known flaw", "krakow", "PL"),
    TargetKind("demo-refuses-queries", PeerKind.REFUSES_QUERIES, "guarded", "lets anyone in, and tells nothing",
               "wien", "AT"),
    TargetKind("demo-restarts", PeerKind.RESTARTS, "available", "is off for 4 of each 10 minutes", "north", "DE"),
    TargetKind("demo-silent", PeerKind.SILENT, "available", "accepts, and says nothing", "lille", "FR", ("brief",)),
    TargetKind("demo-slow", PeerKind.SLOW, "available", "takes its time", "turin", "IT", ("availability", "activity")),
    TargetKind("demo-store", PeerKind.SMALL_GUARDED, "available", "takes images of a bandwidth test", "basel", "CH",
               ("availability", "bandwidth"), number=6),
    TargetKind("demo-tls", PeerKind.TLS, "guarded", "its certificate ends in 9 days", "wien", "AT",
               ("availability-tls", "exposure")),
    TargetKind("demo-vendor", PeerKind.VENDOR, "guarded", "open for 4 of each 10 minutes", "south", "DE"),
    TargetKind("demo-viewer", PeerKind.WEB_OPEN, "closed", "a viewer's page, open to anyone", "lyon", "FR",
               web=PeerKind.WEB_OPEN),
    TargetKind("demo-worklist", PeerKind.SMALL_GUARDED, "guarded", "has a worklist", "krakow", "PL",
               ("availability", "activity", "exposure"), number=8),
)  # fmt: skip

_MORE = (
    # share of 100, peer, expect, modules
    (42, PeerKind.SMALL_GUARDED, "guarded", ("availability", "patrol")),
    (22, PeerKind.SMALL_GUARDED, "available", ("availability",)),
    (10, PeerKind.CLOSED, "closed", ("patrol",)),
    (9, PeerKind.FILTERED, "closed", ("patrol",)),
    (3, PeerKind.SMALL_OPEN, "guarded", ("availability", "patrol")),
    (2, PeerKind.SMALL_OPEN, "closed", ("patrol",)),
    (2, PeerKind.REFUSES_QUERIES, "guarded", ("availability", "patrol")),
    (2, PeerKind.SLOW, "available", ("availability",)),
    (2, PeerKind.FORGOT_US, "guarded", ("availability", "patrol")),
    (2, PeerKind.RESTARTS, "available", ("availability",)),
    (1, PeerKind.VENDOR, "guarded", ("availability", "patrol")),
    (1, PeerKind.EMPTY, "closed", ("patrol",)),
    (1, PeerKind.OUTDATED, "guarded", ("availability", "patrol")),
    (1, PeerKind.BUSY, "guarded", ("availability", "patrol")),
)
_SITES = {
    "DE": ("north", "south", "harbour", "hills", "lakes"),
    "FR": ("lyon", "lille", "nantes"),
    "IT": ("milan", "turin"),
    "PL": ("krakow", "lodz"),
    "AT": ("graz", "wien"),
    "CH": ("basel", "bern"),
}
_FIRST_NUMBER = 256
"""More targets are at 127.0.1.0 and up."""


def more_targets(count: int) -> tuple[TargetKind, ...]:
    """So many targets beyond the named ones: most are as they should be, as in a region that takes care."""
    chance = random.Random(104)  # noqa: S311  # nothing here is secret
    countries = [country for country, sites in _SITES.items() for _ in sites]
    made = []
    for number in range(max(0, count)):
        (share,) = chance.choices(_MORE, [share for share, *_ in _MORE])
        _, peer, expect, modules = share
        country = chance.choice(countries)
        made.append(
            TargetKind(
                f"{country.lower()}-pacs-{number + 1:04}",
                peer,
                expect,
                "",
                chance.choice(_SITES[country]),
                country,
                modules,
                number=_FIRST_NUMBER + number,
            )
        )
    return tuple(made)
