"""The SOP classes and transfer syntaxes of the standard, with their keywords (PS3.6 Annex A).

`python -m tools.uids` writes the file: pydicom's table takes 20 MiB with what it imports.
"""

from pathlib import Path
from typing import NamedTuple


class Entry(NamedTuple):
    """One UID. An SOP class is of the kind `storage` or `sop_class`; a few have no keyword."""

    kind: str
    uid: str
    keyword: str


UIDS = tuple(
    Entry(*line.split(",")) for line in Path(__file__).with_name("uids.csv").read_text(encoding="ascii").splitlines()
)
