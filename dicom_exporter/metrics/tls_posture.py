"""What TLS the services of a target accept, and what their certificates are made with."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from dicom_exporter.enums import LadderService
from dicom_exporter.metrics.families import Family, Row
from dicom_exporter.results import CertificateKey, SessionResult, TLSPosture


def _accepted(label: str, read: Callable[[TLSPosture], Mapping[str, bool]]) -> Callable[[SessionResult], list[Row]]:
    """A row for each name that `read` gives: 1 if a server of the service accepts it, 0 if all refuse it."""

    def rows(session: SessionResult) -> list[Row]:
        found: list[Row] = []
        for service, postures in session.tls_postures.items():
            for name in dict.fromkeys(name for posture in postures for name in read(posture)):
                answers = [read(posture).get(name) for posture in postures]
                if any(answers) or None not in answers:
                    found.append(({"protocol": service.value, label: str(name)}, float(any(answers))))
        return found

    return rows


def _dh_bits(session: SessionResult) -> Collection[Row]:
    least = {
        service: min((posture.dh_bits for posture in postures if posture.dh_bits), default=None)
        for service, postures in session.tls_postures.items()
    }
    return [({"protocol": service.value}, float(bits)) for service, bits in least.items() if bits is not None]


def _certificates(session: SessionResult) -> Iterator[tuple[LadderService, CertificateKey]]:
    facts = [(LadderService.DIMSE, session.tls), *((LadderService.WEB, page.tls) for page in session.web)]
    if session.dicomweb is not None:
        facts.append((LadderService.DICOMWEB, session.dicomweb.tls))
    met = {service: tls.certificate for service, tls in facts if tls is not None and tls.certificate is not None}
    yield from met.items()
    for service, postures in session.tls_postures.items():
        if service not in met:
            yield from ((service, posture.certificate) for posture in postures if posture.certificate is not None)


def _by_label(
    label: str, read: Callable[[CertificateKey], tuple[str, float]]
) -> Callable[[SessionResult], Collection[Row]]:
    """A row for each service and text that `read` gives, with the least number."""

    def rows(session: SessionResult) -> Collection[Row]:
        least: dict[tuple[str, str], float] = {}
        for service, certificate in _certificates(session):
            text, number = read(certificate)
            least[service.value, text] = min(number, least.get((service.value, text), number))
        return [({"protocol": service, label: text}, number) for (service, text), number in least.items()]

    return rows


def speaks_tls(session: SessionResult) -> bool:
    """Whether any of these families may have a row."""
    pages: Iterable[object] = (page.tls for page in session.web)
    web = session.dicomweb is not None and session.dicomweb.tls is not None
    return session.tls is not None or web or bool(session.tls_postures) or any(pages)


POSTURE_FAMILIES: tuple[Family[SessionResult], ...] = (
    Family(
        "dicom_tls_certificate_key_size",
        "Size of the key of the peer's own certificate, in bits; `algorithm` says of which kind.",
        _by_label("algorithm", lambda certificate: (certificate.kind, float(certificate.bits))),
    ),
    Family(
        "dicom_tls_certificate_signature_info",
        "The hash that the peer's own certificate is signed with.",
        _by_label("hash", lambda certificate: (certificate.hash, 1.0)),
    ),
    Family(
        "dicom_tls_version_accepted",
        "Whether a version of TLS is accepted. Absent if it was not tried, or the answer did not show it.",
        _accepted("version", lambda posture: {str(name): accepted for name, accepted in posture.versions.items()}),
    ),
    Family(
        "dicom_tls_suites_accepted",
        "Whether any cipher suite of a class is accepted. Absent if it was not tried, or the answer did not show it.",
        _accepted("suites", lambda posture: {str(name): accepted for name, accepted in posture.suites.items()}),
    ),
    Family(
        "dicom_tls_dh_size",
        "Size of the group of finite-field Diffie-Hellman, in bits; absent if it is refused, or not known.",
        _dh_bits,
    ),
)
