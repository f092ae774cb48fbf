"""Application entity titles (PS3.5 6.2, value representation AE)."""

from __future__ import annotations

from dicom_exporter.config.wording import shown

MAX_LENGTH = 16


def parse_ae_title(text: str) -> str:
    """Give an AE title without its padding: leading and trailing spaces do not count (PS3.8 Table 9-11).

    Raises ValueError with a message for the user.
    """
    title = text.strip(" ")
    if not title:
        raise ValueError("an AE title cannot be empty")
    if len(title) > MAX_LENGTH:
        raise ValueError(f"{shown(title)} has {len(title)} characters; an AE title has at most {MAX_LENGTH}")
    if "\\" in title:
        raise ValueError(f"{shown(title)}: an AE title cannot hold a backslash")
    if not all(" " <= character <= "~" for character in title):
        raise ValueError(f"{shown(title)}: an AE title holds printable ASCII characters only")
    return title
