"""C-ECHO: does the archive answer us? PS3.7 9.1.5."""

from __future__ import annotations

from dicom_exporter.dicom.connection import Connection
from dicom_exporter.dicom.errors import NotOffered
from dicom_exporter.dicom.operations import echo
from dicom_exporter.enums import Outcome
from dicom_exporter.results import EchoResult

_SUCCESS = 0x0000


async def run_echo(association: Connection, first_by: float | None = None) -> EchoResult:
    """C-ECHO on an established association; the answer has to come by the loop time `first_by`.

    Raises:
        ProbeEnded: the association ended in place of the answer; the outcome is in the exception.
    """
    try:
        status = await echo(association, first_by)
    except NotOffered as end:
        return EchoResult(end.outcome)
    return EchoResult(Outcome.SUCCESS if status == _SUCCESS else Outcome.FAILURE_STATUS, status)
