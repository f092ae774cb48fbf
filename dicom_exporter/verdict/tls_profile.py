"""Whether a TLS server keeps the secure transport connection profiles of PS3.15: a pure function of what was found.

B.12 is BCP 195 (RFC 8996, 9325), B.13 the same with a list of what is allowed. What was not offered was not refused: a
profile is kept only if all that it forbids was tried.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from dicom_exporter.enums import SecureProfile, SuiteClass, TLSVersion
from dicom_exporter.results import CertificateKey, TLSPosture

OBSOLETE: Final = (TLSVersion.SSL_3, TLSVersion.TLS_1_0, TLSVersion.TLS_1_1)
_BY_BOTH: Final = (
    SuiteClass.NULL,
    SuiteClass.ANONYMOUS,
    SuiteClass.EXPORT,
    SuiteClass.DES,
    SuiteClass.RC4,
    SuiteClass.BLOCKS_OF_64_BITS,
)
FORBIDDEN: Final[Mapping[SecureProfile, tuple[SuiteClass, ...]]] = {
    SecureProfile.BCP195: _BY_BOTH,
    SecureProfile.MODIFIED: tuple(SuiteClass),
}
"""RFC 9325 4.1 for the one; all that is not on the list of B.13 for the other."""
_LEAST_BITS: Final[Mapping[SecureProfile, Mapping[str, int]]] = {
    SecureProfile.BCP195: {"rsa": 2048, "dsa": 2048, "ec": 224},
    SecureProfile.MODIFIED: {"rsa": 2048, "dsa": 2048, "ec": 256},
}
_LEAST_DH: Final = 2048
_WEAK_HASHES: Final = frozenset({"md5", "sha1"})


@dataclass(frozen=True, slots=True)
class Kept:
    """How a server, or all of a service, stand to a profile."""

    known: bool
    """Whether all that the profile forbids was tried."""
    broken: tuple[str, ...] = ()
    """What it does that the profile forbids, each within a sentence."""

    @property
    def value(self) -> bool | None:
        """Whether the profile is kept; None if that is not known."""
        return False if self.broken else True if self.known else None


def judge_posture(posture: TLSPosture, certificate: CertificateKey | None) -> dict[SecureProfile, Kept]:
    """How a server with this `posture` stands to each profile; `certificate` is its own, where the posture has none."""
    certificate = posture.certificate or certificate
    return {
        profile: Kept(
            certificate is not None and _all_tried(posture, profile), tuple(_broken(posture, certificate, profile))
        )
        for profile in SecureProfile
    }


def together(judged: Sequence[Kept]) -> Kept:
    """How a service stands to a profile, of which each server is `judged`."""
    broken = dict.fromkeys(text for each in judged for text in each.broken)
    return Kept(all(each.known for each in judged), tuple(broken))


def _all_tried(posture: TLSPosture, profile: SecureProfile) -> bool:
    tried = all(version in posture.versions for version in OBSOLETE)
    tried = tried and all(suites in posture.suites for suites in FORBIDDEN[profile])
    return tried and (profile is SecureProfile.BCP195 or posture.dh_bits is not None)


def _broken(posture: TLSPosture, certificate: CertificateKey | None, profile: SecureProfile) -> Iterator[str]:
    for version in OBSOLETE:
        if posture.versions.get(version):
            yield f"it accepts {version}"
    for suites in FORBIDDEN[profile]:
        if posture.suites.get(suites):
            yield f"it accepts cipher suites of the class {suites}"
    if posture.dh_bits and posture.dh_bits < _LEAST_DH:
        yield f"its Diffie-Hellman group has {posture.dh_bits} bits"
    if certificate is not None:
        if certificate.bits < _LEAST_BITS[profile].get(certificate.kind, 0):
            yield f"the {certificate.kind} key of its certificate has {certificate.bits} bits"
        if certificate.hash in _WEAK_HASHES:
            yield f"its certificate is signed with {certificate.hash}"
