"""The description of a server: independent parts, each with a default that makes the server fully open.

The parts are plain values, so that an example can be printed, copied into a test and run again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Any

ALWAYS = 1_000_000
"""A number of times that no probe outlasts."""
CALLED = "ANY-SCP"
"""The called AE title in the target's configuration."""
NAME = "pacs.test"
"""The name that the public knows the server by."""
OTHER_NAME = "other.test"
"""Another name of the same addresses."""

MODALITIES = ("CT", "MR")
"""What the monitor asks for; all studies are of the first."""

VERIFICATION = "1.2.840.10008.1.1"
STUDY_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
PATIENT_FIND = "1.2.840.10008.5.1.4.1.2.1.1"
WORKLIST_FIND = "1.2.840.10008.5.1.4.31"
STUDY_GET = "1.2.840.10008.5.1.4.1.2.2.3"
FINDS = (STUDY_FIND, PATIENT_FIND, WORKLIST_FIND)
CT = "1.2.840.10008.5.1.4.1.1.2"
ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4.1"
PRIVATE = "1.2.826.0.1.3680043.2.1143.99.1"
"""A storage SOP class of a manufacturer's own."""
IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
JPEG = "1.2.840.10008.1.2.4.50"
JPEG_2000 = "1.2.840.10008.1.2.4.90"
MPEG2 = "1.2.840.10008.1.2.4.100"
SYNTAXES = (IMPLICIT, EXPLICIT, JPEG, JPEG_2000, MPEG2)


class _Name(Enum):
    def __repr__(self) -> str:
        return f"{type(self).__name__}.{self.name}"


class Reach(_Name):
    """What an address does with a SYN."""

    ANSWERS = 1
    REFUSES = 2
    DROPS = 3
    UNREACHABLE = 4
    REFUSES_ONCE = 5
    """The server restarts: the first connection is refused."""
    NO_ROUTE = 6
    """The exporter's machine has no route for such addresses; others may."""


class TLS(_Name):
    """What the port wants of TLS."""

    NONE = 1
    ANY = 2
    NAMED = 3
    """Handshakes without the right name (SNI, RFC 6066 3) fail."""
    CLIENT_CERTIFICATE = 4
    CLIENT_CERTIFICATE_1_2 = 5
    """The same in TLS 1.2, if the refusal is part of the handshake."""
    OBSOLETE = 6
    """TLS 1.0 and 1.1 only."""
    NO_COMMON_CIPHER = 7
    """Every handshake ends in handshake_failure; a client with the right cipher suite would get through."""


class Policy(_Name):
    """What an A-ASSOCIATE-RQ of a stranger gets."""

    ACCEPTS = 1
    REJECTS_CALLING = 2
    REJECTS_CALLED = 3
    """The configured called AE title is not the server's."""
    CHECKS_CALLED = 4
    """It accepts the configured called AE title and rejects any other."""
    ABORTS = 5
    CLOSES = 6
    NOT_DICOM = 7
    ABORTS_ON_MANY = 8
    """It aborts if more than three presentation contexts are proposed."""
    ACCEPTS_AND_ABORTS = 9
    """A-ASSOCIATE-AC and A-ABORT in one segment."""
    ABORTS_ONCE = 10
    HANGS_UP = 11
    """It closes each connection as soon as it is made."""
    ACCEPTS_THEN_ABORTS = 12
    """The same as `ACCEPTS_AND_ABORTS` in two segments."""
    ACCEPTS_AND_CLOSES = 13
    ACCEPTS_AND_RELEASES = 14
    """A-ASSOCIATE-AC and A-RELEASE-RQ."""
    REJECTS_EVERY_OTHER = 15
    """After each association, the next is rejected as transient: it is still busy with the last."""


class End(_Name):
    """How the answer to an operation goes."""

    STATUS = 1
    """Regularly, with a final status."""
    ABORT = 2
    ABORT_ONCE = 3
    ABORT_AFTER_MATCHES = 4
    ABORT_ON_OPTIONAL_KEYS = 5
    """It aborts if more than the unique key is asked for."""
    HANG = 6
    """No answer, for longer than any deadline."""
    CLOSE = 7
    MALFORMED = 8
    """The bytes are no command set."""
    HANG_ON_UNKNOWN = 9
    """A query for a UID that is not there is never answered."""
    FAILURE_AFTER_MATCHES = 10
    """The final status is out of resources, after all matches."""


@dataclass(frozen=True)
class Part:
    """A part that is printed without what has its default."""

    def __repr__(self) -> str:
        shown = (
            f"{each.name}={getattr(self, each.name)!r}"
            for each in fields(self)
            if getattr(self, each.name) != default_of(each)
        )
        return f"{type(self).__name__}({', '.join(shown)})"


def default_of(each: Any) -> Any:
    """The default of a field of a dataclass."""
    return each.default_factory() if callable(each.default_factory) else each.default


@dataclass(frozen=True, repr=False)
class Find(Part):
    """The answer to a C-FIND of one SOP class that lists everything; a query for a UID that is unknown has no match."""

    matches: int = 3
    status: int = 0x0000
    """The final status. A refusal (not 0000, not B001) comes without matches."""
    too_much: bool = False
    """Whether a refusal is only for queries that would list everything; else for every query."""
    end: End = End.STATUS
    more: int = 0
    """With B001: how many the server did not send."""
    names: bool = True
    """Whether matches carry a patient's name."""
    instances: str | None = "7"
    """NumberOfStudyRelatedInstances as written for a study, which has 7; None: absent."""
    instances_of_first: bool = True
    """Whether the first match has it, too."""
    out_of_order: bool = False
    huge: bool = False
    """The first match is larger than 1 MiB."""
    ignores_keys: bool = False
    """What is matched by is ignored: everything matches."""
    shows_modality: bool = True
    """Whether a match has ModalitiesInStudy, too."""
    implicit: bool = True
    """Whether the transfer syntax implicit VR little endian is accepted for it, beside explicit."""
    pending: int = 0xFF00

    @property
    def answers(self) -> bool:
        """Whether a query gets to a final status that is no refusal, sooner or later."""
        answered = self.status in (0x0000, 0xB001) or self.too_much
        return answered and self.end not in (End.ABORT, End.CLOSE, End.MALFORMED, End.FAILURE_AFTER_MATCHES)


@dataclass(frozen=True, repr=False)
class Get(Part):
    """The answer to a C-GET for a study."""

    sop_class: str = CT
    syntax: str = EXPLICIT
    """The transfer syntax in which the instance is kept."""
    converts: bool = False
    """Whether it is sent in implicit VR little endian, too."""
    end: End = End.STATUS
    refusal: int | None = None
    """A final status with which every C-GET is refused."""


@dataclass(frozen=True, repr=False)
class Dimse(Part):
    """A DICOM port."""

    tls: TLS = TLS.NONE
    policy: Policy = Policy.ACCEPTS
    busy: int = 0
    """How many associations are first rejected as transient (congestion)."""
    busy_reason: tuple[int, int, int] = (2, 3, 1)
    echo: End | None = End.STATUS
    """None: the Verification SOP class is not accepted."""
    echo_status: int = 0x0000
    finds: Mapping[str, Find] = field(default_factory=lambda: {STUDY_FIND: Find()})
    """SOP class -> answer; SOP classes that are not here are not accepted."""
    get: Get | None = None
    storage: bool = True
    """Whether the Storage SOP classes of the proposal are accepted without C-GET as well."""
    delay: float = 0.0
    """Seconds before each answer."""


class Redirect(_Name):
    """Where redirects lead."""

    RELATIVE = 1
    ABSOLUTE = 2
    OTHER_HOST = 3
    LOGIN = 4
    META = 5
    """200 and a page that browsers leave for another by themselves."""
    COOKIE = 6
    """To the same address, which answers to those who bring the cookie that came with it."""


class Login(_Name):
    """What a request without credentials gets."""

    NONE = 1
    STATUS_401 = 2
    STATUS_403 = 3
    FORM = 4
    """200 and a page with a password field."""


class Media(_Name):
    """In which form QIDO-RS answers (PS3.18 8.7.3)."""

    DICOM_JSON = 1
    DICOM_JSON_CHARSET = 2
    JSON = 3
    XML = 4
    HTML = 5
    """The page of a viewer, whatever is asked: no DICOMweb."""


class Nothing(_Name):
    """How QIDO-RS says that nothing matches."""

    ARRAY = 1
    NO_CONTENT = 2
    EMPTY_BODY = 3
    NOT_FOUND = 4
    """404, as some archives answer."""


@dataclass(frozen=True, repr=False)
class Web(Part):
    """A DICOMweb root."""

    tls: TLS = TLS.NONE
    gateway: int | None = None
    """Status of a gateway whose server is away."""
    gateway_times: int = ALWAYS
    """How many requests first get it."""
    redirects: int = 0
    redirect: Redirect = Redirect.RELATIVE
    login: Login = Login.NONE
    studies: int = 3
    nothing: Nothing = Nothing.ARRAY
    media: Media = Media.DICOM_JSON
    page: int | None = None
    """At most so many entries in one answer."""
    says_more: bool = False
    """Whether a Warning header says that a page is not all (PS3.18 8.3.4.4)."""
    partial: bool = False
    """Whether a page that is not all comes with status 206."""
    max_limit: int | None = None
    """A larger `limit` is refused."""
    refusal: int = 400
    list_status: int | None = None
    """With which status every query without a study UID is refused."""
    ignores_offset: bool = False
    ignores_limit: bool = False
    repeats: bool = False
    """Whether a page after the first begins with the last entry of the one before."""
    ignores_filter: bool = False
    names: bool = True
    wado_status: int = 200
    wado_accept: str | None = None
    """What the Accept header must hold for an instance to be sent, else 406; None: anything will do."""
    delay: float = 0.0


@dataclass(frozen=True, repr=False)
class Page(Part):
    """A page of an archive, for a person; with Orthanc's REST interface beside it, or without."""

    tls: TLS = TLS.NONE
    gateway: int | None = None
    gateway_times: int = ALWAYS
    redirects: int = 0
    redirect: Redirect = Redirect.RELATIVE
    login: Login = Login.NONE
    orthanc: bool = True
    studies: int = 3
    rest_status: int | None = None
    """With which status the REST interface refuses everything."""
    statistics: bool = True
    """Whether the number of studies may be asked for."""
    delay: float = 0.0


@dataclass(frozen=True, repr=False)
class Endpoint(Part):
    """One address of the name."""

    ip: str = "192.0.2.1"
    reach: Reach = Reach.ANSWERS
    dimse: Dimse | None = None
    web: Web | None = None
    page: Page | None = None


@dataclass(frozen=True, repr=False)
class Server(Part):
    """A server, and what the exporter is configured to ask of it."""

    endpoints: tuple[Endpoint, ...] = (Endpoint(dimse=Dimse()),)
    by_name: bool = True
    """Whether the target is configured by name; else by its only address."""
    prove_identity: bool = False
    prove_download: bool = False
    max_matches: int = 20
    """Where the stranger's counts stop."""
    seconds: float = 15.0
    """What the request for the probe allows, at most."""

    @property
    def possible(self) -> bool:
        """Whether one target can be all of this: one URL, each address once, a name for several addresses."""
        schemes = {each.web.tls is TLS.NONE for each in self.endpoints if each.web is not None}
        page_schemes = {each.page.tls is TLS.NONE for each in self.endpoints if each.page is not None}
        ips = [each.ip for each in self.endpoints]
        return (
            max(len(schemes), len(page_schemes)) <= 1 and len(set(ips)) == len(ips) and (self.by_name or len(ips) == 1)
        )

    @property
    def has_web(self) -> bool:
        """Whether the target has a DICOMweb root."""
        return any(endpoint.web is not None for endpoint in self.endpoints)

    @property
    def has_page(self) -> bool:
        """Whether the target has a page."""
        return any(endpoint.page is not None for endpoint in self.endpoints)
