"""How a server wants its users to log in, by the challenges of a 401 (RFC 9110 11.6.1)."""

import re
from collections.abc import Iterable

from dicom_exporter.enums import LoginScheme

_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"')
_SCHEME = re.compile(r"(?:^|,)\s*([a-z][a-z0-9-]*)(?=\s+[^\s=,]|\s*(?:,|$))", re.IGNORECASE)
_KNOWN = {scheme.value: scheme for scheme in (LoginScheme.BASIC, LoginScheme.DIGEST, LoginScheme.BEARER)}
_MAX_LENGTH = 2000
"""Characters of a header that are looked at."""


def login_schemes(challenges: Iterable[str]) -> tuple[LoginScheme, ...]:
    """The schemes in the ``WWW-Authenticate`` headers of a 401, sorted; `other` if they name none."""
    found = {
        _KNOWN.get(name.lower(), LoginScheme.OTHER)
        for challenge in challenges
        for name in _SCHEME.findall(_QUOTED.sub('""', challenge[:_MAX_LENGTH]))
    }
    return tuple(sorted(found)) or (LoginScheme.OTHER,)
