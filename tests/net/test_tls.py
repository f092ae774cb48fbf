"""TLS contexts of strangers."""

from __future__ import annotations

import gc
import weakref

from dicom_exporter.net.tls import StrangerTLS


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
