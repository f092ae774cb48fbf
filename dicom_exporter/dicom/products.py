"""Who a peer says it is (PS3.7 D.3.3.2): implementation class UID and version name, to the name of a product.

The standard says that the UID shall not be parsed, so this is a guess by what is known to be in use, and the raw values
are published beside it. A product that embeds another's toolkit reads as the toolkit.
"""

from __future__ import annotations

from functools import lru_cache

from dicom_exporter.text import SafeText

UNKNOWN = "unknown"

_UIDS = {
    # Answered by Debian's DCMTK 3.6.7 and Orthanc 1.10.1, which embeds it, in our own tests.
    "1.2.276.0.7230010.3.0.3.6": "DCMTK",
    # Reported of dcm4che 3 to 5 and dcm4chee-arc, which is built on it; not opened at its source.
    "1.2.40.0.13.1.3": "dcm4che",
    # Reported of dcm4che 2; not opened at its source.
    "1.2.40.0.13.1.1": "dcm4che 2",
    # pynetdicom 3.0.4, pynetdicom/__init__.py; answered by it in our own tests.
    "1.2.826.0.1.3680043.9.3811": "pynetdicom",
    # Seen in fo-dicom's public source.
    "1.3.6.1.4.1.30071.8": "fo-dicom",
    # Seen in the public source of ConQuest's dgate, and in banners.
    "1.2.826.0.1.3680043.2.135.1066.101": "ConQuest",
    # Reported of ClearCanvas; not opened at its source.
    "1.3.6.1.4.1.25403": "ClearCanvas",
    # Reported of the Merge DICOM Toolkit, which devices of many makers carry; not opened at its source.
    "2.16.840.1.113669.2": "Merge DICOM Toolkit",
    # Reported of GDCM; not opened at its source.
    "1.2.826.0.1.3680043.2.1143": "GDCM",
    # Seen in ruby-dicom's public source. Tables that go round call it Orthanc's: they are wrong.
    # Orthanc leaves DCMTK's in place.
    "1.2.826.0.1.3680043.8.641": "ruby-dicom",
    # Inferred from one banner: version name Syn….
    "1.2.840.113845.1.1": "Fuji Synapse",
    # Reported as the makers' own roots; not looked up in a registry.
    "1.3.12.2.1107": "Siemens",
    "1.2.840.113619": "GE",
    "1.3.46.670589": "Philips",
    "1.2.840.113564": "Carestream",
}
"""Prefix of the implementation class UID, whole components -> product."""

_VERSION_NAMES = (
    # For those that put a UID of their own in and keep the toolkit's version name. From the same sources.
    ("OFFIS_DCMTK_", "DCMTK"),
    ("dcm4che-2.", "dcm4che 2"),
    ("dcm4che-", "dcm4che"),
    ("PYNETDICOM_", "pynetdicom"),
    ("fo-dicom ", "fo-dicom"),
    ("ClearCanvas_", "ClearCanvas"),
    ("MergeCOM3_", "Merge DICOM Toolkit"),
    ("GDCM ", "GDCM"),
    ("RUBY-DCM_", "ruby-dicom"),
    ("RUBY_DCM_", "ruby-dicom"),
)
"""Beginning of the implementation version name -> product; the first that fits. No name that others might use too."""


@lru_cache(maxsize=256)
def product(implementation_class_uid: SafeText, implementation_version: SafeText) -> str:
    """The product that a peer most probably is, or `UNKNOWN`.

    The UID decides: its longest known prefix, in whole components. Where the UID is not known, the version name does.
    """
    components = implementation_class_uid.split(".")
    for length in range(len(components), 0, -1):
        found = _UIDS.get(".".join(components[:length]))
        if found is not None:
            return found
    return next((known for start, known in _VERSION_NAMES if implementation_version.startswith(start)), UNKNOWN)
