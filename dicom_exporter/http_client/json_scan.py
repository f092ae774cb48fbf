"""Counts the entries of a DICOM JSON array (PS3.18 F.2) as its bytes pass by, and keeps none of them.

```
[ {"00100010": {"vr": "PN", "Value": [{"Alphabetic": "…"}]}, …}, {…} ]
1  2            3                    4 5                              depth
```

A QIDO-RS answer holds names and IDs whether asked for or not (PS3.18 10.6.3). Nothing here is decoded into text. What
is compared are keys; of values, at most whether one is empty, and the UIDs that the caller wants.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Collection, Mapping
from enum import Enum, auto

STUDY_INSTANCE_UID = b"0020000D"
IDENTIFYING = frozenset({b"00100010", b"00100020", b"00100030"})
"""PatientName, PatientID, PatientBirthDate."""

_STRUCTURE = re.compile(rb'"[^"\\]*"|["{}\[\]:,]')
"""A whole string without escapes, or a character that has a meaning: a quotation mark where the string goes on."""
_BRACKETS = re.compile(rb'"[^"\\]*"|["{}\[\]]')
"""The same, without what only matters to tell keys from values."""
_STRING_END = re.compile(rb'["\\]')
_TAG = re.compile(rb"[0-9A-Fa-f]{8}")
_UID = re.compile(rb"[0-9.]{1,64}")
_SPACE = b" \t\r\n"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_NOTHING = b" \t^="
"""The characters of a person name that is empty (PS3.5 6.2.1)."""
_MAX_DEPTH = 64
_MAX_TEXT = 65
"""Bytes of a key or UID that are looked at: more than any that we know has."""
_CLOSES = {ord("}"): ord("{"), ord("]"): ord("[")}
_ENTRY, _ATTRIBUTE, _VALUES = 2, 3, 4
MAX_VALUES = 100
"""Values of one attribute of an entry whose texts are handed on. A study has a few; a peer can send millions."""


class Shape(Enum):
    """What the bytes so far show."""

    UNDECIDED = auto()
    """Too few yet."""
    ENTRIES = auto()
    """An array with at least one DICOM data set."""
    EMPTY = auto()
    """``[]``."""
    STRINGS = auto()
    """An array that holds strings: Orthanc's own lists of identifiers look so."""
    OTHER = auto()
    """Something else."""


class Scan:
    """Feed it the body; read what it found whenever you like.

    Args:
        max_entries: `done` once there are more.
        identity: look whether a name, an ID or a birth date is not empty.
        uids: tags, as eight upper-case hexadecimal digits, whose first value is wanted; for UIDs only.
        digest_key: 16 to 64 bytes; with it, the hashes of all study UIDs are kept, to tell one page from another.
        values: tags, as those of `uids`, of attributes whose texts are wanted.
        on_entry: called with those texts at the end of each entry, and none of them kept.
    """

    def __init__(
        self,
        max_entries: int,
        *,
        identity: bool = False,
        uids: Collection[bytes] = (),
        digest_key: bytes | None = None,
        values: Collection[bytes] = (),
        on_entry: Callable[[Mapping[bytes, list[bytes]]], None] | None = None,
    ) -> None:
        self.entries = 0
        """Data sets that began."""
        self.closed = False
        """The array has ended."""
        self.identity_seen = False
        self.uids: dict[bytes, bytes] = {}
        self.digests: dict[bytes, None] = {}
        """Keyed hashes of the study UIDs, in their order, each once."""
        self.digested = 0
        """Entries whose study UID is among them."""
        self._max_entries = max_entries
        self._identity = identity
        self._digest_key = digest_key
        self._wanted_uids = frozenset(uids) if digest_key is None else frozenset({*uids, STUDY_INSTANCE_UID})
        self._values = frozenset(values)
        self._on_entry = on_entry
        self._entry: dict[bytes, list[bytes]] = {}
        """What is wanted of the current entry."""
        self._strings = 0
        self._broken = False
        self._stack = bytearray()
        self._expects_key = False
        self._entry_counted = False
        self._tag = b""
        self._member = b""
        self._watched = False
        """Whether the value of the current tag is looked at."""
        self._in_string = False
        self._is_key = False
        self._escaped = False
        self._text: bytearray | None = None
        """The current string, if it is one to compare."""
        self._begun = False

    @property
    def shape(self) -> Shape:
        """What it is. Entries count even if the body breaks after them: they were handed out."""
        if self.entries:
            return Shape.ENTRIES
        if self._broken:
            return Shape.OTHER
        if self._strings:
            return Shape.STRINGS
        return Shape.EMPTY if self.closed else Shape.UNDECIDED

    @property
    def done(self) -> bool:
        """Whether more bytes cannot change what is wanted."""
        return self._broken or self.entries > self._max_entries

    @property
    def complete(self) -> bool:
        """Whether the array ended well, so that `entries` are all."""
        return self.closed and not self._broken

    @property
    def blank(self) -> bool:
        """Whether nothing has come but white space."""
        return not self._begun

    def feed(self, data: bytes) -> None:
        """Look at the next bytes."""
        position = 0
        if not self._begun:
            data = data.lstrip(_BYTE_ORDER_MARK + _SPACE)
            if not data:
                return
            self._begun = True
            if data[0] != ord("["):
                self._broken = True
                return
            self._stack.append(data[0])
            position = 1
        while position < len(data) and not self.done:
            position = self._string(data, position) if self._in_string else self._structure(data, position)

    def _structure(self, data: bytes, position: int) -> int:
        """From `position`, outside a string, past the next character that has a meaning, or past a whole string."""
        depth = len(self._stack)
        if depth > _ENTRY and not self._watched:
            return self._skip(data, position)
        found = _STRUCTURE.search(data, position)
        begin, end = found.span() if found else (len(data), len(data))
        if depth <= 1 and data[position:begin].strip(_SPACE):
            self._broken = True  # words, or numbers, where only data sets may stand: `[INFO] ready` is no empty array
        if found is None or self._broken:
            return len(data)
        self._token(data[begin])
        if end - begin > 1 and self._in_string:
            self._take(data[begin + 1 : end - 1])
            self._in_string = False
            self._end_string()
        return end

    def _skip(self, data: bytes, position: int) -> int:
        """From `position`, inside a value that is not wanted, to its end; or into a string, or to the end of `data`."""
        stack = self._stack
        for found in _BRACKETS.finditer(data, position):
            begin, end = found.span()
            token = data[begin]
            if token in b"{[":
                stack.append(token)
                if len(stack) > _MAX_DEPTH:
                    self._broken = True
                    return end
            elif token in b"}]":
                self._broken = stack.pop() != _CLOSES[token]
                if self._broken or len(stack) <= _ENTRY:
                    self._expects_key = False
                    return end
            elif end - begin == 1:
                self._in_string, self._is_key, self._text = True, False, None
                return end
        return len(data)

    def _token(self, token: int) -> None:
        depth = len(self._stack)
        if depth == 0:
            self._broken = True  # something follows the array
        elif token == ord('"'):
            self._begin_string(depth)
        elif token in b"{[":
            if depth >= _MAX_DEPTH or (depth == 1 and token != ord("{")):
                self._broken = True
                return
            self._stack.append(token)
            self._expects_key = token == ord("{")
            if depth == 1:
                self._entry_counted = False
        elif token in b"}]":
            if self._stack.pop() != _CLOSES[token]:
                self._broken = True
            self._expects_key = False
            self.closed = not self._stack
            if len(self._stack) == 1 and not self._entry_counted:
                self._broken = True  # an object without a tag is no data set, and `[{}]` no empty list
            elif len(self._stack) == 1 and self._on_entry is not None:
                self._on_entry(self._entry)
                self._entry = {}
        elif token == ord(","):
            self._expects_key = self._stack[-1] == ord("{")
        else:
            self._expects_key = False

    def _begin_string(self, depth: int) -> None:
        self._in_string = True
        self._is_key = self._expects_key
        self._expects_key = False
        if depth == 1:
            self._strings += 1
        compare = depth in (_ENTRY, _ATTRIBUTE) if self._is_key else self._is_wanted_text(depth)
        self._text = bytearray() if compare else None

    def _is_wanted_text(self, depth: int) -> bool:
        wanted = self._tag in self._wanted_uids or self._tag in self._values
        return wanted and depth == _VALUES and self._member == b"Value"

    def _string(self, data: bytes, position: int) -> int:
        """From `position`, inside a string, to its end, or to the end of `data`."""
        if self._escaped:
            self._escaped = False
            self._take(data[position : position + 1])
            return position + 1
        found = _STRING_END.search(data, position)
        end = found.start() if found else len(data)
        self._take(data[position:end])
        if found is None:
            return end
        if data[end] == ord("\\"):
            self._escaped = True
            if not self._is_key and self._tag in self._values:
                self._take(b"\\")  # read at the end of the string
        else:
            self._in_string = False
            self._end_string()
        return end + 1

    def _take(self, part: bytes) -> None:
        if self._text is not None:
            self._text += part[: _MAX_TEXT - len(self._text)]
        elif self._identity and not self.identity_seen and self._names_somebody(part):
            self.identity_seen = True

    def _names_somebody(self, part: bytes) -> bool:
        return (
            not self._is_key
            and len(self._stack) >= _VALUES
            and self._member == b"Value"
            and self._tag in IDENTIFYING
            and bool(part.strip(_NOTHING))
        )

    def _end_string(self) -> None:
        if self._text is None:
            return
        text = bytes(self._text)
        self._text = None
        if not self._is_key:
            if self._tag in self._values:
                self._note_value(text)
            if _UID.fullmatch(text):
                self.uids.setdefault(self._tag, text)
                self._digest(text)
        elif len(self._stack) == _ATTRIBUTE:
            self._member = text
        elif _TAG.fullmatch(text):
            self._tag, self._member = text.upper(), b""
            wanted = self._tag in self._wanted_uids or self._tag in self._values
            self._watched = wanted or (self._identity and self._tag in IDENTIFYING)
            if not self._entry_counted:
                self._entry_counted = True
                self.entries += 1
        elif not self._entry_counted:
            self._broken = True  # an array of objects, and none of DICOM's

    def _note_value(self, text: bytes) -> None:
        if b"\\" in text:
            try:
                text = json.loads(b'"' + text + b'"').encode()
            except ValueError:  # cut off, or no JSON
                return
        values = self._entry.setdefault(self._tag, [])
        if len(values) < MAX_VALUES:
            values.append(text)

    def _digest(self, uid: bytes) -> None:
        if self._digest_key is not None and self._tag == STUDY_INSTANCE_UID:
            self.digested += 1
            self.digests[hashlib.blake2b(uid, key=self._digest_key, digest_size=16).digest()] = None
