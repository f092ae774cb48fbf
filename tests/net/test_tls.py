"""TLS contexts of strangers."""

from __future__ import annotations

import gc
import ssl
import weakref
from collections.abc import Callable

import pytest

from dicom_exporter.config.build.tls import tls_settings
from dicom_exporter.config.model import TLSProfile
from dicom_exporter.net.tls import StrangerTLS, stranger_context, verifying_context


def test_stranger_tls_is_freed_at_once() -> None:
    """OpenSSL's memory is not seen by Python's garbage collector, which would come seldom."""
    gc.disable()
    try:
        tls = StrangerTLS()
        assert not tls.certificate_requested
        context = weakref.ref(tls.context)
        del tls
        assert context() is None
    finally:
        gc.enable()


@pytest.mark.parametrize(
    "make",
    [
        verifying_context,
        stranger_context,
        lambda: StrangerTLS().context,
        lambda: tls_settings(insecure_skip_verify=True).context,
        lambda: tls_settings(insecure_skip_verify=True, minimum_profile=TLSProfile.LEGACY).context,
    ],
    ids=["verifying", "stranger", "stranger's attempt", "identity", "legacy identity"],
)
def test_context_offers_no_finite_field_diffie_hellman(make: Callable[[], ssl.SSLContext]) -> None:
    """The server would choose the group, and a large one costs a client seconds of processor time."""
    offered = [cipher["name"] for cipher in make().get_ciphers()]
    assert any(name.startswith("ECDHE-") for name in offered)
    assert not [name for name in offered if name.startswith(("DHE-", "ADH-", "DH-"))]
