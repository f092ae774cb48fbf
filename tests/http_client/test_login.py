"""The schemes that a 401 names."""

from __future__ import annotations

import pytest

from dicom_exporter.http_client.login import login_schemes


@pytest.mark.parametrize(
    ("challenges", "expected"),
    [
        (['Basic realm="archive"'], "basic"),
        (["basic"], "basic"),
        (["Bearer"], "bearer"),
        (['Bearer realm="a", scope="b"'], "bearer"),
        (['Digest realm="a", qop="auth, auth-int", nonce="x"'], "digest"),
        (['Digest realm="a", Basic realm="b"'], "basic digest"),
        (['Digest realm="a"', 'Basic realm="b"'], "basic digest"),
        (["Negotiate, Basic realm=a"], "basic other"),
        (["NTLM"], "other"),
        (['Newauth realm="x, basic y", title="Bearer z"'], "other"),
        ([r'Bearer realm="a\", Basic b"'], "bearer"),
        ([], "other"),
        ([""], "other"),
        (["=,=,,\x00"], "other"),
        (["a" * 100_000], "other"),
    ],
)
def test_schemes_are_those_of_the_challenges(challenges: list[str], expected: str) -> None:
    assert " ".join(login_schemes(challenges)) == expected
