"""A TLS ClientHello by hand, and the beginning of the answer: any version and any suites can be offered.

Python's OpenSSL offers neither RC4, 3DES, EXPORT nor SSLv3. What a server picks of what it is offered, it says in
the ServerHello, or in the HelloRetryRequest of TLS 1.3, before anything is computed. Before TLS 1.3 its certificate and
the size of its Diffie-Hellman group follow, unencrypted. There the handshake is abandoned.

```
client_hello ─> the server ─> ServerHello, Certificate, ServerKeyExchange, or an alert ─> Answer
```
"""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence

from dicom_exporter.config.values.network import is_ip_address
from dicom_exporter.enums import TLSVersion

VERSIONS = {
    TLSVersion.SSL_3: 0x0300,
    TLSVersion.TLS_1_0: 0x0301,
    TLSVersion.TLS_1_1: 0x0302,
    TLSVersion.TLS_1_2: 0x0303,
    TLSVersion.TLS_1_3: 0x0304,
}
MOST_BYTES = 128 * 1024
"""What a server may send before all that is wanted has come: OpenSSL takes 100 KiB of certificates."""

_ALERT, _HANDSHAKE = 21, 22
"""Types of records, RFC 8446 5.1."""
_SERVER_HELLO, _CERTIFICATE, _SERVER_KEY_EXCHANGE, _SERVER_HELLO_DONE = 2, 11, 12, 14
"""Handshake messages, RFC 5246 7.4."""
_WARNING, _FATAL = 1, 2
_MOST_OF_RECORD = 16 * 1024 + 2048
"""RFC 5246 6.2.3."""
_SCSV = 0x00FF
"""TLS_EMPTY_RENEGOTIATION_INFO_SCSV, RFC 5746 3.3."""
_GROUPS = (0x001D, 0x0017, 0x0018, 0x0019, 0x001E, 0x0016, 0x0015, 0x0013, 0x0100, 0x0101, 0x0102)
_SIGNATURES = (
    *(0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806, 0x0809, 0x080A, 0x080B),
    *(0x0401, 0x0501, 0x0601, 0x0402, 0x0203, 0x0201, 0x0202, 0x0101),
)
_PADDED = range(256, 512)
"""Lengths of a ClientHello at which some servers hang (RFC 7685 1)."""


class NotTLS(Exception):
    """What came is no TLS, or breaks its format."""


def client_hello(version: TLSVersion, suites: Sequence[int], server_name: str) -> bytes:
    """A record with a ClientHello that offers `version` as the highest, and `suites`.

    Before TLS 1.3 a server may pick a lower version. `server_name` is sent as SNI where it is a host name (RFC 6066 3).
    """
    number = VERSIONS[version]
    new = version is TLSVersion.TLS_1_3
    session = os.urandom(32) if new else b""  # RFC 8446 D.4
    body = struct.pack(">H", min(number, 0x0303)) + os.urandom(32) + _vector(1, session)
    body += _vector(2, _shorts((*suites, _SCSV))) + _vector(1, b"\0")
    if version is not TLSVersion.SSL_3:
        extensions = _server_name(server_name)
        extensions += _extension(10, _vector(2, _shorts(_GROUPS))) + _extension(11, _vector(1, b"\0"))
        extensions += _extension(13, _vector(2, _shorts(_SIGNATURES))) + _extension(23, b"")
        if new:  # no share of a key: the server asks for one, and has picked (RFC 8446 4.1.4)
            extensions += _extension(43, _vector(1, _shorts((number,)))) + _extension(51, _vector(2, b""))
        if (length := len(body) + 2 + len(extensions) + 4) in _PADDED:
            extensions += _extension(21, bytes(max(_PADDED.stop - length - 4, 0)))
        body += _vector(2, extensions)
    return struct.pack(">BH", _HANDSHAKE, min(number, 0x0301)) + _vector(2, b"\1" + _vector(3, body))


def _server_name(name: str) -> bytes:
    name = name.rstrip(".")
    try:
        encoded = b"" if is_ip_address(name) else name.encode("idna")
    except UnicodeError:  # it can be sent by nobody
        encoded = b""
    return _extension(0, _vector(2, b"\0" + _vector(2, encoded))) if encoded else b""


def _extension(number: int, data: bytes) -> bytes:
    return struct.pack(">H", number) + _vector(2, data)


def _vector(size: int, data: bytes) -> bytes:
    """`data` after its length, in so many bytes."""
    return len(data).to_bytes(size, "big") + data


def _shorts(values: Sequence[int]) -> bytes:
    return struct.pack(f">{len(values)}H", *values)


class _Cursor:
    """Reads `data` from its beginning, and never past its end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        """How many bytes are left."""
        return len(self._data) - self._at

    def take(self, size: int) -> bytes:
        if size > self.left:
            raise NotTLS("a length is beyond the end")
        begin, self._at = self._at, self._at + size
        return self._data[begin : self._at]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def vector(self, size: int) -> bytes:
        return self.take(self.number(size))


class Answer:
    """What a server says to a ClientHello of `offered` suites, read piece by piece until `done`.

    That is at the ServerHello; if the answer is read `whole`, once its certificate and its group have come, too.
    """

    def __init__(self, version: TLSVersion, offered: Sequence[int], *, whole: bool = False) -> None:
        self._whole = whole
        self._highest = VERSIONS[version]
        self._offered = frozenset(offered)
        self._records = b""
        self._messages = b""
        self._received = 0
        self.version: TLSVersion | None = None
        """What it picked, where it sent a ServerHello; then `suite` is what it picked, too."""
        self.suite: int | None = None
        self.group: int | None = None
        """Of TLS 1.3: the number of the group (RFC 8446 4.2.7)."""
        self.alert: int | None = None
        """The description of a fatal alert (RFC 8446 6)."""
        self.certificate: bytes | None = None
        """Its own, DER; of TLS 1.3 it is encrypted, so that it is not known."""
        self.key_exchange: bytes | None = None
        """The body of its ServerKeyExchange."""
        self.done = False

    def feed(self, data: bytes) -> None:
        """Read what came next.

        Raises:
            NotTLS: also where more came than `MOST_BYTES`, or something was picked that was not offered.
        """
        self._received += len(data)
        if self._received > MOST_BYTES:
            raise NotTLS("too many bytes")
        self._records += data
        while not self.done and len(self._records) >= 5:
            kind, version, length = struct.unpack(">BHH", self._records[:5])
            if kind not in (_ALERT, _HANDSHAKE) or version >> 8 != 3 or not 0 < length <= _MOST_OF_RECORD:
                raise NotTLS("no record of a handshake")
            if len(self._records) < 5 + length:
                return
            content, self._records = self._records[5 : 5 + length], self._records[5 + length :]
            if kind == _ALERT:
                self._take_alert(content)
            else:
                self._messages += content
                self._take_messages()

    def _take_alert(self, content: bytes) -> None:
        if len(content) != 2 or content[0] not in (_WARNING, _FATAL) or self._messages:
            raise NotTLS("no alert")
        if content[0] == _FATAL or content[1] == 0:  # close_notify is a warning
            self.alert, self.done = content[1], True

    def _take_messages(self) -> None:
        while not self.done and len(self._messages) >= 4:
            kind, length = self._messages[0], int.from_bytes(self._messages[1:4], "big")
            if (kind == _SERVER_HELLO) is not (self.version is None):
                raise NotTLS("no ServerHello, or a second one")
            if length > MOST_BYTES:
                raise NotTLS("too long a message")
            if len(self._messages) < 4 + length:
                return
            body, self._messages = self._messages[4 : 4 + length], self._messages[4 + length :]
            if kind == _SERVER_HELLO:
                self._take_hello(_Cursor(body))
            elif kind == _CERTIFICATE:
                self.certificate = _Cursor(_Cursor(body).vector(3)).vector(3) or None
            elif kind == _SERVER_KEY_EXCHANGE:
                self.key_exchange, self.done = body, True
            elif kind == _SERVER_HELLO_DONE:
                self.done = True

    def _take_hello(self, body: _Cursor) -> None:
        number = body.number(2)
        body.take(32)
        if len(body.vector(1)) > 32:
            raise NotTLS("too long a session ID")
        suite = body.number(2)
        if body.number(1) != 0:
            raise NotTLS("compression that was not offered")
        extensions = _extensions(body.vector(2)) if body.left else {}
        if body.left:
            raise NotTLS("bytes after the extensions")
        if 43 in extensions:
            number = _Cursor(extensions[43]).number(2)
            if number != 0x0304:
                raise NotTLS("another version than TLS 1.3 in the extension for it")
            if len(extensions.get(51, b"")) >= 2:
                self.group = int.from_bytes(extensions[51][:2], "big")
        version = next((each for each, known in VERSIONS.items() if known == number), None)
        if version is None or number > self._highest or suite not in self._offered:
            raise NotTLS("what it picked was not offered")
        self.version, self.suite = version, suite
        self.done = version is TLSVersion.TLS_1_3 or not self._whole

    def dh_bits(self) -> int | None:
        """The size of the prime of its finite-field Diffie-Hellman group (RFC 5246 7.4.3), where its suite has one."""
        if self.key_exchange is None:
            return None
        try:
            return int.from_bytes(_Cursor(self.key_exchange).vector(2), "big").bit_length()
        except NotTLS:
            return None


def _extensions(data: bytes) -> dict[int, bytes]:
    cursor, found = _Cursor(data), dict[int, bytes]()
    while cursor.left:
        number = cursor.number(2)
        if number in found:
            raise NotTLS("an extension twice")
        found[number] = cursor.vector(2)
    return found
