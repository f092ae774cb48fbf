"""Real DICOM servers and clients for tests: Orthanc, DCMTK, pynetdicom.

Each is a context manager that starts a process of its own on free loopback ports, in a directory of its own, waits
until it answers, and ends that process by its pid:

    with orthanc(tmp_path, DicomAlwaysAllowFind=True) as archive:
        archive.upload(synthetic.studies(200, instances=2))
        ...                                    # archive.dicom, archive.http, archive.log, archive.statistics()

In tests, use the fixtures of `tests/integration/conftest.py`, which do that with the test's own directory. A program
that is not installed skips the test and says which package has it; with REQUIRE_PEERS=1 in the environment it fails it.
"""

from tests.testing.peers import certificates, dcmtk, synthetic
from tests.testing.peers.certificates import Certificates, make_certificates
from tests.testing.peers.orthanc import Orthanc, orthanc
from tests.testing.peers.process import Address, Process
from tests.testing.peers.pynetdicom_scp import pynetdicom_scp

__all__ = [
    "Address",
    "Certificates",
    "Orthanc",
    "Process",
    "certificates",
    "dcmtk",
    "make_certificates",
    "orthanc",
    "pynetdicom_scp",
    "synthetic",
]
