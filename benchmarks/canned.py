"""The bytes of one C-ECHO session as dicom_exporter sends them, for clients without any DICOM code."""

from __future__ import annotations

import socket

from dicom_exporter.dicom.association import RELEASE_RQ
from dicom_exporter.dicom.requests import associate_request, echo_request
from dicom_exporter.dicom.uids import VERIFICATION


def canned(called: str) -> list[bytes]:
    """A-ASSOCIATE-RQ, C-ECHO-RQ and A-RELEASE-RQ: each is answered with one PDU."""
    request = associate_request(called, "BENCHMARK", [VERIFICATION])
    return [request.data, echo_request(VERIFICATION, request.context_ids[VERIFICATION], 1, 16384), RELEASE_RQ]


def lengths_of_answers(address: tuple[str, int], sends: list[bytes]) -> list[int]:
    """The length of the response to each of `sends`, in bytes: one complete PDU (PS3.8 9.3.1)."""
    lengths = []
    with socket.create_connection(address) as sock:
        for data in sends:
            sock.sendall(data)
            header = sock.recv(6, socket.MSG_WAITALL)
            body = sock.recv(int.from_bytes(header[2:6], "big"), socket.MSG_WAITALL)
            lengths.append(len(header) + len(body))
    return lengths
