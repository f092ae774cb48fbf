"""A pynetdicom SCP with the test's own handlers, for answers that no packaged server gives."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pynetdicom.ae import ApplicationEntity
from pynetdicom.sop_class import (  # type: ignore[attr-defined]  # the module makes these names at import
    ModalityWorklistInformationFind,
    PatientRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelFind,
    Verification,
)

from dicom_exporter.demo.scp import stop
from dicom_exporter.logs import silence_pynetdicom
from tests.testing.peers.process import HOST, Address

SERVICES: tuple[str, ...] = (
    Verification,
    StudyRootQueryRetrieveInformationModelFind,
    PatientRootQueryRetrieveInformationModelFind,
    ModalityWorklistInformationFind,
)


@contextmanager
def pynetdicom_scp(
    *handlers: tuple[Any, ...],
    title: str = "PYNETDICOM",
    services: Sequence[str] = SERVICES,
    known_callers: Sequence[str] = (),
    check_called: bool = False,
    ssl_context: ssl.SSLContext | None = None,
    both_roles: Sequence[str] = (),
) -> Iterator[Address]:
    """Serve `services` (abstract syntaxes) by those `(event, handler)` pairs, to anyone or to `known_callers`.

    Instances of `both_roles` are stored, and sent in a C-GET.
    """
    silence_pynetdicom()
    entity = ApplicationEntity(title)
    for service in services:
        entity.add_supported_context(service)
    for service in both_roles:
        entity.add_supported_context(service, scu_role=True, scp_role=True)
    entity.require_calling_aet = list(known_callers)
    entity.require_called_aet = check_called
    server = entity.start_server((HOST, 0), block=False, evt_handlers=list(handlers), ssl_context=ssl_context)
    assert server is not None  # None comes with block=True only
    try:
        yield Address(HOST, server.server_address[1])
    finally:
        stop(server)
