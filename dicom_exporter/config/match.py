"""The values of a query's `match`, checked by the attribute's value representation (PS3.5 6.2, PS3.4 C.2.2.2)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from pydicom.datadict import dictionary_VR

from dicom_exporter.config.ae_titles import parse_ae_title
from dicom_exporter.config.dates import parse_date
from dicom_exporter.config.settings import MatchValue
from dicom_exporter.config.wording import shown

_UID = re.compile(r"(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))+")
_MAX_UID_LENGTH = 64
_TIME = r"([01][0-9]|2[0-3])([0-5][0-9]([0-5][0-9](\.[0-9]{1,6})?)?)?"
_TIMES = re.compile(f"{_TIME}|{_TIME}-({_TIME})?|-{_TIME}")
_CODE = re.compile(r"[A-Z0-9 _*?]{1,16}")
_TEXT_LENGTHS = {"SH": 16, "LO": 64}


def parse_match_value(keyword: str, values: Sequence[str]) -> MatchValue:
    """Check and read what the attribute `keyword` has to match; only UIDs take more than one value.

    Raises ValueError with a message for the user.
    """
    vr = dictionary_VR(keyword)
    if not values or "" in values:
        raise ValueError("an empty value matches everything: leave it out")
    if vr == "UI":
        return tuple(_uid(value) for value in values)
    if len(values) > 1:
        raise ValueError("takes one value; only UIDs take a list")
    return _PARSERS[vr](values[0])


def _uid(text: str) -> str:
    if len(text) > _MAX_UID_LENGTH or not _UID.fullmatch(text):
        raise ValueError(f"{shown(text)} is not a UID (digits and dots, at most {_MAX_UID_LENGTH} characters)")
    return text


def _time(text: str) -> str:
    if not _TIMES.fullmatch(text):
        raise ValueError(f"{shown(text)} is not a time like '0830', '0800-1200' or '1800-'")
    return text


def _code(text: str) -> str:
    if not _CODE.fullmatch(text):
        raise ValueError(f"{shown(text)} is not a code like CT: at most 16 upper case letters, digits, and * or ?")
    return text


def _text(length: int) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if len(text) > length:
            raise ValueError(f"{shown(text)} has {len(text)} characters; {length} is the most")
        if "\\" in text or not all(" " <= character <= "~" for character in text):
            raise ValueError(f"{shown(text)}: printable ASCII without a backslash; ? stands for any other character")
        return text

    return parse


_PARSERS: Mapping[str, Callable[[str], MatchValue]] = {
    "AE": parse_ae_title,
    "CS": _code,
    "DA": parse_date,
    "TM": _time,
    **{vr: _text(length) for vr, length in _TEXT_LENGTHS.items()},
}
