"""The fixed lists of values of what a probe can find: outcomes, reasons, levels, checks.

Most are values of a label, so docs/metrics.md has them too. Nothing here does anything.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Outcome(StrEnum):
    """How an association, and the C-ECHO on it, ended. Exactly one is true of each attempt."""

    SUCCESS = "success"
    """C-ECHO came back with status 0x0000."""
    DNS_FAILURE = "dns_failure"
    """The name did not resolve, or not in time."""
    UNREACHABLE = "unreachable"
    """No route to the address (the network said so, or we have no such address family)."""
    REFUSED = "refused"
    """TCP connection refused: the machine is there and nothing listens."""
    CONNECT_TIMEOUT = "connect_timeout"
    """Nothing answered our SYN: a firewall drops it, or the machine is off."""
    TLS_FAILURE = "tls_failure"
    """TCP connected; the TLS handshake failed, on either side."""
    NO_ANSWER = "no_answer"
    """Connected, and then no whole answer until the deadline."""
    NOT_DICOM = "not_dicom"
    """Connected, and the first bytes that came back are no DICOM PDU."""
    PROTOCOL_ERROR = "protocol_error"
    """DICOM was spoken, and then something that the standard, or one of our limits, does not allow."""
    REJECTED = "rejected"
    """A-ASSOCIATE-RJ, permanent: the peer does not want us."""
    BUSY = "busy"
    """A-ASSOCIATE-RJ, transient: the peer has no room now."""
    ABORTED = "aborted"
    """A-ABORT from the peer."""
    CLOSED = "closed"
    """The connection ended before the answer, without an A-ABORT."""
    NOT_OFFERED = "not_offered"
    """Association accepted, the presentation context we need was not."""
    FAILURE_STATUS = "failure_status"
    """C-ECHO was answered, with a status other than 0x0000."""
    OVERLOAD = "overload"
    """We did not get to it in time; this says nothing about the peer."""
    PROXY_FAILURE = "proxy_failure"
    """The proxy of the vantage made no connection, or none for sure, and does not say that the peer refused it; this
    says nothing about the peer."""

    @property
    def says_nothing(self) -> bool:
        """Whether it is our doing, or that of the vantage, and says nothing about the peer."""
        return self in (Outcome.OVERLOAD, Outcome.PROXY_FAILURE)


class QueryOutcome(StrEnum):
    """How a C-FIND ended. Exactly one is true of each query."""

    ALLOWED = "allowed"
    """Ended with Success after at least one match; all are counted."""
    EMPTY = "empty"
    """Ended with Success and no match. This is an answer, not a failure."""
    TRUNCATED = "truncated"
    """Allowed, and there may be more: a limit of ours (matches, or the size of one), status B001, or a limit the
    archive is known to have."""
    REFUSED = "refused"
    """Refused by status: 0x0124 not authorised, or an A700 or Cxxx before any match."""
    UNSUPPORTED = "unsupported"
    """The presentation context was not accepted, the archive does not know the SOP class (0x0122, A900), or it ignores
    a key of the query: a match lacks or contradicts what it was matched by."""
    FAILED = "failed"
    """Another failure status, or a failure status after matches had come."""
    ABORTED = "aborted"
    """A-ABORT, or the connection ended, in place of the answer."""
    PROTOCOL_ERROR = "protocol_error"
    """The answer breaks the standard or one of our limits."""
    TIMEOUT = "timeout"
    """No final response until the deadline."""
    NO_ASSOCIATION = "no_association"
    """It was never sent: the association it needs did not come about, or ended before. The echo outcome says why."""
    OVERLOAD = "overload"
    """We did not get to it in time; this says nothing about the peer."""

    @property
    def is_success(self) -> bool:
        """Whether the archive answered the query: Success, Cancel at our own limit, or B001."""
        return self in (QueryOutcome.ALLOWED, QueryOutcome.EMPTY, QueryOutcome.TRUNCATED)


class StoreOutcome(StrEnum):
    """How the C-STOREs of a bandwidth test ended: by the last of them (PS3.4 B.2.3, PS3.7 9.1.1.1.9)."""

    SUCCESS = "success"
    """Every instance was taken, with status 0x0000."""
    WARNING = "warning"
    """Every instance was taken, and one at least with a warning: elements were coerced or discarded."""
    OUT_OF_RESOURCES = "out_of_resources"
    """A7xx: mostly a full disk."""
    SOP_CLASS = "sop_class"
    """The presentation context was not accepted, or the archive does not know the SOP class (0x0122)."""
    REFUSED = "refused"
    """0x0124: not authorised."""
    MISMATCH = "mismatch"
    """A9xx: the dataset does not match the SOP class."""
    CANNOT_UNDERSTAND = "cannot_understand"
    """Cxxx: many archives answer so for whatever goes wrong."""
    FAILED = "failed"
    """Another failure status."""
    ABORTED = "aborted"
    """A-ABORT, or the connection ended, in place of the answer."""
    PROTOCOL_ERROR = "protocol_error"
    """The answer breaks the standard or one of our limits."""
    TIMEOUT = "timeout"
    """No response until the deadline."""
    NO_ASSOCIATION = "no_association"
    """Nothing was sent: the association that it needs did not come about."""
    OVERLOAD = "overload"
    """We did not get to it in time; this says nothing about the peer."""

    @property
    def is_success(self) -> bool:
        """Whether the archive took every instance."""
        return self in (StoreOutcome.SUCCESS, StoreOutcome.WARNING)


class UnknownReason(StrEnum):
    """Why it is not known how far a stranger gets: what ended by our doing, or by the moment, and not by the peer's.

    Only what the peer does shows that a stranger gets no further: it refuses, rejects, answers 401, or the status of a
    query says no. The values are those of the label `reason` of `dicom_exposure_unknown_reason`.
    """

    DNS_FAILURE = "dns_failure"
    """The name did not resolve, or not in time."""
    UNREACHABLE = "unreachable"
    """The network says that there is no route to the address."""
    IP_VERSION = "ip_version"
    """This machine has no route for addresses of that IP version: others may have one."""
    OVERLOAD = "overload"
    """Our own queue, file descriptors or event loop; or another probe of the address took the time."""
    TIMEOUT = "timeout"
    """A step ran out of time after the connection was made, or the request for this probe allowed too little."""
    BUSY = "busy"
    """The peer has no room now: a transient A-ASSOCIATE-RJ (PS3.8 Table 9-21)."""
    UNAVAILABLE = "unavailable"
    """A status that is about this moment: of HTTP (RFC 9110 15.5.9, 15.6) or of DIMSE; or a gateway without the server
    behind it."""
    TLS_HANDSHAKE = "tls_handshake"
    """The TLS handshake failed, and no client certificate had been asked for: another client might succeed."""
    REDIRECT = "redirect"
    """A redirect that we did not follow, and that another client might."""
    UNREADABLE = "unreadable"
    """An answer that we cannot read: another media type, or one that breaks its format."""
    NOT_OFFERED = "not_offered"
    """The peer needs what we did not propose, such as a transfer syntax."""
    LIMIT = "limit"
    """One of our own limits on what we read."""
    ADDRESS_NOT_TRIED = "address_not_tried"
    """Another address of the name was not tried."""
    NOT_ASKED = "not_asked"
    """A question was never put, because something before it ended the association, or no time was left."""
    VANTAGE = "vantage"
    """The proxy of the vantage failed, is not there, or does not say what became of the connection."""
    VANTAGE_REFUSED = "vantage_refused"
    """The proxy of the vantage refuses us: by its rules, or our credentials."""
    VANTAGE_UNREACHABLE = "vantage_unreachable"
    """The proxy of the vantage says that it has no way to the address, which many say of whatever goes wrong."""

    @property
    def is_of_vantage(self) -> bool:
        """Whether the proxy of the vantage is why."""
        return self in (UnknownReason.VANTAGE, UnknownReason.VANTAGE_REFUSED, UnknownReason.VANTAGE_UNREACHABLE)


class TLSFailure(StrEnum):
    """Why a TLS handshake failed, as far as it showed."""

    NOT_TLS = "not_tls"
    """The peer answered with something that is not TLS."""
    VERSION = "version"
    """No common version."""
    CIPHER = "cipher"
    """No common cipher suite, or a handshake_failure alert, which mostly means that."""
    EXPIRED = "expired"
    """The peer's certificate is expired or not valid yet."""
    NAME = "name"
    """The peer's certificate is for another name; or the peer does not know the name that we sent."""
    AUTHORITY = "authority"
    """The peer's certificate is of an authority that we do not trust."""
    CERTIFICATE_DEMANDED = "certificate_demanded"
    """The peer wants a client certificate, or another one."""
    OTHER = "other"
    """Something else, or the connection ended without an alert."""


class TLSVersion(StrEnum):
    """Versions of TLS, under the names that OpenSSL has for them."""

    SSL_3 = "SSLv3"
    TLS_1_0 = "TLSv1"
    TLS_1_1 = "TLSv1.1"
    TLS_1_2 = "TLSv1.2"
    TLS_1_3 = "TLSv1.3"


class SuiteClass(StrEnum):
    """Cipher suites by what is weakest in them. One of the profiles of PS3.15 at least forbids each class."""

    NULL = "null"
    """No encryption."""
    ANONYMOUS = "anonymous"
    """Nobody shows who they are."""
    EXPORT = "export"
    """Keys of 40 or 56 bits."""
    DES = "des"
    RC4 = "rc4"
    BLOCKS_OF_64_BITS = "3des"
    """3DES, and IDEA."""
    NO_FORWARD_SECRECY = "no_forward_secrecy"
    """RSA key transport, and static Diffie-Hellman."""
    CBC = "cbc"
    """Forward secrecy, without authenticated encryption."""
    OTHER = "other"
    """Both, with an algorithm that PS3.15 B.13 does not list: ARIA, DSA."""


class SecureProfile(StrEnum):
    """The secure transport connection profiles of PS3.15."""

    BCP195 = "bcp195"
    """B.12: BCP 195, RFC 8996 and 9325."""
    MODIFIED = "modified"
    """B.13: the same, with a list of what is allowed. Its predecessor was the extended profile, B.11."""


class Phase(StrEnum):
    """The parts of a probe whose seconds are measured, in the order in which they happen."""

    RESOLVE = "resolve"
    CONNECT = "connect"
    TLS = "tls"
    ASSOCIATE = "associate"
    ECHO = "echo"
    QUERY = "query"
    STORE = "store"
    RELEASE = "release"
    FIRST_BYTE = "first_byte"
    """HTTP: from the connection to the headers of the response."""
    TRANSFER = "transfer"
    """HTTP: the body."""


HTTP_PHASES = (Phase.RESOLVE, Phase.CONNECT, Phase.TLS, Phase.FIRST_BYTE, Phase.TRANSFER)
"""The phases of an HTTP request; the last two are of nothing else."""


class Expect(StrEnum):
    """What its owner says of a target, as seen from here."""

    AVAILABLE = "available"
    """It must answer us."""
    GUARDED = "guarded"
    """It must answer us, and refuse strangers."""
    CLOSED = "closed"
    """It must not be reachable from here."""
    CONTROL = "control"
    """It is known to be open from here, and shows that this vantage can see."""


class LadderService(StrEnum):
    """What a stranger can reach on a target, each with a level of its own (label `protocol`)."""

    DIMSE = "dimse"
    """The DICOM port."""
    DICOMWEB = "dicomweb"
    WEB = "web"
    """Web pages: viewers, user interfaces and REST roots."""


class LadderLevel(IntEnum):
    """How far a stranger gets, as a number that sorts."""

    CLOSED = 0
    OPEN_PORT = 1
    REFUSES_STRANGERS = 2
    ASSOCIATES = 3
    QUERYABLE = 4
    LISTS_STUDIES = 5
    IDENTIFIES_PATIENTS = 6
    HANDS_OUT_IMAGES = 7


class Check(StrEnum):
    """Single facts about what a stranger finds, under the names they have in `dicom_exposure_check`. True is bad."""

    CALLING_AE_TITLE_UNCHECKED = "calling_ae_title_unchecked"
    CALLED_AE_TITLE_UNCHECKED = "called_ae_title_unchecked"
    PLAINTEXT_ACCEPTED = "plaintext_accepted"
    TLS_BELOW_PROFILE = "tls_below_profile"
    TLS_BELOW_MODIFIED_PROFILE = "tls_below_modified_profile"
    WORKLIST_QUERYABLE = "worklist_queryable"
    RETRIEVE_NEGOTIABLE = "retrieve_negotiable"
    STORE_NEGOTIABLE = "store_negotiable"
    HTTP_WITHOUT_TLS = "http_without_tls"
    RETRIEVE_AUTHORISED = "retrieve_authorised"
    STOW_OFFERED = "stow_offered"
    CORS_WITH_CREDENTIALS = "cors_with_credentials"


class Service(StrEnum):
    """The SOP classes we propose, under the names they have in `dicom_service_accepted`."""

    VERIFICATION = "verification"
    STUDY_FIND = "study_find"
    PATIENT_FIND = "patient_find"
    WORKLIST_FIND = "worklist_find"
    STUDY_GET = "study_get"
    STUDY_MOVE = "study_move"
    STORAGE = "storage"


class RejectResult(StrEnum):
    """Result of an A-ASSOCIATE-RJ, PS3.8 Table 9-21."""

    PERMANENT = "rejected-permanent"
    TRANSIENT = "rejected-transient"
    UNLISTED = "unlisted"
    """A code that the table does not have."""


class RejectSource(StrEnum):
    """Who sent an A-ASSOCIATE-RJ, PS3.8 Table 9-21."""

    SERVICE_USER = "service-user"
    SERVICE_PROVIDER_ACSE = "service-provider-acse"
    SERVICE_PROVIDER_PRESENTATION = "service-provider-presentation"
    UNLISTED = "unlisted"
    """A code that the table does not have."""


class RejectReason(StrEnum):
    """Reason of an A-ASSOCIATE-RJ, PS3.8 Table 9-21. The code alone is ambiguous: its meaning depends on the source."""

    NO_REASON_GIVEN = "no-reason-given"
    APPLICATION_CONTEXT_NAME_NOT_SUPPORTED = "application-context-name-not-supported"
    CALLING_AE_TITLE_NOT_RECOGNIZED = "calling-ae-title-not-recognized"
    CALLED_AE_TITLE_NOT_RECOGNIZED = "called-ae-title-not-recognized"
    PROTOCOL_VERSION_NOT_SUPPORTED = "protocol-version-not-supported"
    TEMPORARY_CONGESTION = "temporary-congestion"
    LOCAL_LIMIT_EXCEEDED = "local-limit-exceeded"
    UNLISTED = "unlisted"
    """A code that the table does not have for this source."""


class CanaryStep(StrEnum):
    """The steps of a canary, in their order; `metadata` and `frame` are of DICOMweb alone."""

    STORE = "store"
    """The archive says that it has stored the image."""
    FINDABLE = "findable"
    """It lists the image, asked for its UID."""
    METADATA = "metadata"
    """It has the metadata of the image."""
    RETRIEVE = "retrieve"
    """An image comes."""
    COMPARE = "compare"
    """It has the pixels of the one that was stored."""
    FRAME = "frame"
    """So has its first frame, asked for alone."""


class Called(StrEnum):
    """Which called AE title a stranger's association used."""

    CONFIGURED = "configured"
    RANDOM = "random"
    WELL_KNOWN = "well_known"


class WebAnswer(StrEnum):
    """What came back from a URL, asked without credentials or with them. From the least that it shows to the most."""

    CLOSED = "closed"
    """No TCP connection: refused, or no answer to our SYN."""
    UNKNOWN = "unknown"
    """No name, no route, no time: this says nothing about the server."""
    NOT_HTTP = "not_http"
    """TCP, or TLS, was accepted, and no HTTP came back."""
    OTHER = "other"
    """HTTP was spoken, and it is not DICOMweb."""
    DENIED = "denied"
    """401, 403, or a redirect to a login."""
    EMPTY = "empty"
    """DICOMweb answered, and nothing matched: 204, or 200 with ``[]`` or no body."""
    ENTRIES = "entries"
    """DICOMweb (or an archive's own REST root) listed at least one study."""

    @property
    def rank(self) -> int:
        """Its place in that order, from 0."""
        return list(WebAnswer).index(self)


class LoginScheme(StrEnum):
    """How a web server wants its users to log in."""

    NONE = "none"
    """It answers without a login."""
    BASIC = "basic"
    """RFC 7617: the password itself is sent."""
    DIGEST = "digest"
    BEARER = "bearer"
    """RFC 6750, as OAuth 2.0 and OpenID Connect use it."""
    OTHER = "other"
    """Another scheme, a page to log in, a client certificate, or a refusal that names none."""
