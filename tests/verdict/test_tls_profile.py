"""The profiles of PS3.15, judged by what a server accepts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dicom_exporter.config import Address, Expect, Target
from dicom_exporter.enums import Check, LadderService, Outcome, SecureProfile, SuiteClass, TLSVersion
from dicom_exporter.results import Attempt, CertificateKey, SessionResult, StrangerResult, TLSFacts, TLSPosture
from dicom_exporter.verdict.findings import assess
from dicom_exporter.verdict.ladder import judge
from dicom_exporter.verdict.tls_profile import judge_posture

BCP195, MODIFIED = SecureProfile.BCP195, SecureProfile.MODIFIED
GOOD = CertificateKey("rsa", 2048, "sha256")
REFUSES_ALL = TLSPosture(
    {version: version in (TLSVersion.TLS_1_2, TLSVersion.TLS_1_3) for version in TLSVersion},
    dict.fromkeys(SuiteClass, False),
    0,
    GOOD,
)


def accepting(*names: TLSVersion | SuiteClass) -> TLSPosture:
    return replace(
        REFUSES_ALL,
        versions={each: held or each in names for each, held in REFUSES_ALL.versions.items()},
        suites={each: each in names for each in SuiteClass},
    )


def kept(posture: TLSPosture, certificate: CertificateKey | None = None) -> tuple[bool | None, bool | None]:
    judged = judge_posture(posture, certificate)
    return judged[BCP195].value, judged[MODIFIED].value


def test_profiles_are_kept_where_all_that_they_forbid_was_refused() -> None:
    assert kept(REFUSES_ALL) == (True, True)


@pytest.mark.parametrize("version", [TLSVersion.SSL_3, TLSVersion.TLS_1_0, TLSVersion.TLS_1_1])
def test_profiles_forbid_obsolete_versions(version: TLSVersion) -> None:
    assert kept(accepting(version)) == (False, False)


@pytest.mark.parametrize("suites", SuiteClass)
def test_profiles_forbid_weak_suites(suites: SuiteClass) -> None:
    only_advised = suites in (SuiteClass.NO_FORWARD_SECRECY, SuiteClass.CBC, SuiteClass.OTHER)
    assert kept(accepting(suites)) == (only_advised, False)


@pytest.mark.parametrize(
    ("certificate", "both"),
    [
        (CertificateKey("rsa", 1024, "sha256"), (False, False)),
        (CertificateKey("rsa", 4096, "sha1"), (False, False)),
        (CertificateKey("rsa", 4096, "md5"), (False, False)),
        (CertificateKey("ec", 224, "sha256"), (True, False)),
        (CertificateKey("ec", 192, "sha256"), (False, False)),
        (CertificateKey("ed25519", 256, "other"), (True, True)),
    ],
)
def test_profiles_forbid_weak_certificates(certificate: CertificateKey, both: tuple[bool, bool]) -> None:
    assert kept(replace(REFUSES_ALL, certificate=certificate)) == both
    assert kept(replace(REFUSES_ALL, certificate=None), certificate) == both


def test_profiles_forbid_a_small_group_of_diffie_hellman() -> None:
    assert kept(replace(REFUSES_ALL, dh_bits=1024)) == (False, False)
    assert kept(replace(REFUSES_ALL, dh_bits=2048)) == (True, True)


def test_profiles_are_not_known_while_anything_was_not_tried() -> None:
    for suites in SuiteClass:
        untried = {each: False for each in SuiteClass if each is not suites}
        in_both = suites not in (SuiteClass.NO_FORWARD_SECRECY, SuiteClass.CBC, SuiteClass.OTHER)
        assert kept(replace(REFUSES_ALL, suites=untried)) == (None if in_both else True, None)
    for version in (TLSVersion.SSL_3, TLSVersion.TLS_1_0, TLSVersion.TLS_1_1):
        versions = {each: held for each, held in REFUSES_ALL.versions.items() if each is not version}
        assert kept(replace(REFUSES_ALL, versions=versions)) == (None, None)
    assert kept(replace(REFUSES_ALL, certificate=None)) == (None, None)
    assert kept(replace(REFUSES_ALL, dh_bits=None)) == (True, None)
    assert kept(TLSPosture({TLSVersion.TLS_1_0: True})) == (False, False)  # what was seen was seen


def stranger(facts: TLSFacts | None = None, obsolete: bool | None = None, **postures: TLSPosture) -> SessionResult:
    attempt = Attempt(Outcome.SUCCESS, over_tls=facts is not None, tls=facts)
    by_service = {LadderService(name): (posture,) for name, posture in postures.items()}
    return SessionResult("stranger", None, stranger=StrangerResult((attempt,), obsolete), tls_postures=by_service)


def check(session: SessionResult, name: Check = Check.TLS_BELOW_PROFILE) -> bool | None:
    verdict = judge([session])
    assert verdict is not None
    return verdict.checks.get(name)


def test_check_is_absent_where_only_our_own_handshake_is_known() -> None:
    facts = TLSFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384")
    assert check(stranger(facts, obsolete=False)) is None
    assert check(stranger(facts, obsolete=True)) is True
    assert check(stranger(TLSFacts("TLSv1.2", "ECDHE-RSA-NULL-SHA"))) is True


def test_check_is_about_all_services() -> None:
    assert check(stranger(dimse=REFUSES_ALL, dicomweb=REFUSES_ALL)) is False
    assert check(stranger(dimse=REFUSES_ALL, dicomweb=accepting(SuiteClass.RC4))) is True
    assert check(stranger(dimse=REFUSES_ALL, dicomweb=TLSPosture({TLSVersion.TLS_1_2: True}))) is None
    cbc = stranger(dimse=accepting(SuiteClass.CBC))
    assert (check(cbc), check(cbc, Check.TLS_BELOW_MODIFIED_PROFILE)) == (False, True)


def test_check_takes_the_certificate_of_a_handshake_where_there_is_no_other() -> None:
    newest = replace(REFUSES_ALL, certificate=None)
    assert check(stranger(TLSFacts("TLSv1.3", "x", certificate=GOOD), dimse=newest)) is False
    assert check(stranger(TLSFacts("TLSv1.3", "x"), dimse=newest)) is None


def test_finding_names_what_is_below_the_profile_of_the_target() -> None:
    weak = accepting(TLSVersion.TLS_1_0, SuiteClass.CBC)
    target = Target("main", Address("pacs.example", 2762), expect=Expect.AVAILABLE, tls_profile=BCP195)
    _, (finding,) = assess(target, [stranger(dimse=weak)])
    assert finding.alert == "DicomTLSBelowProfile"
    assert finding.text == "TLS of DICOM is below the profile bcp195 (PS3.15 B.12): it accepts TLSv1"
    _, (finding,) = assess(replace(target, tls_profile=MODIFIED), [stranger(dimse=weak)])
    assert finding.text.endswith("it accepts TLSv1; it accepts cipher suites of the class cbc")
    assert assess(replace(target, tls_profile=None), [stranger(dimse=weak)])[1] == ()
    assert assess(target, [stranger(dimse=REFUSES_ALL)])[1] == ()
