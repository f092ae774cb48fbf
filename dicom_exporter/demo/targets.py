"""The targets of the demo: three archives to begin with; or a health region with one of each kind, and any number of
others, the same on every run.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

GUARDED_TITLE = "DEMO_GUARDED"
KNOWN_CALLER = "PROMETHEUS"
"""The calling AE title of the built-in identity `monitor`, the only one that guarded archives accept."""


class PeerKind(StrEnum):
    """The kinds of peers, in the order of their ports."""

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
    DISK_FULL = "disk-full"
    LOSES_IMAGES = "loses-images"


PEERS = tuple(PeerKind)


@dataclass(frozen=True, slots=True)
class TargetKind:
    """A target without its address."""

    name: str
    peer: PeerKind
    expect: str
    about: str
    """A description for the person who started the demo. Empty: the target is not listed."""
    site: str
    country: str
    modules: tuple[str, ...] = ()
    """Empty: the default modules of `expect`."""
    dicomweb: PeerKind | None = None
    web: PeerKind | None = None
    number: int = 0
    """The number of its address in 127.0.0.0/8; 0 is 127.0.0.1."""


THREE = (
    TargetKind("demo-open", PeerKind.OPEN, "guarded", "should refuse strangers, answers anyone", "demo-north", "DE"),
    TargetKind("demo-guarded", PeerKind.GUARDED, "guarded", "answers known callers only", "demo-south", "DE"),
    TargetKind("demo-closed", PeerKind.CLOSED, "closed", "nothing listens here", "demo-west", "FR"),
    TargetKind("demo-control", PeerKind.OPEN, "control", "known to be open: if we cannot reach it, the fault is ours",
               "demo-vantage", "DE"),
)  # fmt: skip
"""Three archives, one of which is a control, too."""
LEAST = 3
"""So many of the first named targets show every feature of the dashboards."""
NAMED = (
    TargetKind("demo-hospital", PeerKind.HOSPITAL, "guarded", "TLS, DICOMweb, a worklist, a known flaw", "north", "DE",
               ("availability-tls", "activity-tls", "flow-tls", "bandwidth-tls", "canary-tls", "exposure"),
               dicomweb=PeerKind.WEB_TLS, web=PeerKind.WEB_LOGIN),
    TargetKind("demo-long-term", PeerKind.LACKING, "guarded", "lacks three studies, answers anyone", "milan", "IT",
               ("availability", "flow", "exposure")),
    TargetKind("demo-control", PeerKind.SMALL_OPEN, "control", "known to be open", "vantage", "DE"),
    TargetKind("demo-open", PeerKind.OPEN, "guarded", "answers anyone", "north", "DE"),
    TargetKind("demo-guarded", PeerKind.GUARDED, "guarded", "answers known callers", "south", "DE",
               ("availability", "activity", "exposure")),
    TargetKind("demo-closed", PeerKind.CLOSED, "closed", "nothing listens here", "west", "FR"),
    TargetKind("demo-busy", PeerKind.BUSY, "guarded", "rejects everyone as busy", "lyon", "FR"),
    TargetKind("demo-clinic", PeerKind.SMALL_OPEN, "closed", "shows patients' names, too", "turin", "IT",
               ("identities",), number=1),
    TargetKind("demo-dicomweb", PeerKind.SMALL_GUARDED, "guarded", "its DICOMweb answers anyone", "graz", "AT",
               dicomweb=PeerKind.WEB_OPEN, number=2),
    TargetKind("demo-dicomweb-login", PeerKind.SMALL_GUARDED, "guarded", "its DICOMweb requires a login", "graz", "AT",
               ("availability-web", "exposure"), dicomweb=PeerKind.WEB_LOGIN, number=3),
    TargetKind("demo-disk-full", PeerKind.DISK_FULL, "available", "answers, and its disk is full", "bern", "CH",
               ("availability", "bandwidth")),
    TargetKind("demo-down", PeerKind.CLOSED, "available", "is off", "lille", "FR", number=4),
    TargetKind("demo-drift", PeerKind.FORGOT_US, "guarded", "has forgotten our AE title", "basel", "CH"),
    TargetKind("demo-empty", PeerKind.EMPTY, "guarded", "answers anyone, and has nothing", "bern", "CH"),
    TargetKind("demo-filtered", PeerKind.FILTERED, "closed", "behind a firewall that drops packets", "south", "DE"),
    TargetKind("demo-images", PeerKind.SMALL_OPEN, "guarded", "returns images, too", "lodz", "PL",
               ("availability", "images"), number=7),
    TargetKind("demo-large", PeerKind.LARGE, "available", "has more studies than are counted", "north", "DE"),
    TargetKind("demo-loses-images", PeerKind.LOSES_IMAGES, "available", "takes images, and keeps none", "milan", "IT",
               ("availability", "canary")),
    TargetKind("demo-mutual-tls", PeerKind.MUTUAL_TLS, "guarded", "requires a client certificate", "bern", "CH",
               ("availability-tls", "exposure")),
    TargetKind("demo-outdated", PeerKind.OUTDATED, "guarded", "runs software with a known flaw", "krakow", "PL"),
    TargetKind("demo-quiet", PeerKind.SMALL_GUARDED, "available", "gets no CT since soon after midnight", "graz", "AT",
               ("availability", "newest", "services"), number=9),
    TargetKind("demo-refuses-queries", PeerKind.REFUSES_QUERIES, "guarded", "accepts anyone, and refuses queries",
               "wien", "AT"),
    TargetKind("demo-restarts", PeerKind.RESTARTS, "available", "is off for 4 of each 10 minutes", "north", "DE"),
    TargetKind("demo-silent", PeerKind.SILENT, "available", "accepts, and sends nothing", "lille", "FR", ("brief",)),
    TargetKind("demo-slow", PeerKind.SLOW, "available", "is slow", "turin", "IT", ("availability", "activity")),
    TargetKind("demo-store", PeerKind.SMALL_GUARDED, "available", "takes images of a bandwidth test", "basel", "CH",
               ("availability", "bandwidth"), number=6),
    TargetKind("demo-tls", PeerKind.TLS, "guarded", "its certificate expires in 9 days", "wien", "AT",
               ("availability-tls", "tls")),
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
"""The other targets are at 127.0.1.0 and up."""


def region_targets(count: int = 0) -> Sequence[TargetKind]:
    """The targets of a region of `count`, at least LEAST; 0: those with a name."""
    if 0 < count < LEAST:
        raise ValueError(f"a region has at least {LEAST} targets")
    return (*NAMED[:count], *more_targets(count - len(NAMED))) if count else NAMED


def more_targets(count: int) -> tuple[TargetKind, ...]:
    """`count` targets beyond the named ones. Most are as expected, as in a well-kept region."""
    rng = random.Random(104)  # noqa: S311  # nothing here is secret
    countries = [country for country, sites in _SITES.items() for _ in sites]
    made = []
    for number in range(max(0, count)):
        (share,) = rng.choices(_MORE, [share for share, *_ in _MORE])
        _, peer, expect, modules = share
        country = rng.choice(countries)
        made.append(
            TargetKind(
                f"{country.lower()}-pacs-{number + 1:04}",
                peer,
                expect,
                "",
                rng.choice(_SITES[country]),
                country,
                modules,
                number=_FIRST_NUMBER + number,
            )
        )
    return tuple(made)
