"""Writes the UIDs of PS3.6 Annex A into the package, as pydicom and pynetdicom know them: `python -m tools.uids`.

The exporter reads the file, and need not import either of them.
"""

from __future__ import annotations

from pathlib import Path

from pydicom._uid_dict import UID_dictionary
from pynetdicom.presentation import StoragePresentationContexts

import dicom_exporter

FILE = Path(dicom_exporter.__file__).with_name("uids.csv")


def uids() -> str:
    """One line for each UID: kind, UID, keyword. An SOP class is of the kind `storage` or `sop_class`."""
    storage = [str(context.abstract_syntax) for context in StoragePresentationContexts]
    syntaxes = [uid for uid, entry in UID_dictionary.items() if entry[1] == "Transfer Syntax"]
    others = [uid for uid, entry in UID_dictionary.items() if entry[1] == "SOP Class" and uid not in storage]
    kinds = {"transfer_syntax": syntaxes, "storage": storage, "sop_class": others}
    keywords = {uid: entry[4] for uid, entry in UID_dictionary.items()}
    return "".join(f"{kind},{uid},{keywords.get(uid, '')}\n" for kind, found in kinds.items() for uid in found)


if __name__ == "__main__":
    FILE.write_text(uids())
