"""Families about the TLS that services accept."""

from __future__ import annotations

from dataclasses import replace

from dicom_exporter.enums import LadderService, SecureProfile, SuiteClass, TLSVersion, WebAnswer
from dicom_exporter.results import CertificateKey, SessionResult, TLSFacts, TLSPosture, WebResult
from tests.builders import OLD_TLS, STRANGER, TARGET
from tests.metrics.samples import labels, shown


def stranger(*postures: TLSPosture, service: LadderService = LadderService.WEB) -> SessionResult:
    return replace(STRANGER, tls_postures={service: postures})


def of(name: str, *sessions: SessionResult) -> dict[frozenset[tuple[str, str]], float]:
    return shown(*sessions)[name]


def test_versions_and_suites_are_accepted_if_one_server_accepts_them_and_refused_if_all_do() -> None:
    refuses = TLSPosture({TLSVersion.TLS_1_0: False, TLSVersion.SSL_3: False}, {SuiteClass.DES: False})
    session = stranger(OLD_TLS, refuses)
    common = {"identity": "stranger", "protocol": "web"}
    assert of("dicom_tls_version_accepted", session) == {
        labels(**common, version="TLSv1"): 1.0,
        labels(**common, version="SSLv3"): 0.0,
    }
    assert of("dicom_tls_suites_accepted", session) == {labels(**common, suites="rc4"): 1.0}  # the other was not asked
    assert of("dicom_tls_dh_size", session) == {labels(**common): 1024.0}


def test_certificates_are_of_each_service_and_the_weakest_of_a_kind_counts() -> None:
    facts = TLSFacts("TLSv1.3", "X", certificate=CertificateKey("ec", 256, "sha256"))
    weak = replace(facts, certificate=CertificateKey("rsa", 1024, "sha1"))
    session = replace(STRANGER, tls=facts, dicomweb=WebResult(WebAnswer.DENIED, tls=weak), web=())
    assert of("dicom_tls_certificate_key_size", session) == {
        labels(identity="stranger", protocol="dimse", algorithm="ec"): 256.0,
        labels(identity="stranger", protocol="dicomweb", algorithm="rsa"): 1024.0,
    }
    assert of("dicom_tls_certificate_signature_info", session) == {
        labels(identity="stranger", protocol="dimse", hash="sha256"): 1.0,
        labels(identity="stranger", protocol="dicomweb", hash="sha1"): 1.0,
    }


def test_profiles_are_shown_of_each_service_and_absent_where_they_are_not_known() -> None:
    found = shown(
        stranger(OLD_TLS, service=LadderService.DIMSE), target=replace(TARGET, tls_profile=SecureProfile.BCP195)
    )
    assert found["dicom_tls_profile_kept"] == {
        labels(protocol="dimse", profile="bcp195"): 0.0,
        labels(protocol="dimse", profile="modified"): 0.0,
    }
    assert found["dicom_tls_profile_required"] == {labels(profile="bcp195"): 1.0}
    assert "dicom_tls_profile_kept" not in shown(stranger(TLSPosture({TLSVersion.TLS_1_2: True})))
    assert "dicom_tls_profile_required" not in shown(STRANGER)
