"""The cipher suites up to TLS 1.2 by what is weakest in them, as IANA has assigned them (RFC 9325 4.1, PS3.15 B.13).

Suites with a pre-shared key or a password are left out, except for the weakest: without the key nobody gets in by them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dicom_exporter.enums import SuiteClass


def _codes(text: str) -> tuple[int, ...]:
    """``0001-0003 C001`` -> the numbers, in order."""
    ranges = [part.partition("-") for part in text.split()]
    return tuple(number for first, _, last in ranges for number in range(int(first, 16), int(last or first, 16) + 1))


WEAK: Final[Mapping[SuiteClass, tuple[int, ...]]] = {
    SuiteClass.NULL: _codes(
        "0001-0002 003B 002C-002E 00B0-00B1 00B4-00B5 00B8-00B9 C001 C006 C00B C010 C015 C039-C03B"
    ),
    SuiteClass.ANONYMOUS: _codes(
        "0018 001A-001B 0034 003A 0046 006C-006D 0089 009B 00A6-00A7 00BF 00C5 C016-C019 C046-C047 C05A-C05B C084-C085"
    ),
    SuiteClass.EXPORT: _codes("0003 0006 0008 000B 000E 0011 0014 0017 0019 0026-002B 0060-0065"),
    SuiteClass.DES: _codes("0009 000C 000F 0012 0015 001E 0022"),
    SuiteClass.RC4: _codes("0004-0005 0020 0024 0066 008A 008E 0092 C002 C007 C00C C011 C033"),
    SuiteClass.BLOCKS_OF_64_BITS: _codes(
        "0007 000A 000D 0010 0013 0016 001F 0021 0023 0025 008B 008F 0093 C003 C008 C00D C012 C01A-C01C C034"
    ),
    SuiteClass.NO_FORWARD_SECRECY: _codes(
        "002F-0031 0035-0037 003C-003F 0041-0043 0068-0069 0084-0086 0096-0098 009C-009D 00A0-00A1 00A4-00A5 00BA-00BC"
        " 00C0-00C2 C004-C005 C00E-C00F C025-C026 C029-C02A C02D-C02E C031-C032 C03C-C041 C04A-C04B C04E-C051 C054-C055"
        " C058-C059 C05E-C05F C062-C063 C074-C075 C078-C07B C07E-C07F C082-C083 C088-C089 C08C-C08D C09C-C09D C0A0-C0A1"
    ),
    SuiteClass.CBC: _codes(
        "0032-0033 0038-0039 0040 0044-0045 0067 006A-006B 0087-0088 0099-009A 00BD-00BE 00C3-00C4 C009-C00A C013-C014"
        " C023-C024 C027-C028 C042-C045 C048-C049 C04C-C04D C072-C073 C076-C077"
    ),
    SuiteClass.OTHER: _codes("00A2-00A3 C052-C053 C056-C057 C05C-C05D C060-C061 C080-C081"),
}
"""What at least one of the profiles forbids; each suite is in one class, the first that fits."""
PERMITTED: Final = _codes(
    "009E-009F C02B-C02C C02F-C030 C07C-C07D C086-C087 C08A-C08B C09E-C09F C0A2-C0A3 C0AC-C0AF CCA8-CCAA"
)
"""Ephemeral Diffie-Hellman and authenticated encryption, by a cipher that PS3.15 B.13 lists."""
EPHEMERAL_DH: Final = _codes("0033 0039 0045 0067 006B 0088 009E-009F 00BE 00C4 C07C-C07D C09E-C09F C0A2-C0A3 CCAA")
"""Ephemeral finite-field Diffie-Hellman with RSA, in suites that are not forbidden by RFC 9325."""
TLS_1_3: Final = _codes("1301-1305")
ALL: Final = (*PERMITTED, *(code for codes in WEAK.values() for code in codes))
"""All up to TLS 1.2, the best first."""
