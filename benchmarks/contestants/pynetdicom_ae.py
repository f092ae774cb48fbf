"""pynetdicom's application entity, with one thread for each concurrent association."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import count

from pydicom.dataset import Dataset
from pynetdicom import AE, _config

from benchmarks.measuring import Stopwatch, Took, Work
from dicom_exporter.dicom.uids import STUDY_FIND, VERIFICATION

_config.LOG_RESPONSE_IDENTIFIERS = False
_config.LOG_REQUEST_IDENTIFIERS = False


def echo(work: Work) -> tuple[int, Took]:
    """C-ECHO sessions."""
    numbers = count()

    def one_after_another() -> int:
        succeeded = 0
        ae = AE(ae_title="BENCHMARK")
        ae.add_requested_context(VERIFICATION)
        while (number := next(numbers)) < work.count:
            association = ae.associate(*work.address(number), ae_title=work.called)
            if association.is_established:
                succeeded += association.send_c_echo().get("Status") == 0
                association.release()
        return succeeded

    with ThreadPoolExecutor(work.concurrency) as threads:
        watch = Stopwatch()
        running = [threads.submit(one_after_another) for _ in range(work.concurrency)]
        succeeded = sum(each.result() for each in running)
        return succeeded, watch.took()


def find(work: Work) -> tuple[int, Took]:
    """C-FINDs; returns the number of matches."""
    ae = AE(ae_title="BENCHMARK")
    ae.add_requested_context(STUDY_FIND)
    identifier = Dataset()
    identifier.QueryRetrieveLevel = "STUDY"
    identifier.StudyInstanceUID = ""
    identifier.NumberOfStudyRelatedInstances = ""
    matches = 0
    watch = Stopwatch()
    for number in range(work.count):
        association = ae.associate(*work.address(number), ae_title=work.called)
        for status, _ in association.send_c_find(identifier, STUDY_FIND):
            matches += status.get("Status") in (0xFF00, 0xFF01)
        association.release()
    return matches, watch.took()
